"""The admin in a browser without a screen, for tests."""

from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from equipment.admin_forms import connection_form
from equipment.models import Equipment


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(name: str, *arguments: Any) -> str:
    return reverse(f"admin:equipment_{name}", args=arguments)


def filled(oven: Equipment | None = None, **changes: Any) -> dict[str, Any]:
    """What a browser would post of the machine's form as it stands."""
    form = connection_form()(instance=oven) if oven else connection_form()()
    values = {
        "name": "Deck oven",
        "type": "oven",
        "temperature_zones": 1,
        "poll_interval_seconds": 30,
        "iot_enabled": "on",
        "supports_realtime": "on",
    }
    if oven:
        values |= {"bakery": oven.bakery_id, "name": oven.name}
    for name, field in form.fields.items():
        value = field.prepare_value(form.get_initial_for_field(field, name))
        values.setdefault(name, "" if value is None else value)
    del values["forget"]  # boxes that are not ticked are not sent
    return {**values, **changes}


def post(browser: Client, oven: Equipment, **changes: Any) -> Any:
    return browser.post(page("equipment_change", oven.pk), filled(oven, **changes))


def errors(answer: Any) -> dict[str, list[str]]:
    form = answer.context["adminform"].form
    return {name: list(found) for name, found in form.errors.items()}
