"""What a migration says to give a role its rights. Groups that an administrator has removed stay removed."""

from collections.abc import Sequence
from typing import Any

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import RunPython

VERBS = ("view", "add", "change", "delete")


def let(role: str, app_label: str, model: str, verbs: Sequence[str] = VERBS) -> RunPython:
    """The operation by which a role may do this with a model's rows."""

    def give(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        database = schema_editor.connection.alias
        # Django makes permissions after all migrations; here they are needed now.
        app: Any = apps.get_app_config(app_label)
        app.models_module = True
        create_permissions(app, apps=apps, verbosity=0, using=database)
        app.models_module = None
        found = apps.get_model("auth", "Permission").objects.using(database)
        wanted = found.filter(
            content_type__app_label=app_label, codename__in=[f"{verb}_{model.lower()}" for verb in verbs]
        )
        for group in apps.get_model("auth", "Group").objects.using(database).filter(name=role):
            group.permissions.add(*wanted)

    return RunPython(give, RunPython.noop)
