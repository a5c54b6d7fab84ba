"""A dry run as people read it: words, and a picture of the value with its limits and the alerts."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.html import format_html

from alerts.compiling import Watched, cause_of
from alerts.dry_run import Episode, replay, thin_out
from alerts.kinds import AlertType
from alerts.rule_models import AlertRule
from alerts.rules import Rule
from alerts.words import METRIC_WORDS, minutes

MOST_DAY_NAMES = 7


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
        "advice": run.advice and {"delay": minutes(run.advice.on_delay), **run.advice._asdict()},
        "unit": unit,
        "is_cut": run.is_cut,
        "has_readings": bool(run.observations),
        "chart": draw(thin_out(run.observations), run.episodes, rule, str(watched.equipment.bakery.time_zone), unit),
    }


def draw(
    points: list[tuple[float, float]], episodes: Sequence[Episode], rule: Rule, time_zone: str, unit: str
) -> dict[str, Any] | None:
    """The curve, its limits, the alerts and the bakery's midnights, as shares of a picture of 1000 by 200."""
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
        "limit_words": " and ".join(f"{limit:g}{unit}" for limit in limits),
        "scale": f"{low:.0f} to {high:.0f}{unit}" if high - low > 5 else f"{low:.4g} to {high:.4g}{unit}",
        "days": [
            {"x": across(at), "share": across(at) / 10, "name": name if 40 < across(at) < 930 else ""}
            for at, name in _midnights(start, end, time_zone)
        ],
        "marks": [{"x": left, "width": max(2.0, right - left)} for left, right in marks],
    }


def _midnights(start: float, end: float, time_zone: str) -> Iterator[tuple[float, str]]:
    """At most about seven, so that their names have room on a phone."""
    day = datetime.fromtimestamp(start, ZoneInfo(time_zone)).date()
    last = datetime.fromtimestamp(end, ZoneInfo(time_zone)).date()
    every = math.ceil((last - day).days / MOST_DAY_NAMES) or 1
    while (day := day + timedelta(days=every)) <= last:
        yield datetime.combine(day, time.min, ZoneInfo(time_zone)).timestamp(), f"{day:%a} {day.day}"


def render_table(head: list[str], rows: list[list[str]]) -> str:
    cells = format_html("".join("<th class='px-2 py-1 text-left'>{}</th>" for _ in head), *head)
    body = [
        format_html("<tr>{}</tr>", format_html("".join("<td class='px-2 py-1'>{}</td>" for _ in row), *row))
        for row in rows
    ]
    return format_html("<table><thead><tr>{}</tr></thead><tbody>" + "{}" * len(body) + "</tbody></table>", cells, *body)
