"""Managers set up webhooks and circles, and look at what was sent."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

MANAGED = ("webhook", "notificationpreference")
WANTED = [
    "view_notification",
    *(f"{verb}_{model}" for model in MANAGED for verb in ("view", "add", "change", "delete")),
]


def let_managers(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    database = schema_editor.connection.alias
    # Django makes permissions after all migrations; here they are needed now.
    app = apps.get_app_config("alerts")
    app.models_module = True
    create_permissions(app, apps=apps, verbosity=0, using=database)
    app.models_module = None
    Permission = apps.get_model("auth", "Permission")
    found = Permission.objects.using(database).filter(content_type__app_label="alerts", codename__in=WANTED)
    for group in apps.get_model("auth", "Group").objects.using(database).filter(name="manager"):
        group.permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("alerts", "0011_past_announcements")]

    operations = [migrations.RunPython(let_managers, migrations.RunPython.noop)]
