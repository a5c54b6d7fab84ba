"""Managers see how much the gateways of their bakeries have to do."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def let_managers(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    database = schema_editor.connection.alias
    # Django makes permissions after all migrations; here they are needed now.
    app = apps.get_app_config("telemetry")
    app.models_module = True
    create_permissions(app, apps=apps, verbosity=0, using=database)
    app.models_module = None
    found = apps.get_model("auth", "Permission").objects.using(database).filter(
        content_type__app_label="telemetry", codename="view_gatewayload"
    )
    for group in apps.get_model("auth", "Group").objects.using(database).filter(name="manager"):
        group.permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0004_gateway_load"), ("equipment", "0022_roles")]

    operations = [migrations.RunPython(let_managers, migrations.RunPython.noop)]
