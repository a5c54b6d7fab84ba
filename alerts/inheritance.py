"""Where each value of a rule comes from: the defaults, the chain, the bakery or the machine."""

from typing import Any, NamedTuple

from django.db.models import Q

from alerts.compiling import INHERITED, cause_of
from alerts.defaults import DEFAULTS, OF_BAKERIES
from alerts.rule_models import AlertRule
from alerts.rules import Rule

PLACES = ("Defaults", "All bakeries", "Bakery", "Machine")


class Inherited(NamedTuple):
    """One value of a rule as it holds, with the text of each place, and which of them wins."""

    label: str
    texts: tuple[str, ...]
    winner: str


def explain(row: AlertRule) -> list[Inherited]:
    """The values of a rule's row beside those it stands on."""
    rows = [_default_of(row), *_rows_of(row)]
    return [_explain_one(column, rows) for column in ("enabled", *INHERITED)]


def _default_of(row: AlertRule) -> Rule | None:
    kind = row.equipment.type if row.equipment else "oven"
    rules = {rule.cause: rule for rule in DEFAULTS[kind]}
    return rules.get(cause_of(row)) or OF_BAKERIES.get(cause_of(row))


def _rows_of(row: AlertRule) -> list[AlertRule | None]:
    bakery = row.equipment.bakery if row.equipment else row.bakery
    same = AlertRule.objects.filter(alert_type=row.alert_type, metric=row.metric)
    chain = row if not bakery else same.filter(Q(bakery=None, equipment=None)).first()
    of_bakery = row if row.bakery else (same.filter(bakery=bakery).first() if bakery else None)
    return [chain, of_bakery, row if row.equipment else None]


def _explain_one(column: str, rows: list[Any]) -> Inherited:
    default, *others = rows
    first = "yes" if column == "enabled" and default else _text(getattr(default, INHERITED.get(column, ""), None))
    texts = (first, *(_text(getattr(row, column, None)) for row in others))
    winner = next((place for place, text in reversed(list(zip(PLACES, texts, strict=True))) if text), "–")
    label = str(getattr(AlertRule._meta.get_field(column), "verbose_name", column))
    return Inherited(label[:1].upper() + label[1:], tuple(text or "–" for text in texts), winner)


def _text(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value)
