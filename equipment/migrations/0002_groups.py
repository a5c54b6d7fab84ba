"""The two groups of people: `manager` sets things up, `staff` looks. Change them in the admin as you like."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Gateways are processes on our servers: a superuser makes them, a manager chooses among them.
STAFF = {
    "equipment": ["view_gateway", "view_bakery", "view_equipment", "view_batch", "view_connectionlog"],
    "alerts": ["view_alert"],
}
MANAGER = {
    "equipment": [
        *STAFF["equipment"],
        *(f"{verb}_{model}" for model in ("bakery", "equipment", "batch") for verb in ("add", "change", "delete")),
        "configure_iot",
    ],
    "alerts": ["view_alert", "change_alert"],
    "auditlog": ["view_logentry"],
}


def make_groups(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    database = schema_editor.connection.alias
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    for label in MANAGER:
        # Django makes permissions after all migrations; here they are needed now.
        app = apps.get_app_config(label)
        app.models_module = True
        create_permissions(app, apps=apps, verbosity=0, using=database)
        app.models_module = None
    for name, wanted in (("manager", MANAGER), ("staff", STAFF)):
        group, created = Group.objects.using(database).get_or_create(name=name)
        for label, codenames in wanted.items() if created else ():
            found = Permission.objects.using(database).filter(content_type__app_label=label, codename__in=codenames)
            group.permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [
        ("equipment", "0001_initial"),
        ("alerts", "0001_initial"),
        ("auditlog", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
