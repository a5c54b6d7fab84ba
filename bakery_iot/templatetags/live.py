"""The states that a live page carries with it, so that it shows values before its socket is up."""

from typing import Any

from django import template
from django.template.context import Context
from django.utils import timezone
from django.utils.html import json_script

from telemetry.selectors import live_snapshot as get_live_snapshot

register = template.Library()


@register.simple_tag(takes_context=True)
def live_snapshot(context: Context) -> Any:
    """The same message that the socket sends first, as a script element with the id `live-snapshot`.

    A tag and not a view's context: the frame of every live page needs it, and the oven page's room knows no readings.
    """
    return json_script({"time": timezone.now(), **get_live_snapshot(context["user"])}, "live-snapshot")
