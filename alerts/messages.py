"""The words of messages: what happened first, then what to do, then where. The same for all channels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from alerts.kinds import EventType
from alerts.models import AlertEvent
from alerts.selectors import name_of

LONGEST_SUBJECT = 150


@dataclass(frozen=True, slots=True)
class Item:
    """One alert's news."""

    sentence: str
    place: str
    since: str  # when it began, in the bakery's time
    severity: str
    severity_words: str
    is_over: bool
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """One mail or push message: of one alert, of many at once, or a test without any."""

    subject: str
    items: tuple[Item, ...]
    url: str
    reason: str  # why this person gets it
    tag: str = ""  # messages of one alert replace each other on a phone


def compose(events: Sequence[AlertEvent], receiver: str) -> Message:
    """`receiver` is how the person is addressed in the last line."""
    if not events:
        return _test_message(receiver)
    items = tuple(_item(event) for event in events)
    if len(items) == 1:
        subject = f"{items[0].sentence} · {events[0].alert.bakery.name}"
        return Message(_one_line(subject), items, items[0].url, _reason(events), str(events[0].alert.uuid))
    bakeries = dict.fromkeys(event.alert.bakery.name for event in events)
    open_ones = sum(not item.is_over for item in items)
    subject = f"{len(items)} alerts at once, {open_ones or 'none'} still open · {', '.join(bakeries)}"
    return Message(_one_line(subject), items, absolute(reverse("alert_list")), _reason(events))


def absolute(path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}"


def name_actor(event: AlertEvent) -> str:
    return name_of(event.actor) or "Somebody"


def describe_event(event: AlertEvent) -> str:
    """The event as a sentence that stands alone."""
    return SENTENCES.get(EventType(event.event), _as_alert)(event)


def _as_alert(event: AlertEvent) -> str:
    return event.alert.message


def _caught_up(event: AlertEvent) -> str:
    return f"{event.alert.message} It was kept quiet, and is still so."


def _resolved(event: AlertEvent) -> str:
    alert = event.alert
    name = alert.equipment.name if alert.equipment else alert.bakery.name
    if event.actor is None:
        return f"{name} is well again. {event.text}."
    action = f" {event.text}" if event.text else ""
    return f"{name}: {name_actor(event)} closed the alert.{action}"


SENTENCES: dict[EventType, Callable[[AlertEvent], str]] = {
    EventType.REOPENED: lambda event: event.text or event.alert.message,
    EventType.CAUGHT_UP: _caught_up,
    EventType.ESCALATION: lambda event: event.text,
    EventType.ACKNOWLEDGED: lambda event: f"{name_actor(event)} sees to it: {event.alert.message}",
    EventType.ASSIGNED: lambda event: f"{name_actor(event)} asks you to see to it: {event.alert.message}",
    EventType.RESOLVED: _resolved,
}


def _item(event: AlertEvent) -> Item:
    alert = event.alert
    place = f"{alert.bakery.name} · {alert.equipment.name}" if alert.equipment else alert.bakery.name
    return Item(
        sentence=describe_event(event),
        place=place,
        since=_on_the_wall(alert.opened_at, alert.bakery.time_zone),
        severity=alert.severity,
        severity_words=alert.get_severity_display(),
        is_over=event.event == EventType.RESOLVED,
        url=absolute(alert.get_absolute_url()),
    )


def _on_the_wall(moment: datetime, zone: ZoneInfo) -> str:
    """With the day: a message may be read much later."""
    at = moment.astimezone(zone)
    return f"{at:%a} {at.day} {at:%b}, {at:%H:%M}"


def _reason(events: Sequence[AlertEvent]) -> str:
    bakeries = dict.fromkeys(event.alert.bakery.name for event in events)
    return f"You get this as a member of {', '.join(bakeries)}."


def _test_message(receiver: str) -> Message:
    sentence = f"This is a test, {receiver}: messages about alerts reach you here."
    return Message(sentence, (), absolute(reverse("alert_list")), "You asked for it.", "test")


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SUBJECT else f"{line[: LONGEST_SUBJECT - 1]}…"
