"""HACCP batches and cooking programmes fetched from a maker's cloud, and who may look at them."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

VIEWED = ("view_haccprecord", "view_cookingprogramme")


def let_groups_look(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    database = schema_editor.connection.alias
    app = apps.get_app_config("equipment")
    # Django makes permissions after all migrations; here they are needed now.
    app.models_module = True
    create_permissions(app, apps=apps, verbosity=0, using=database)
    app.models_module = None
    found = (
        apps.get_model("auth", "Permission")
        .objects.using(database)
        .filter(content_type__app_label="equipment", codename__in=VIEWED)
    )
    for group in apps.get_model("auth", "Group").objects.using(database).filter(name__in=("manager", "staff")):
        group.permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("equipment", "0004_installation_identity")]

    operations = [
        migrations.AlterField(
            model_name="connectionlog",
            name="event_type",
            field=models.CharField(
                choices=[
                    ("connected", "Connected"),
                    ("disconnected", "Lost"),
                    ("error", "Trouble"),
                    ("test", "Connection test"),
                    ("configured", "Settings changed"),
                    ("records", "Records fetched"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="RecordImport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("due_at", models.DateTimeField(help_text="Not to be fetched before")),
                ("tried_at", models.DateTimeField(blank=True, null=True)),
                ("succeeded_at", models.DateTimeField(blank=True, null=True)),
                (
                    "seen_until",
                    models.DateTimeField(
                        blank=True, help_text="All updates at the maker's up to here are here", null=True
                    ),
                ),
                ("error_message", models.TextField(blank=True)),
                ("error_code", models.CharField(blank=True, max_length=50)),
                (
                    "equipment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="record_import",
                        to="equipment.equipment",
                    ),
                ),
            ],
            options={"db_table": "equipment_record_imports"},
        ),
        migrations.CreateModel(
            name="CookingProgramme",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("external_id", models.CharField(help_text="Its id in the maker's cloud", max_length=100)),
                ("uuid", models.CharField(blank=True, max_length=100)),
                ("name", models.CharField(blank=True, max_length=200)),
                ("kind", models.CharField(blank=True, help_text="MANUAL or INTELLIGENT", max_length=50)),
                ("status", models.CharField(blank=True, help_text="created, review or published", max_length=50)),
                ("group", models.CharField(blank=True, max_length=100)),
                ("device_family", models.CharField(blank=True, max_length=50)),
                ("document", models.JSONField(blank=True, default=dict, verbose_name="as received")),
                (
                    "first_seen_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                        help_text="When we noticed the last change",
                    ),
                ),
                (
                    "equipment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cooking_programmes",
                        to="equipment.equipment",
                    ),
                ),
            ],
            options={
                "db_table": "equipment_cooking_programmes",
                "ordering": ["name", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("equipment", "external_id"), name="cooking_programme_once_per_equipment"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="HaccpRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "serial_number",
                    models.CharField(help_text="Of the device, as its maker's cloud names it", max_length=100),
                ),
                (
                    "external_id",
                    models.CharField(help_text="The batch's id on the device", max_length=100, verbose_name="batch"),
                ),
                ("name", models.CharField(blank=True, max_length=200, verbose_name="programme")),
                ("group_name", models.CharField(blank=True, max_length=200, verbose_name="group")),
                ("device_name", models.CharField(blank=True, max_length=200, verbose_name="device")),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished", models.BooleanField(blank=True, null=True)),
                ("total_seconds", models.PositiveIntegerField(blank=True, null=True)),
                ("core_temperature_reached", models.BooleanField(blank=True, null=True)),
                (
                    "temperature_unit",
                    models.CharField(blank=True, help_text="C or F: what `document` is written in", max_length=1),
                ),
                ("software_versions", models.JSONField(blank=True, default=dict)),
                ("document", models.JSONField(blank=True, default=dict, verbose_name="as received")),
                (
                    "source_updated_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="changed at the maker's"),
                ),
                (
                    "first_seen_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                        help_text="When we noticed the last change",
                    ),
                ),
                (
                    "equipment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="haccp_records",
                        to="equipment.equipment",
                    ),
                ),
            ],
            options={
                "verbose_name": "HACCP record",
                "db_table": "equipment_haccp_records",
                "ordering": ["-started_at", "-id"],
                "indexes": [
                    models.Index(fields=["equipment", "-started_at", "-id"], name="haccp_record_by_start"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("equipment", "serial_number", "external_id"), name="haccp_record_once_per_batch"
                    )
                ],
            },
        ),
        migrations.RunPython(let_groups_look, migrations.RunPython.noop),
    ]
