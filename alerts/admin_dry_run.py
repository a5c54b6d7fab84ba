"""A dry run as people read it: words, and a picture of the value with its limits and the alerts."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from django.utils.html import format_html

from alerts.compiling import Watched, cause_of
from alerts.dry_run import Episode, replay, thin_out
from alerts.kinds import AlertType
from alerts.rule_models import AlertRule
from alerts.rules import Rule
from alerts.words import METRIC_WORDS


def describe_run(watched: Watched, row: AlertRule, days: int) -> dict[str, Any]:
    """One machine's replay in words and points, for its part of the page."""
    rule = next((rule for rule in watched.rules if rule.cause == cause_of(row)), None)
    if rule is None:
        return {"machine": watched.equipment, "is_off": True}
    run = replay(watched, rule, days, timezone.now())
    unit = METRIC_WORDS.get(rule.metric, ("", "", 0))[1] if row.alert_type == AlertType.LIMIT else "°"
    return {
        "machine": watched.equipment,
        "count": len(run.episodes),
        "quiet": sum(episode.is_quiet for episode in run.episodes),
        "by_state": run.by_state,
        "advice": run.advice,
        "unit": unit,
        "is_cut": run.is_cut,
        "has_readings": bool(run.observations),
        "chart": draw(thin_out(run.observations), run.episodes, rule),
    }


def draw(points: list[tuple[float, float]], episodes: Sequence[Episode], rule: Rule) -> dict[str, Any] | None:
    """The curve, its limits and the alerts, as shares of a picture of 1000 by 200."""
    if len(points) < 2:
        return None
    limits = [limit for limit in (rule.upper, rule.lower) if limit is not None]
    values = [value for _, value in points] + limits
    low, high = min(values), max(values)
    start, end = points[0][0], points[-1][0]

    def across(at: float) -> float:
        return round(1000 * (min(at, end) - start) / (end - start or 1), 1)

    def down(value: float) -> float:
        return round(195 - 190 * (value - low) / (high - low or 1), 1)

    marks = [(across(one.opened_at), across(one.ended_at or end)) for one in episodes]
    return {
        "line": " ".join(f"{across(at)},{down(value)}" for at, value in points),
        "limits": [down(limit) for limit in limits],
        "marks": [{"x": left, "width": max(2.0, right - left)} for left, right in marks],
    }


def render_table(head: list[str], rows: list[list[str]]) -> str:
    cells = format_html("".join("<th class='px-2 py-1 text-left'>{}</th>" for _ in head), *head)
    body = [
        format_html("<tr>{}</tr>", format_html("".join("<td class='px-2 py-1'>{}</td>" for _ in row), *row))
        for row in rows
    ]
    return format_html("<table><thead><tr>{}</tr></thead><tbody>" + "{}" * len(body) + "</tbody></table>", cells, *body)
