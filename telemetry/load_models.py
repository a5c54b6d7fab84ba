"""How much a gateway's poll worker has to do, as it said itself a few seconds ago."""

from django.db import models

from equipment.models import Gateway

# Beyond these a gateway falls behind: its machines are read later than they should be, or not at all.
MOST_MISSED_PERCENTAGE = 5.0
MOST_LATE_SECONDS = 1.0
MOST_BUSY_PERCENTAGE = 90.0
MOST_WAITING_READINGS = 20_000


class GatewayLoad(models.Model):
    """One row per gateway, overwritten. It grows old when nobody polls the gateway any more."""

    gateway = models.OneToOneField(Gateway, on_delete=models.CASCADE, primary_key=True, related_name="load")
    measured_at = models.DateTimeField()
    poll_worker = models.CharField(max_length=200, help_text="Host and process that poll the gateway")
    machines = models.PositiveIntegerField(help_text="Lines that are kept")
    readings_per_second = models.FloatField()
    lateness_p99_seconds = models.FloatField(
        "lateness", null=True, help_text="99 of 100 reads began at most this late; empty where nothing is polled"
    )
    missed_percentage = models.FloatField("missed", help_text="Reads left out, because their machine was still busy")
    busy_percentage = models.FloatField("busy", help_text="Of one processor, in the loop that talks to the machines")
    waiting_readings = models.PositiveIntegerField("waiting", help_text="Readings that are not stored yet")

    class Meta:
        db_table = "gateway_load"
        verbose_name = verbose_name_plural = "gateway load"

    def __str__(self) -> str:
        return str(self.gateway)

    @property
    def is_overloaded(self) -> bool:
        return (
            self.missed_percentage >= MOST_MISSED_PERCENTAGE
            or (self.lateness_p99_seconds or 0.0) > MOST_LATE_SECONDS
            or self.busy_percentage >= MOST_BUSY_PERCENTAGE
            or self.waiting_readings >= MOST_WAITING_READINGS
        )
