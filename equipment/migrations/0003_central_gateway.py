"""An installation begins with one gateway, so that the first bakery can be entered at once."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def make_central(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Gateway = apps.get_model("equipment", "Gateway")
    if not Gateway.objects.exists():
        Gateway.objects.create(name="Central", slug="central")


class Migration(migrations.Migration):
    dependencies = [("equipment", "0002_groups")]

    operations = [migrations.RunPython(make_central, migrations.RunPython.noop)]
