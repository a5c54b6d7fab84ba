import csv
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection
from knox.models import AuthToken
from rest_framework.test import APIClient

from connectors.reading import OperationalStatus, Reading
from equipment.models import Equipment
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry import api_exports, export_formats, history, parquet
from telemetry.history import iter_sensor_history
from telemetry.metrics import FIELDS
from telemetry.services import EquipmentReading, store_sensor_readings

START = datetime(2026, 11, 20, 3, tzinfo=UTC)
RANGE = "start=2026-11-20T00:00:00Z&end=2026-11-21T00:00:00Z"


@pytest.fixture
def member(db: None) -> User:
    return make_user("staff")


@pytest.fixture
def oven(member: User) -> Equipment:
    return make_equipment(make_bakery(member), name='Ofen "1"\r\nX: y')


@pytest.fixture
def client(member: User) -> APIClient:
    return integrator(member)


def store(oven: Equipment, seconds: float = 0, **values: Any) -> None:
    reading = Reading(reading_time=START + timedelta(seconds=seconds), **values)
    store_sensor_readings([EquipmentReading(equipment_id=oven.pk, reading=reading, received_at=START)])


def store_many(oven: Equipment, rows: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO equipment_sensor_readings (equipment_id, reading_time, received_at, temperature,"
            " temperature_zones) SELECT %s, %s + n * interval '1 second', %s, 200 + n %% 50, '{\"deck_1\": 200.5}'"
            " FROM generate_series(0, %s - 1) AS n",
            [oven.pk, START, START, rows],
        )


def read(client: APIClient, oven: Equipment, suffix: str, query: str = RANGE) -> bytes:
    answer: Any = client.get(f"/api/v1/equipment/{oven.uuid}/readings.{suffix}?{query}")
    assert answer.status_code == 200, answer.content

    async def gather() -> bytes:
        return b"".join([part async for part in answer])

    return async_to_sync(gather)()


class TestCsv:
    def test_every_reading_is_a_line(self, client: APIClient, oven: Equipment) -> None:
        store(oven, 0, temperature=185.5, humidity=65, operational_status=OperationalStatus.RUNNING)
        store(oven, 1, temperature_zones={"core": -3.5, "cabinet": None})
        lines = list(csv.DictReader(io.StringIO(read(client, oven, "csv").decode())))
        assert list(lines[0]) == ["reading_time", *FIELDS]
        assert lines[0]["reading_time"] == "2026-11-20T03:00:00Z"
        assert (lines[0]["temperature"], lines[0]["operational_status"]) == ("185.5", "running")
        assert (lines[0]["humidity"], lines[0]["temperature_zones"]) == ("65.0", "")
        assert json.loads(lines[1]["temperature_zones"]) == {"core": -3.5, "cabinet": None}

    def test_spreadsheets_of_other_countries_are_served(self, client: APIClient, oven: Equipment) -> None:
        store(oven, 0, temperature=-18.5, product_weight=0.25)
        query = f"{RANGE}&separator=;&decimal=,&fields=product_weight,temperature"
        assert read(client, oven, "csv", query).decode() == (
            "reading_time;temperature;product_weight\r\n2026-11-20T03:00:00Z;-18,5;0,25\r\n"
        )

    def test_nothing_that_a_machine_sends_becomes_a_formula(self, client: APIClient, oven: Equipment) -> None:
        attacks = {
            "=cmd|'/C calc'!A0": "=1+1",
            "a": "x;=HYPERLINK(1)",
            "b": "+1",
            "c": "-1",
            "d": "@SUM(1)",
            "e": '",=1+1',
            "f": ["=1", "\t2"],
        }
        store(oven, 0, additional_sensors=attacks)
        for separator in (",", ";"):
            text = read(client, oven, "csv", f"{RANGE}&separator={separator}&fields=additional_sensors").decode()
            for other in (",", ";"):
                for line in text.splitlines():
                    cells = [cell.strip('"') for cell in line.split(other)]
                    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t")], line

    def test_an_empty_range_has_its_heading(self, client: APIClient, oven: Equipment) -> None:
        assert read(client, oven, "csv", f"{RANGE}&fields=humidity") == b"reading_time,humidity\r\n"

    def test_the_name_of_the_file_carries_no_header_in(self, client: APIClient, oven: Equipment) -> None:
        answer = client.get(f"/api/v1/equipment/{oven.uuid}/readings.csv?{RANGE}")
        assert answer["Content-Disposition"] == 'attachment; filename="ofen-1-x-y_2026-11-20_2026-11-21.csv"'
        assert answer["Content-Type"] == "text/csv; charset=utf-8"

    @pytest.mark.parametrize(
        ("query", "path"),
        [
            ("decimal=,", "decimal"),
            ("separator=|", "separator"),
            ("fields=temprature", "fields"),
            ("points=5", "points"),
            ("start=yesterday", "start"),
        ],
    )
    def test_a_wrong_query_is_explained(self, client: APIClient, oven: Equipment, query: str, path: str) -> None:
        answer = client.get(f"/api/v1/equipment/{oven.uuid}/readings.csv?{query}", HTTP_ACCEPT="text/csv")
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        assert list(answer.json()["fields"]) == [path]


def test_ndjson_has_the_shape_of_the_history(client: APIClient, oven: Equipment) -> None:
    store(oven, 0, temperature=185.5, temperature_zones={"core": 72})
    store(oven, 1, humidity=3)
    lines = [json.loads(line) for line in read(client, oven, "ndjson").splitlines()]
    history = client.get(f"/api/v1/equipment/{oven.uuid}/sensor-history?{RANGE}").json()
    assert lines == history["readings"]
    assert read(client, oven, "ndjson", "start=2020-01-01&end=2020-01-02") == b""


class TestParquet:
    def test_it_keeps_types(self, client: APIClient, oven: Equipment) -> None:
        store(oven, 0, temperature=185.5, temperature_zones={"core": 72.5, "deck": None}, time_remaining_minutes=12)
        store(oven, 1, operational_status=OperationalStatus.RUNNING, additional_sensors={"program": "x"})
        table = pq.read_table(io.BytesIO(read(client, oven, "parquet")))
        rows = table.to_pylist()
        assert table.column_names == ["reading_time", *FIELDS]
        assert rows[0]["reading_time"] == START
        assert (rows[0]["temperature"], rows[0]["time_remaining_minutes"], rows[0]["humidity"]) == (185.5, 12, None)
        assert rows[0]["temperature_zones"] == [("core", 72.5), ("deck", None)]
        assert (rows[1]["operational_status"], rows[1]["additional_sensors"]) == ("running", '{"program":"x"}')

    def test_an_empty_range_is_a_file_too(self, client: APIClient, oven: Equipment) -> None:
        table = pq.read_table(io.BytesIO(read(client, oven, "parquet", "start=2020-01-01&end=2020-01-02")))
        assert (table.num_rows, table.column_names[0]) == (0, "reading_time")

    def test_without_the_extra_it_says_what_is_missing(
        self, client: APIClient, oven: Equipment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api_exports, "WRITE_PARQUET", "telemetry.parquet_without_pyarrow.write")
        answer = client.get(f"/api/v1/equipment/{oven.uuid}/readings.parquet?{RANGE}")
        assert (answer.status_code, answer["Content-Type"]) == (501, "application/problem+json")
        assert "pyarrow" in answer.json()["detail"]


@pytest.mark.parametrize("suffix", ["csv", "ndjson", "parquet"])
class TestSize:
    def test_a_chunk_ends_where_the_next_begins(
        self, client: APIClient, oven: Equipment, suffix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history, "CHUNK_ROWS", 3)
        for second in range(9):
            store(oven, second, temperature=second)
        moments = [row["reading_time"] for row in iter_sensor_history(oven, START, START + timedelta(days=1))]
        assert moments == [START + timedelta(seconds=second) for second in range(9)]

    def test_others_find_nothing(self, client: APIClient, oven: Equipment, suffix: str) -> None:
        theirs = make_equipment()
        assert client.get(f"/api/v1/equipment/{theirs.uuid}/readings.{suffix}").status_code == 404
        assert APIClient().get(f"/api/v1/equipment/{oven.uuid}/readings.{suffix}").status_code == 401

    def test_memory_does_not_grow_with_the_range(
        self, oven: Equipment, suffix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history, "CHUNK_ROWS", 200)
        monkeypatch.setattr(export_formats, "LINES", 200)
        monkeypatch.setattr(parquet, "ROWS_OF_A_GROUP", 200)
        store_many(oven, 6000)
        peaks = [peak_of(oven, suffix, rows) for rows in (600, 600, 6000)]
        assert peaks[2] < peaks[1] * 1.5, peaks


def peak_of(oven: Equipment, suffix: str, rows: int) -> int:
    """Bytes of Python's memory while so many rows are written and thrown away."""
    found = iter_sensor_history(oven, START, START + timedelta(seconds=rows - 1))
    write: dict[str, Callable[[], Iterator[bytes]]] = {
        "csv": lambda: export_formats.write_csv(found, FIELDS, ",", "."),
        "ndjson": lambda: export_formats.write_ndjson(found),
        "parquet": lambda: parquet.write_parquet(found, FIELDS),
    }
    tracemalloc.start()
    assert sum(1 for part in write[suffix]() if part) >= rows / 200
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_the_file_comes_in_parts(transactional_db: None, site: str, member: User, oven: Equipment) -> None:
    store_many(oven, 4000)
    _, token = AuthToken.objects.create(member)
    address = f"{site}/api/v1/equipment/{oven.uuid}/readings.csv?{RANGE}"
    with httpx.stream("GET", address, headers={"Authorization": f"Token {token}"}, timeout=60) as answer:
        assert (answer.status_code, answer.headers["Transfer-Encoding"]) == (200, "chunked")
        parts = list(answer.iter_raw())
    assert len(parts) > 3
    assert b"".join(parts).count(b"\r\n") == 4001
