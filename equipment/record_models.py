"""What a maker's cloud keeps about a machine and we keep longer: HACCP batches and cooking programmes.

Not imported from `equipment.models`, which imports this: the machine is named by its label.
"""

from django.db import models
from django.db.models.functions import Now


class HaccpRecord(models.Model):
    """One batch as the device documented it. Written by `equipment.records.import_records`, overwritten on change."""

    equipment = models.ForeignKey("equipment.Equipment", on_delete=models.PROTECT, related_name="haccp_records")
    serial_number = models.CharField(max_length=100, help_text="Of the device, as its maker's cloud names it")
    external_id = models.CharField("batch", max_length=100, help_text="The batch's id on the device")
    name = models.CharField("programme", max_length=200, blank=True)
    group_name = models.CharField("group", max_length=200, blank=True)
    device_name = models.CharField("device", max_length=200, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished = models.BooleanField(null=True, blank=True)
    total_seconds = models.PositiveIntegerField(null=True, blank=True)
    core_temperature_reached = models.BooleanField(null=True, blank=True)
    temperature_unit = models.CharField(max_length=1, blank=True, help_text="C or F: what `document` is written in")
    software_versions = models.JSONField(default=dict, blank=True)
    document = models.JSONField("as received", default=dict, blank=True)
    source_updated_at = models.DateTimeField("changed at the maker's", null=True, blank=True)
    first_seen_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False, help_text="When we noticed the last change")

    class Meta:
        db_table = "equipment_haccp_records"
        verbose_name = "HACCP record"
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["equipment", "serial_number", "external_id"], name="haccp_record_once_per_batch"
            ),
        ]
        indexes = [models.Index(fields=["equipment", "-started_at", "-id"], name="haccp_record_by_start")]

    def __str__(self) -> str:
        return f"{self.name or 'Batch'} {self.external_id}"


class CookingProgramme(models.Model):
    """One programme that a device may run, as its maker's cloud lists it."""

    equipment = models.ForeignKey("equipment.Equipment", on_delete=models.PROTECT, related_name="cooking_programmes")
    external_id = models.CharField(max_length=100, help_text="Its id in the maker's cloud")
    uuid = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=200, blank=True)
    # No choices: the maker may add kinds and states, and a word we do not know is kept as it came.
    kind = models.CharField(max_length=50, blank=True, help_text="MANUAL or INTELLIGENT")
    status = models.CharField(max_length=50, blank=True, help_text="created, review or published")
    group = models.CharField(max_length=100, blank=True)
    device_family = models.CharField(max_length=50, blank=True)
    document = models.JSONField("as received", default=dict, blank=True)
    first_seen_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False, help_text="When we noticed the last change")

    class Meta:
        db_table = "equipment_cooking_programmes"
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["equipment", "external_id"], name="cooking_programme_once_per_equipment"),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id


class RecordImport(models.Model):
    """How far a machine's records have been fetched, when to look again, and what was wrong the last time."""

    equipment = models.OneToOneField("equipment.Equipment", on_delete=models.CASCADE, related_name="record_import")
    due_at = models.DateTimeField(help_text="Not to be fetched before")
    tried_at = models.DateTimeField(null=True, blank=True)
    succeeded_at = models.DateTimeField(null=True, blank=True)
    seen_until = models.DateTimeField(null=True, blank=True, help_text="All updates at the maker's up to here are here")
    error_message = models.TextField(blank=True)
    error_code = models.CharField(max_length=50, blank=True)

    class Meta:
        db_table = "equipment_record_imports"

    def __str__(self) -> str:
        return f"Records of {self.equipment}"
