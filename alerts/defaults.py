"""What holds without a single rule written: right for a new machine, patient enough to be left on.

A kind that is missing for a machine's type is not watched there until somebody writes a rule.
"""

from alerts.kinds import AlertType, Severity
from alerts.rules import Rule

MINUTE = 60.0
HOUR = 3_600.0
CRITICAL, WARNING, INFO = Severity.CRITICAL.value, Severity.WARNING.value, Severity.INFO.value


def _rule(alert_type: AlertType, severity: str, *, metric: str = "", **values: float | bool) -> Rule:
    cause = f"{alert_type.value}:{metric}" if metric else alert_type.value
    return Rule(cause, alert_type.value, severity, metric, **values)  # type: ignore[arg-type]


EVERYWHERE = (
    _rule(AlertType.CONNECTION_LOST, WARNING, on_delay=5 * MINUTE, clear_delay=2 * MINUTE, only_in_plan=True),
    _rule(AlertType.NO_DATA, WARNING, on_delay=8 * MINUTE, clear_delay=2 * MINUTE, only_in_plan=True),
    _rule(AlertType.AUTHENTICATION_FAILED, WARNING, on_delay=10.0),
    _rule(AlertType.EQUIPMENT_ERROR, CRITICAL, on_delay=10.0, clear_delay=MINUTE, escalate_after=15 * MINUTE),
    _rule(AlertType.SENSOR_SUSPECT, WARNING, on_delay=2 * MINUTE, clear_delay=10 * MINUTE),
    _rule(AlertType.MAINTENANCE_DUE, INFO, on_delay=MINUTE, clear_delay=HOUR),
)
# Of a deviation and of a duration `upper` is what is still good.
HOT = (
    _rule(
        AlertType.TEMPERATURE_DEVIATION,
        WARNING,
        upper=15.0,
        lower=-15.0,
        deadband=5.0,
        on_delay=5 * MINUTE,
        clear_delay=10 * MINUTE,
        only_in_plan=True,
    ),
    _rule(AlertType.NOT_READY, WARNING, upper=5.0, deadband=3.0, on_delay=2 * MINUTE, clear_delay=2 * MINUTE),
    _rule(AlertType.DOOR_OPEN, WARNING, on_delay=10 * MINUTE, clear_delay=30.0, only_in_plan=True),
)
COLD_DOOR = _rule(AlertType.DOOR_OPEN, WARNING, on_delay=5 * MINUTE, clear_delay=30.0)


def _cold(upper: float, on_delay: float) -> Rule:
    """Goods spoil at night too: in and out of plan. A defrost and a door that was open are shorter than the delay."""
    return _rule(
        AlertType.LIMIT,
        CRITICAL,
        metric="temperature",
        upper=upper,
        deadband=1.0,
        on_delay=on_delay,
        clear_delay=5 * MINUTE,
        is_food_safety=True,
        escalate_after=15 * MINUTE,
    )


DEFAULTS: dict[str, tuple[Rule, ...]] = {
    "oven": EVERYWHERE + HOT,
    "proofer": EVERYWHERE + HOT[:1],
    "fridge": (*EVERYWHERE, _cold(8.0, 30 * MINUTE), COLD_DOOR),
    "freezer": (*EVERYWHERE, _cold(-15.0, 45 * MINUTE), COLD_DOOR),
    "other": EVERYWHERE,
}
# Of a bakery as a whole, or of the gateway that serves it.
OF_BAKERIES = {
    rule.cause: rule
    for rule in (
        _rule(
            AlertType.CONNECTION_LOST,
            CRITICAL,
            on_delay=5 * MINUTE,
            clear_delay=2 * MINUTE,
            only_in_plan=True,
            escalate_after=15 * MINUTE,
        ),
        _rule(AlertType.ACQUISITION_STALLED, CRITICAL, clear_delay=MINUTE, escalate_after=15 * MINUTE),
        _rule(AlertType.GATEWAY_OVERLOADED, WARNING, on_delay=5 * MINUTE, clear_delay=10 * MINUTE),
    )
}
