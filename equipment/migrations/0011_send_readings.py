"""Managers may send readings of their machines, and let others do so in the admin."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def grant(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    database = schema_editor.connection.alias
    # Django makes permissions after all migrations; here they are needed now.
    app = apps.get_app_config("equipment")
    app.models_module = True
    create_permissions(app, apps=apps, verbosity=0, using=database)
    app.models_module = None
    permission = apps.get_model("auth", "Permission").objects.using(database).get(
        content_type__app_label="equipment", codename="send_readings"
    )
    for group in apps.get_model("auth", "Group").objects.using(database).filter(name="manager"):
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("equipment", "0010_api"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
