"""What is kept, for how long, and how much disk it takes: now, and once every class has reached its age."""

import logging
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import OperationalError, connection
from django.db.models import F, FloatField, Sum
from django.db.models.functions import Cast
from django.utils import timezone

from equipment.models import Equipment, HaccpRecord
from telemetry.models import Retention
from telemetry.partitions import (
    TABLE,
    WEEK,
    cluster_closed_week,
    create_coming_partitions,
    create_partitions,
    drop_partitions,
    list_default_weeks,
)
from telemetry.rollups import FASTER_THAN_SECONDS, LEVELS

logger = logging.getLogger(__name__)

DAY = timedelta(days=1)
MONTH = timedelta(days=30.44)
YEAR = timedelta(days=365.25)
# Measured with 18 columns and their key, until a table holds enough to be measured itself.
USUAL_BYTES = {"raw": 158, "rollup": 900}
ENOUGH_ROWS = 10_000
DAYS_FORECAST_YEARS = 10


class Share(NamedTuple):
    """A class of data: what it takes now, and when everything in it is as old as it may get."""

    label: str
    kept: str
    bytes_now: int
    bytes_full: int


def get_retention() -> Retention:
    return Retention.objects.get_or_create(id=1)[0]


def maintain_storage() -> None:
    """The nightly run: make the coming weeks, forget what has reached its age, sort a week that is over."""
    now = timezone.now()
    kept_since = now - DAY * get_retention().readings_days
    create_coming_partitions(now)
    for week in list_default_weeks():
        if kept_since < week + WEEK <= now:
            create_partitions(week, week)
    try:
        drop_partitions(kept_since)
        cluster_closed_week(now - DAY)
    except OperationalError as error:
        logger.warning("A week could not be dropped or sorted, it is tried again tomorrow: %s", error)
    prune(now)
    if left := list_default_weeks():
        logger.warning("Readings bear times that cannot be, in the weeks from %s to %s", left[0], left[-1])


def prune(now: datetime) -> dict[str, int]:
    """Delete the rollups and HACCP records that have reached their age. Returns how many rows of each table."""
    retention = get_retention()
    ages = {
        "1m": DAY * retention.readings_days,
        "15m": MONTH * retention.quarter_hours_months,
        "1h": YEAR * retention.hours_years,
    }
    deleted = {}
    with connection.cursor() as cursor:
        for level in LEVELS:
            if level.key in ages:
                cursor.execute(f"DELETE FROM {level.table} WHERE bucket < %s", [now - ages[level.key]])
                deleted[level.table] = cursor.rowcount
    old = HaccpRecord.objects.filter(started_at__lt=now - ages["1h"])
    deleted[HaccpRecord._meta.db_table] = old.delete()[0]
    return deleted


def forecast_disk(retention: Retention) -> list[Share]:
    """What the machines that are read now will fill, from their intervals and the measured size of a row."""
    machines = Equipment.objects.filter(archived_at=None, iot_enabled=True)
    interval = Cast(F("poll_interval_seconds"), FloatField())
    readings_a_day = machines.aggregate(rate=Sum(DAY.total_seconds() / interval))["rate"] or 0
    fast = machines.filter(poll_interval_seconds__lt=FASTER_THAN_SECONDS).count()
    count = machines.count()
    days, months = retention.readings_days, retention.quarter_hours_months
    shares = [_share("Single readings", f"{days} days", "raw", TABLE, readings_a_day * days)]
    kept = {
        "1m": ("Minutes", f"{days} days", fast, DAY * days),
        "15m": ("Quarters of an hour", f"{months} months", count, MONTH * months),
        "1h": ("Hours", f"{retention.hours_years} years", count, YEAR * retention.hours_years),
        "1d": ("Days", f"for ever ({DAYS_FORECAST_YEARS} years shown)", count, YEAR * DAYS_FORECAST_YEARS),
    }
    for level in LEVELS:
        label, words, machines_of_it, age = kept[level.key]
        shares.append(_share(label, words, "rollup", level.table, machines_of_it * (age / level.step)))
    return shares


def _share(label: str, kept: str, kind: str, table: str, rows_full: float) -> Share:
    size, rows = _measure(table)
    row_bytes = size / rows if rows >= ENOUGH_ROWS else USUAL_BYTES[kind]
    return Share(label, kept, size, round(rows_full * row_bytes))


def _measure(table: str) -> tuple[int, int]:
    """Bytes with all indexes, and about how many rows, of a table and its partitions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(pg_total_relation_size(pg_class.oid)), 0), coalesce(sum(greatest(reltuples, 0)), 0)"
            " FROM pg_class LEFT JOIN pg_partition_tree(%s) ON relid = pg_class.oid"
            # A table without partitions is no tree at all.
            " WHERE isleaf OR pg_class.oid = %s::regclass AND relkind = 'r'",
            [table, table],
        )
        size, rows = cursor.fetchone()
    return int(size), int(rows)
