"""The sentences of the alerts: what happened, and what to do next. Without codes first."""

from typing import NamedTuple

from alerts.kinds import AlertType
from alerts.rules import Rule
from telemetry.metrics import METRICS

METRIC_WORDS = {metric.field: (metric.label, metric.unit, metric.decimals) for metric in METRICS}
# For a machine whose template does not know the code.
UNKNOWN_FAULT = "Look at its display, then at the maker's manual."


class Trouble(NamedTuple):
    """What is wrong with whom: `name` is the machine's or the bakery's, `text` what the machine said itself."""

    name: str
    rule: Rule
    value: float | None = None
    text: str = ""


def describe(trouble: Trouble) -> str:
    """The alert's sentence, as it opens."""
    return SENTENCES[AlertType(trouble.rule.alert_type)](trouble)


def minutes(seconds: float) -> str:
    whole = max(1, round(seconds / 60))
    return f"{whole} min" if whole < 90 else f"{whole // 60} h {whole % 60:02d} min"


def _deviation(trouble: Trouble) -> str:
    value = trouble.value or 0.0
    side = "over" if value > 0 else "under"
    what_next = "Is the door closed?" if value < 0 else "Turn it down, or take the product out."
    long = f" for {minutes(trouble.rule.on_delay)}" if trouble.rule.on_delay else ""
    return f"{trouble.name} is {abs(value):.0f} degrees {side} its target{long}. {what_next}"


def _limit(trouble: Trouble) -> str:
    rule, value = trouble.rule, trouble.value or 0.0
    label, unit, decimals = METRIC_WORDS.get(rule.metric, (rule.metric, "", 1))
    decimals = max(decimals, 1) if rule.is_food_safety else decimals
    is_over = rule.upper is not None and value > rule.upper
    bound, words = (rule.upper, "more") if is_over else (rule.lower, "less")
    shown = f"{value:.{decimals}f}\u2009{unit}".rstrip("\u2009")
    limit = f"{bound or 0:.{decimals}f}\u2009{unit}".rstrip("\u2009")
    what_next = "Check the goods, and move them if they grow warm." if rule.is_food_safety else "Have a look at it."
    return f"{label} of {trouble.name} is {shown}, {words} than the {limit} allowed. {what_next}"


def _connection_lost(trouble: Trouble) -> str:
    return (
        f"{trouble.name} has not been reachable for {minutes(trouble.rule.on_delay)}. "
        "Is it switched on, and its network cable in?"
    )


def _no_data(trouble: Trouble) -> str:
    return (
        f"{trouble.name} answers, but has sent no usable value for {minutes(trouble.value or 0)}. "
        "Restart its control panel; if that does not help, test its connection."
    )


def _authentication_failed(trouble: Trouble) -> str:
    return f"{trouble.name} refuses our password or key. Ask a manager to enter it again in its connection settings."


def _equipment_error(trouble: Trouble) -> str:
    return f"{trouble.name} reports a fault. {trouble.text or UNKNOWN_FAULT}"


def _sensor_suspect(trouble: Trouble) -> str:
    return (
        f"The {trouble.text or 'temperature'} that {trouble.name} sends cannot be true. Its values are kept, but raise "
        "no alarm. Measure by hand, and have the probe checked."
    )


def _not_ready(trouble: Trouble) -> str:
    late = trouble.value or 0.0
    when = "will not be hot at opening" if late >= 600 else f"will be hot {minutes(late * 60)} after opening"
    return f"{trouble.name} {when}. Begin with another oven, or see whether it is heating at all."


def _door_open(trouble: Trouble) -> str:
    return f"The door of {trouble.name} has been open for {minutes(trouble.rule.on_delay)}. Close it."


def _maintenance_due(trouble: Trouble) -> str:
    return f"{trouble.name} asks for maintenance. Arrange it with your service partner."


def _acquisition_stalled(trouble: Trouble) -> str:
    return (
        f"Nothing has been read in {trouble.name} for {minutes(trouble.value or 180)}. All values are old. "
        "Is the computer that reads the machines running?"
    )


def _gateway_overloaded(trouble: Trouble) -> str:
    return f"More machines are to be read in {trouble.name} than can be in time. Lengthen their intervals."


SENTENCES = {
    AlertType.TEMPERATURE_DEVIATION: _deviation,
    AlertType.LIMIT: _limit,
    AlertType.CONNECTION_LOST: _connection_lost,
    AlertType.NO_DATA: _no_data,
    AlertType.AUTHENTICATION_FAILED: _authentication_failed,
    AlertType.EQUIPMENT_ERROR: _equipment_error,
    AlertType.SENSOR_SUSPECT: _sensor_suspect,
    AlertType.NOT_READY: _not_ready,
    AlertType.DOOR_OPEN: _door_open,
    AlertType.MAINTENANCE_DUE: _maintenance_due,
    AlertType.ACQUISITION_STALLED: _acquisition_stalled,
    AlertType.GATEWAY_OVERLOADED: _gateway_overloaded,
}
