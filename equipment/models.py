"""Which machines exist, where they stand, how to reach them, whether they answer and what they bake.

The `iot_` columns and their names are the integration guide's. Readings live in `telemetry`.
"""

import uuid
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse
from timezone_field import TimeZoneField

from connectors.preset import find_preset
from equipment.access_models import ApiClient as ApiClient
from equipment.access_models import BakeryMembership as BakeryMembership
from equipment.data_models import DataJob as DataJob
from equipment.data_models import DataJobKind as DataJobKind
from equipment.data_models import DataPart as DataPart
from equipment.fields import EncryptedJSONField, EncryptedSecretField
from equipment.idempotency_models import IdempotentAnswer as IdempotentAnswer
from equipment.record_models import CookingProgramme as CookingProgramme
from equipment.record_models import HaccpRecord as HaccpRecord
from equipment.record_models import RecordImport as RecordImport


class Gateway(models.Model):
    """A place from which machines are reached. Its poll worker serves the queue `poll.<slug>`."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=50, unique=True, help_text="Also the name of its queue: poll.<slug>")

    def __str__(self) -> str:
        return self.name

    @property
    def queue(self) -> str:
        return f"poll.{self.slug}"


class InstallationIdentity(models.Model):
    """Who this installation is to machines and brokers. One row; read it with `equipment.identity.get_identity`."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(max_length=32, editable=False)
    certificate_pem = models.TextField("certificate", editable=False)
    private_key = EncryptedSecretField(editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "application certificate"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_installation_identity")]

    def __str__(self) -> str:
        return f"bakery_iot {self.name[:12]}"


class Bakery(models.Model):
    """One shop. People see the machines of the bakeries they are members of, and no others."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=50, unique=True)
    time_zone = TimeZoneField(default="Europe/Madrid")
    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="bakeries")
    # Also those whose time is over: ask `selectors.members_of` for who belongs to it now.
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through=BakeryMembership, blank=True, related_name="bakeries"
    )

    class Meta:
        verbose_name_plural = "bakeries"
        ordering = ["name"]
        permissions = [
            ("export_bakery", "Can export everything of a bakery"),
            ("erase_bakery", "Can delete a bakery with everything it has recorded"),
        ]

    def __str__(self) -> str:
        return self.name


class IoTConnectionStatus(models.TextChoices):
    UNKNOWN = "unknown", "Not tried yet"
    CONNECTED = "connected", "Connected"
    DISCONNECTED = "disconnected", "Not reachable"
    ERROR = "error", "Answers, but not with readings"


class EquipmentType(models.TextChoices):
    OVEN = "oven", "Oven"
    PROOFER = "proofer", "Proofer"
    FRIDGE = "fridge", "Fridge"
    FREEZER = "freezer", "Freezer"
    OTHER = "other", "Other"


class Equipment(models.Model):
    """One machine. Set its `iot_` columns through `equipment.services.configure_equipment_iot`."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    bakery = models.ForeignKey(Bakery, on_delete=models.PROTECT, related_name="equipment")
    name = models.CharField(max_length=100)
    type = models.CharField(max_length=20, choices=EquipmentType, default=EquipmentType.OVEN)
    place = models.CharField(max_length=100, blank=True, help_text="Where it stands, as people say it: bakehouse, left")
    manufacturer = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=100, blank=True)
    serial_number = models.CharField(max_length=100, blank=True)
    firmware_version = models.CharField(max_length=100, blank=True)
    # No choices: templates come and go with releases, and a machine keeps the name of a gone one.
    preset = models.CharField(
        "template",
        max_length=50,
        blank=True,
        help_text="What is known of this make and model, from which the connection was filled in",
    )

    iot_enabled = models.BooleanField("connected", default=False, help_text="Read this machine at its interval")
    iot_protocol = models.CharField("protocol", max_length=50, blank=True)
    iot_endpoint = models.CharField("address", max_length=2000, blank=True)
    iot_port = models.PositiveIntegerField(
        "port", null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    iot_credentials = EncryptedJSONField("credentials", default=dict, blank=True)
    iot_config = models.JSONField("further settings", default=dict, blank=True)
    iot_connection_status = models.CharField(
        "connection", max_length=20, choices=IoTConnectionStatus, default=IoTConnectionStatus.UNKNOWN, editable=False
    )
    iot_connection_error = models.TextField("what is wrong", blank=True, editable=False)
    iot_connection_error_code = models.CharField(max_length=50, blank=True, editable=False)
    iot_last_connected = models.DateTimeField("last connected", null=True, blank=True, editable=False)
    supports_realtime = models.BooleanField(default=True)
    poll_interval_seconds = models.PositiveIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(86_400)]
    )
    temperature_zones = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(50)], help_text="Number of temperature zones"
    )
    supports_humidity = models.BooleanField(default=False)
    supports_energy_monitoring = models.BooleanField(default=False)
    supports_remote_control = models.BooleanField(default=False)
    config_version = models.PositiveIntegerField(
        default=1, editable=False, help_text="Moves with every change of the connection; the poll worker follows it"
    )
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "equipment"
        verbose_name = verbose_name_plural = "equipment"
        ordering = ["bakery__name", "name"]
        permissions = [
            ("configure_iot", "Can set where the server connects to"),
            ("send_readings", "Can send readings in a machine's name"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["bakery", "name"],
                condition=models.Q(archived_at=None),
                name="equipment_name_once_per_bakery",
                violation_error_message="This bakery already has equipment of this name. Choose another name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("equipment_detail", args=[self.uuid])

    @property
    def is_unverified(self) -> bool:
        """Read over an interface that was assumed: no one has seen it at a real machine, nor its description."""
        preset = find_preset(self.preset)
        return preset is not None and preset.is_unverified and preset.protocol == self.iot_protocol

    @property
    def connector_config(self) -> dict[str, Any]:
        """The four keys that the API's body, the connectors and these columns share."""
        return {
            "endpoint": self.iot_endpoint,
            "port": self.iot_port,
            "credentials": self.iot_credentials or {},
            "additional_config": self.iot_config or {},
        }


class Batch(models.Model):
    """One load of one product in one machine, from its start to its end."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    equipment = models.ForeignKey(Equipment, on_delete=models.PROTECT, related_name="batches")
    product = models.CharField(max_length=100)
    number = models.CharField(max_length=50, blank=True, help_text="As the bakery counts its batches")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    target_temperature = models.FloatField(null=True, blank=True, help_text="°C")
    expected_minutes = models.PositiveIntegerField(null=True, blank=True)
    external_id = models.CharField(max_length=100, blank=True, help_text="The batch's id in your ERP or till")

    class Meta:
        verbose_name_plural = "batches"
        ordering = ["-started_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ended_at=None) | models.Q(ended_at__gte=models.F("started_at")),
                name="batch_ends_after_it_starts",
                violation_error_message="A batch cannot end before it starts.",
            ),
            models.UniqueConstraint(
                fields=["equipment", "external_id"],
                condition=~models.Q(external_id=""),
                name="batch_external_id_once_per_equipment",
            ),
        ]
        indexes = [models.Index(fields=["equipment", "-started_at"], name="batch_by_start")]

    def __str__(self) -> str:
        return f"{self.product} - Batch #{self.number}" if self.number else self.product


class ConnectionEventType(models.TextChoices):
    CONNECTED = "connected", "Connected"
    DISCONNECTED = "disconnected", "Lost"
    ERROR = "error", "Trouble"
    TEST = "test", "Connection test"
    CONFIGURED = "configured", "Settings changed"
    RECORDS = "records", "Records fetched"


class ConnectionLog(models.Model):
    """A change of a machine's connection, or a test of it. Never one row per poll."""

    equipment = models.ForeignKey(Equipment, on_delete=models.CASCADE, related_name="connection_logs")
    event_type = models.CharField(max_length=20, choices=ConnectionEventType)
    event_time = models.DateTimeField()
    connection_status = models.CharField(max_length=20, choices=IoTConnectionStatus)
    error_message = models.TextField(blank=True)
    error_code = models.CharField(max_length=50, blank=True)
    response_time_ms = models.PositiveIntegerField(null=True, blank=True)
    data_points_received = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        db_table = "equipment_connection_logs"
        ordering = ["-event_time", "-id"]
        indexes = [models.Index(fields=["equipment", "-event_time"], name="connection_log_by_time")]

    def __str__(self) -> str:
        return f"{self.get_event_type_display()}, {self.event_time:%Y-%m-%d %H:%M:%S} UTC"
