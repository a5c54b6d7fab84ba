"""Reads. Each begins with what the user may see."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Case, IntegerField, QuerySet, Value, When

from alerts.kinds import AlertStatus, Severity
from alerts.models import Alert, Notification
from equipment.models import Bakery
from equipment.selectors import bakeries_for

# Of one bakery on a page: whoever has more open than this needs a list, not a bell.
MOST_SHOWN = 200
WORST_FIRST = Case(
    When(severity=Severity.CRITICAL, then=Value(0)),
    When(severity=Severity.WARNING, then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)
UNSEEN_FIRST = Case(
    When(status=AlertStatus.ACTIVE, then=Value(0)),
    When(status=AlertStatus.ACKNOWLEDGED, then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)


def alerts_for(user: Any) -> QuerySet[Alert]:
    """The alerts of the user's bakeries, open and resolved."""
    return _whole(Alert.objects.filter(bakery__in=bakeries_for(user)))


def list_open(bakeries: Iterable[Bakery]) -> QuerySet[Alert]:
    """What is not resolved and people are to see, worst first."""
    open_alerts = Alert.objects.filter(bakery__in=list(bakeries), suppressed_by="").exclude(status=AlertStatus.RESOLVED)
    return worst_first(_whole(open_alerts))[:MOST_SHOWN]


def worst_first(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    """What nobody has seen before what somebody has, then by severity, then the newest."""
    return alerts.order_by(UNSEEN_FIRST, WORST_FIRST, "-opened_at")


def list_told(alert: Alert) -> QuerySet[Notification]:
    """The messages about one alert, in their order."""
    rows = Notification.objects.filter(event__alert=alert).select_related("user", "webhook", "event")
    return rows.order_by("created_at", "pk")[:MOST_SHOWN]


def snapshot_of(user: Any) -> dict[str, Any]:
    """What a page's snapshot says of alerts."""
    return {"alerts": [shown(alert) for alert in list_open(bakeries_for(user))]}


def shown(alert: Alert) -> dict[str, Any]:
    """One alert as sockets and pages get it. Unknown is None."""
    return {
        "alert_id": str(alert.uuid),
        "bakery": alert.bakery.slug,
        "equipment_id": str(alert.equipment.uuid) if alert.equipment else None,
        "equipment_name": alert.equipment.name if alert.equipment else None,
        "alert_type": alert.alert_type,
        "severity": alert.severity,
        "status": alert.status,
        "message": alert.message,
        "occurrences": alert.occurrences,
        "is_food_safety": alert.is_food_safety,
        "opened_at": alert.opened_at,
        "recovered_at": alert.recovered_at,
        "acknowledged_at": alert.acknowledged_at,
        "acknowledged_by": name_of(alert.acknowledged_by),
        "assigned_to": name_of(alert.assigned_to),
        "url": alert.get_absolute_url(),
    }


def name_of(user: Any) -> str | None:
    return (user.get_full_name() or user.get_username()) if user else None


def _whole(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    return alerts.select_related("bakery", "equipment", "acknowledged_by", "assigned_to", "resolved_by")
