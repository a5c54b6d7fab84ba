"""The open alerts that every page carries with it, so that its bell counts before the socket is up."""

from typing import Any

from django import template
from django.template.context import Context
from django.utils.html import json_script

from alerts.selectors import snapshot_of

register = template.Library()


@register.simple_tag(takes_context=True)
def open_alerts(context: Context) -> Any:
    """As a script element with the id `open-alerts`."""
    return json_script(snapshot_of(context["user"])["alerts"], "open-alerts")
