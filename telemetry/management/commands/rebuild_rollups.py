"""Computes all rollups anew from the readings, week by week: after a metric was added, or a time zone was put right."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection, transaction

from telemetry.models import DayRollup
from telemetry.partitions import EPOCH, TABLE, WEEK, list_default_weeks, list_partitions
from telemetry.rollups import MACHINES
from telemetry.store import recompute_rollups

DAY = timedelta(days=1)
# Days of a time zone that the bakery no longer has.
DROP_STRAY_DAYS = f"""
DELETE FROM {DayRollup._meta.db_table} AS day USING ({MACHINES}) AS machines
WHERE day.equipment_id = %s AND machines.equipment_id = day.equipment_id
AND bucket >= %s AND bucket < %s AND bucket <> date_trunc('day', bucket, time_zone)
"""


class Command(BaseCommand):
    help = "Compute the rollups of minutes, quarters, hours and days anew from the readings. The system may run on."

    def handle(self, *args: Any, **options: Any) -> None:
        weeks = sorted({*list_partitions(), *list_default_weeks()})
        for number, week in enumerate(weeks, 1):
            machines = 0
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT equipment_id, array_agg(DISTINCT date_bin(%s::interval, reading_time, %s)) FROM "
                    + TABLE
                    + " WHERE reading_time >= %s AND reading_time < %s GROUP BY 1",
                    ["1 minute", EPOCH, week, week + WEEK],
                )
                found = cursor.fetchall()
            for equipment_id, minutes in found:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(DROP_STRAY_DAYS, [equipment_id, week - DAY, week + WEEK])
                    recompute_rollups([equipment_id] * len(minutes), minutes)
                machines += 1
            self.stdout.write(f"{number} of {len(weeks)}: the week from {week:%d.%m.%Y}, {machines} machines")
