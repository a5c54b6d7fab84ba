"""The roles integrator and service partner, and what is new for managers. `docs/access.md` says it in a table."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

LOOK = {
    "equipment": [
        *(
            f"view_{model}"
            for model in (
                "gateway",
                "bakery",
                "equipment",
                "batch",
                "connectionlog",
                "haccprecord",
                "cookingprogramme",
            )
        )
    ],
    "alerts": ["view_alert"],
}
MANAGER = {
    "equipment": [
        *(f"{verb}_bakerymembership" for verb in ("view", "add", "change", "delete")),
        *(f"{verb}_apiclient" for verb in ("view", "add", "change")),
        "export_bakery",
        "erase_bakery",
        "send_readings",
    ],
    "alerts": [],
}
INTEGRATOR = {"equipment": ["add_batch", "change_batch", "send_readings"], "alerts": []}
SERVICE_PARTNER = {"equipment": ["change_equipment", "configure_iot"], "alerts": []}
ROLES = {"manager": (MANAGER,), "integrator": (LOOK, INTEGRATOR), "service partner": (LOOK, SERVICE_PARTNER)}


def make_roles(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    database = schema_editor.connection.alias
    for label in LOOK:
        # Django makes permissions after all migrations; here they are needed now.
        app = apps.get_app_config(label)
        app.models_module = True
        create_permissions(app, apps=apps, verbosity=0, using=database)
        app.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    for name, parts in ROLES.items():
        group, _ = apps.get_model("auth", "Group").objects.using(database).get_or_create(name=name)
        for part in parts:
            for label, codenames in part.items():
                group.permissions.add(*permissions.filter(content_type__app_label=label, codename__in=codenames))


class Migration(migrations.Migration):
    dependencies = [("equipment", "0021_api_clients"), ("alerts", "0004_permissions")]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
