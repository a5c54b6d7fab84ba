"""Weekly partitions of the readings: made ahead, dropped when expired; the write path never makes one.

A moment without a partition lands in the default partition, so no reading is lost; the nightly run moves it.
"""

from datetime import UTC, datetime, timedelta

from django.db import connection, migrations, transaction

TABLE = "equipment_sensor_readings"
DEFAULT = f"{TABLE}_default"
WEEK = timedelta(days=7)
AHEAD = timedelta(weeks=3)
LOCK_SECONDS = 5
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday


class CreatePartitionedModel(migrations.CreateModel):
    """`CreateModel` whose table is partitioned by `reading_time`, with a default partition.

    Django has no word for partitions; everything else of the model stays in its migration state.
    """

    def database_forwards(self, app_label: str, schema_editor: object, from_state: object, to_state: object) -> None:
        editor = schema_editor
        original = editor.sql_create_table  # type: ignore[attr-defined]
        editor.sql_create_table = original + " PARTITION BY RANGE (reading_time)"  # type: ignore[attr-defined]
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)  # type: ignore[arg-type]
        finally:
            editor.sql_create_table = original  # type: ignore[attr-defined]
        editor.execute(f"CREATE TABLE {DEFAULT} PARTITION OF {TABLE} DEFAULT")  # type: ignore[attr-defined]


def week_of(moment: datetime) -> datetime:
    """The Monday 00:00 UTC on or before it."""
    return EPOCH + (moment - EPOCH) // WEEK * WEEK


def partition_name(week: datetime) -> str:
    return f"{TABLE}_{week:%Y%m%d}"


def list_partitions() -> list[datetime]:
    """The weeks that have a partition of their own, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relid::regclass::text FROM pg_partition_tree(%s) WHERE isleaf", [TABLE])
        names = [name for (name,) in cursor.fetchall() if name != DEFAULT]
    return sorted(datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC) for name in names)


def create_partitions(since: datetime, until: datetime) -> list[datetime]:
    """Make the missing weeks from `since` to `until`, and move what waited for them in the default partition."""
    existing = set(list_partitions())
    week, created = week_of(since), []
    while week <= until:
        if week not in existing:
            _create_partition(week)
            created.append(week)
        week += WEEK
    return created


def create_coming_partitions(now: datetime) -> None:
    """At start-up and every night. The week before too: what a machine or a gateway has kept arrives late."""
    create_partitions(now - WEEK, now + AHEAD)


def list_default_weeks() -> list[datetime]:
    """The weeks of which readings lie in the default partition."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT date_bin('7 days', reading_time, %s) FROM {DEFAULT} ORDER BY 1", [EPOCH])
        return [week for (week,) in cursor.fetchall()]


def _create_partition(week: datetime) -> None:
    """Attached only after the rows of its week are in it: PostgreSQL refuses a partition whose rows lie in default."""
    name, bounds = partition_name(week), [week, week + WEEK]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {name} (LIKE {TABLE} INCLUDING ALL)")
        cursor.execute(f"LOCK TABLE {DEFAULT} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(
            f"WITH moved AS (DELETE FROM {DEFAULT} WHERE reading_time >= %s AND reading_time < %s RETURNING *)"
            f" INSERT INTO {name} SELECT * FROM moved",
            bounds,
        )
        cursor.execute(
            f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM ('{bounds[0]}') TO ('{bounds[1]}')"
        )


def drop_partitions(before: datetime) -> list[datetime]:
    """Drop the weeks that lie wholly before the moment, and what lies before it in the default partition.

    Raises `OperationalError` when a long question holds a partition: whoever stores must not queue up behind us.
    """
    expired = [week for week in list_partitions() if week + WEEK <= before]
    with connection.cursor() as cursor:
        for week in expired:
            with transaction.atomic():
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
                cursor.execute(f"DROP TABLE {partition_name(week)}")
        cursor.execute(f"DELETE FROM {DEFAULT} WHERE reading_time < %s", [week_of(before)])
    return expired


def cluster_closed_week(before: datetime) -> datetime | None:
    """Sort the oldest week that ended before the moment and was never sorted by machine and time, if there is one.

    A day of one machine lies in a few pages then, and not in as many as it has readings. The week is locked while it
    lasts, about a minute for 10 million readings: one at a time, and when nobody bakes.
    """
    with connection.cursor() as cursor:
        for week in list_partitions():
            name = partition_name(week)
            if week + WEEK > before:
                break
            cursor.execute(
                "SELECT indexrelid::regclass::text FROM pg_index"
                " WHERE indrelid = %s::regclass AND indisprimary AND NOT indisclustered",
                [name],
            )
            if found := cursor.fetchone():
                with transaction.atomic():
                    cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
                    cursor.execute(f"CLUSTER {name} USING {found[0]}")
                cursor.execute(f"ANALYZE {name}")
                return week
    return None
