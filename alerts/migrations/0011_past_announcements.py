"""What happened before there were messages has been seen on the pages: it must not be sent as news years later."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.functions import Now


def tick_off(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    events = apps.get_model("alerts", "AlertEvent").objects.using(schema_editor.connection.alias)
    events.filter(announce=True, announced_at=None).update(announced_at=Now())


class Migration(migrations.Migration):
    dependencies = [("alerts", "0010_messages")]

    operations = [migrations.RunPython(tick_off, migrations.RunPython.noop)]
