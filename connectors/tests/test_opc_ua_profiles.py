"""From variables to readings, without a server: recorded cases, tables, units, and whatever else a server may send."""

import copy
import json
import math
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asyncua import ua
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import (
    AuthenticationError,
    ConnectorError,
    CycleStage,
    OperationalStatus,
    ResponseError,
    UnreachableError,
)
from connectors.mapping_settings import SensorSpec, TemperatureSpec
from connectors.opc_ua_kitchen import CHAMBER_MODES, COMBI_STEAMER_MODES, MICROWAVE_MODES
from connectors.opc_ua_machines import PACKML_STATES
from connectors.opc_ua_profiles import Kind, Point, is_worth_reading, parse_values
from connectors.opc_ua_values import (
    UNIT_IDS,
    Measured,
    Sample,
    Structure,
    parse_descriptor,
    plain_value,
    sample_of,
    unit_of,
)
from connectors.opc_ua_values import (
    Path as VariablePath,
)
from connectors.reading import Reading
from connectors.values import BadValueError

NOON = datetime(2026, 11, 22, 6, 30, 1, tzinfo=UTC)
CASES = sorted((Path(__file__).parent / "cases" / "opc_ua").iterdir())
STATUS = {name: getattr(ua.StatusCodes, name) for name in dir(ua.StatusCodes) if name[:1] in "GBU"}


def measured(written: dict[str, Any], source_time: str) -> Measured:
    value = written.get("value")
    if "structures" in written:
        value = [Structure(bytes.fromhex(body)) for body in written["structures"]]
    times = {name: datetime.fromisoformat(written[name]) for name in ("source_time", "server_time") if name in written}
    sample = Sample(
        value=value,
        status=STATUS[written.get("status", "Good")],
        **{"source_time": datetime.fromisoformat(source_time), **times},
    )
    return Measured(sample, written.get("unit"))


def values_of(payload: dict[str, Any]) -> dict[VariablePath, Measured]:
    return {
        tuple(path.split("/")): measured(written, payload["source_time"]) for path, written in payload["values"].items()
    }


def read_case(case: Path) -> Reading:
    payload = json.loads((case / "payload.json").read_text())
    clock = payload.get("clock", "source")
    return parse_values(Kind(payload["kind"]), values_of(payload), received_at=NOON, clock=clock)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_recorded_device_gives_its_reading(case: Path) -> None:
    expected = json.loads((case / "reading.json").read_text())
    assert read_case(case) == Reading(**{**expected, "reading_time": datetime.fromisoformat(expected["reading_time"])})


def combi(**variables: Any) -> dict[VariablePath, Measured]:
    """Variables of the CombiSteamer object: a value, or a Sample."""
    return {
        ("CombiSteamer", name): Measured(value if isinstance(value, Sample) else Sample(value, source_time=NOON))
        for name, value in variables.items()
    }


def read(kind: Kind, values: dict[Any, Measured], *points: Point, clock: str = "source") -> Reading:
    return parse_values(kind, values, points, received_at=NOON, clock=clock)


@pytest.mark.parametrize(
    ("kind", "path", "table"),
    [
        (Kind.COMBI_STEAMER, ("CombiSteamer", "CombiSteamerMode"), COMBI_STEAMER_MODES),
        (Kind.OVEN, ("Chamber_1", "OperationMode"), CHAMBER_MODES),
        (Kind.MICROWAVE, ("MicrowaveCombiOven", "OperatingMode"), MICROWAVE_MODES),
        (Kind.PACKML, ("BaseStateMachine", "CurrentState", "Number"), PACKML_STATES),
    ],
)
def test_every_number_of_the_standard_has_a_meaning_and_no_other_is_idle(kind: Kind, path: Any, table: Any) -> None:
    for number in range(-1, 40):
        values = {path: Measured(Sample(number, source_time=NOON))}
        if path[-1] == "Number":
            values[path[:-1]] = Measured(Sample("", source_time=NOON))
        reading = read(kind, values)
        expected = table.get(number, (OperationalStatus.UNKNOWN, CycleStage.NONE))
        assert (reading.operational_status, reading.cycle_stage) == expected, number


def test_the_busiest_deck_speaks_for_the_oven() -> None:
    order = [1, 3, 15, 9, 7, 5, 12, 4, 17]  # off, standby, setting, service, cleaning, cooling, paused, preheat, baking
    for quiet, busy in zip(order, order[1:], strict=False):
        for first, second in ((quiet, busy), (busy, quiet)):
            values = {
                (f"Chamber_{number}", "OperationMode"): Measured(Sample(mode))
                for number, mode in ((0, first), (1, second))
            }
            assert read(Kind.OVEN, values).operational_status is CHAMBER_MODES[busy][0]


@pytest.mark.parametrize(
    ("total", "left", "progress", "minutes"),
    [
        (1300, 715, 45.0, 12),
        (1300, 1300, 0.0, 22),
        (1300, 0, 100.0, 0),
        (0, 0, None, 0),
        (-1, 715, None, 12),
        (1300, -1, None, None),
        (60, 120, 0.0, 2),
        (None, 61, None, 2),
        (1300, None, None, None),
        (math.nan, 61, None, 2),
        (True, 61, None, 2),
    ],
)
def test_progress_and_remaining_time(total: Any, left: Any, progress: float | None, minutes: int | None) -> None:
    reading = read(
        Kind.COMBI_STEAMER, combi(SetProcessTimeProgram=total, TimeRemainingProgram=left, CombiSteamerMode=6)
    )
    assert (reading.cycle_progress_percentage, reading.time_remaining_minutes) == (progress, minutes)


def test_times_in_other_units() -> None:
    values = {
        ("CombiSteamer", "SetProcessTimeProgram"): Measured(Sample(20), "min"),
        ("CombiSteamer", "TimeRemainingProgram"): Measured(Sample(300_000), "ms"),
    }
    reading = read(Kind.COMBI_STEAMER, values)
    assert (reading.cycle_progress_percentage, reading.time_remaining_minutes) == (75.0, 5)


def test_a_bad_value_is_none_and_never_zero_and_the_others_stay() -> None:
    dead = Sample(0.0, STATUS["BadSensorFailure"])
    reading = read(Kind.COMBI_STEAMER, combi(ActualTemperatureChamber_0=dead, ActualHumidity=55, CombiSteamerMode=dead))
    assert (reading.temperature, reading.temperature_zones["cabinet"], reading.humidity) == (None, None, 55.0)
    assert reading.operational_status is None
    assert reading.quality["temperature"] == reading.quality["operational_status"] == "bad"


def test_a_value_beyond_all_measure_is_bad() -> None:
    for value in (1e6, math.inf, math.nan, 1.4e-42, "hot", [1.0], True):
        reading = read(Kind.COMBI_STEAMER, combi(ActualTemperatureChamber_0=value, CombiSteamerMode=6))
        assert reading.temperature is None, value
        assert reading.quality["temperature_zones.cabinet"] == "bad", value


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        ("BadNoCommunication", UnreachableError, "timeout"),
        ("BadNotConnected", UnreachableError, "timeout"),
        ("BadWaitingForInitialData", UnreachableError, "timeout"),
        ("BadUserAccessDenied", AuthenticationError, "forbidden"),
        ("BadNodeIdUnknown", ResponseError, "mapping"),
    ],
)
def test_nothing_good_at_all_is_an_error_that_says_what_to_do(status: str, error: type, code: str) -> None:
    dead = Sample(None, STATUS[status])
    with pytest.raises(ConnectorError, match=status) as caught:
        read(Kind.COMBI_STEAMER, combi(ActualTemperatureChamber_0=dead, CombiSteamerMode=dead))
    assert (type(caught.value), caught.value.code) == (error, code)


def test_a_machine_that_is_off_may_know_nothing() -> None:
    reading = read(Kind.COMBI_STEAMER, combi(ActualTemperatureChamber_0=None, CombiSteamerMode=0))
    assert (reading.operational_status, reading.temperature, dict(reading.quality)) == (OperationalStatus.OFF, None, {})


def test_whose_clock_a_reading_bears() -> None:
    sample = Sample(6, source_time=NOON - timedelta(hours=2), server_time=NOON - timedelta(seconds=1))
    times = {
        clock: read(Kind.COMBI_STEAMER, combi(CombiSteamerMode=sample), clock=clock).reading_time
        for clock in ("source", "server", "received")
    }
    assert times == {"source": sample.source_time, "server": sample.server_time, "received": NOON}
    assert read(Kind.COMBI_STEAMER, combi(CombiSteamerMode=Sample(6))).reading_time == NOON


def test_a_bad_value_does_not_set_the_time() -> None:
    dead = Sample(None, STATUS["BadSensorFailure"], source_time=NOON)
    good = Sample(6, source_time=NOON - timedelta(minutes=1))
    reading = read(Kind.COMBI_STEAMER, combi(ActualTemperatureChamber_0=dead, CombiSteamerMode=good))
    assert reading.reading_time == good.source_time


def test_a_point_comes_over_the_profile() -> None:
    dead = Sample(None, STATUS["BadSensorFailure"])
    points = (
        Point("temperature", TemperatureSpec(path="@", unit="°F"), Sample(212.0)),
        Point("additional_sensors.water", SensorSpec(path="@", scale=0.1), Sample(35)),
        Point("energy_consumption_kwh", SensorSpec(path="@"), dead),
    )
    reading = read(Kind.COMBI_STEAMER, combi(ActualTemperatureChamber_0=dead), *points)
    assert (reading.temperature, reading.additional_sensors["water"]) == (100.0, 3.5)
    assert "temperature" not in reading.quality
    assert reading.quality["energy_consumption_kwh"] == "bad"


def test_what_never_changes_is_not_read_again_and_again() -> None:
    assert not any(
        is_worth_reading(path)
        for path in (("SerialNumber",), ("IsWithAutomaticCleaning",), ("EnergySource",), ("HACCPValues", "Temp"))
    )
    assert is_worth_reading(("CombiSteamer", "SetTemperature"))
    assert is_worth_reading(("EnergyTotal",))


def test_at_most_a_hundred_further_values_with_names_of_their_own() -> None:
    values = {("Maker", f"V{number}"): Measured(Sample(number)) for number in range(300)}
    assert len(read(Kind.OVEN, values).additional_sensors) == 100
    twice = {("A", "Water"): Measured(Sample(1)), ("B", "Water"): Measured(Sample(2))}
    assert read(Kind.OVEN, twice).additional_sensors == {"Water": 1, "B_Water": 2}


def test_unit_codes_are_those_of_the_standard() -> None:
    given_numbers = {4408652: "°C", 4604232: "°F", 20529: "%", 5457219: "s", 5065038: "min", 4740434: "h",
                     4937544: "kWh", 5720146: "Wh", 4937556: "kW", 5723220: "W", 5394509: "r/min", 4342098: "bar",
                     5063250: "mbar", 4933453: "kg"}  # fmt: skip
    assert {number: UNIT_IDS[number] for number in given_numbers} == given_numbers


def test_a_unit_by_its_number_or_by_what_is_shown() -> None:
    def info(number: int, shown: Any) -> Any:
        return ua.EUInformation("uri", number, ua.LocalizedText(shown), ua.LocalizedText(shown))

    assert unit_of(info(4604232, "grad")) == "°F"
    assert unit_of(info(-1, "°C")) == "°C"
    assert unit_of(info(-1, None)) is None
    assert unit_of(None) is unit_of(7) is unit_of(b"") is None


def test_values_of_every_type_become_plain() -> None:
    guid = uuid.uuid4()
    for value, plain in (
        (ua.LocalizedText("Brot", "de"), "Brot"),
        (ua.LocalizedText(None), None),
        (ua.QualifiedName("Brot", 3), "Brot"),
        (ua.NodeId(36, 4), 36),
        (ua.NodeId("a/b", 4), "a/b"),
        (ua.ServerState.Running, 0),
        (guid, str(guid)),
        (NOON, NOON.isoformat()),
        ([1, 2.5, "x"], [1, 2.5, "x"]),
        (ua.ExtensionObject(ua.NodeId(1, 9), b"ab"), Structure(b"ab")),
    ):
        assert plain_value(value) == plain
    for value in (b"bytes", object(), [b"bytes"], list(range(1000)), ua.Range(0, 1), {"a": 1}):
        assert isinstance(plain_value(value), BadValueError), value


def test_a_single_precision_number_is_what_the_machine_shows() -> None:
    narrow = 185.30000305175781  # 185.3 as 32 bits
    assert sample_of(ua.DataValue(ua.Variant(narrow, ua.VariantType.Float))).value == 185.3
    assert sample_of(ua.DataValue(ua.Variant(narrow, ua.VariantType.Double))).value == narrow
    assert sample_of(None) == Sample()


def test_a_descriptor_that_is_cut_off_is_none() -> None:
    payload = json.loads((Path(__file__).parent / "cases/opc_ua/packml_executes/payload.json").read_text())
    body = bytes.fromhex(payload["values"]["Status/Parameter"]["structures"][0])
    assert parse_descriptor(body) == ("Temp_Oven", "°C", 215.25)
    assert [parse_descriptor(body[:length]) for length in range(len(body))] == [None] * len(body)


plain = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
anything = plain | st.binary(max_size=40) | st.lists(plain, max_size=5) | st.datetimes() | st.uuids()
structures = st.lists(st.binary(max_size=60).map(lambda body: ua.ExtensionObject(ua.NodeId(1, 2), body)), max_size=3)
texts = st.text(max_size=10).map(ua.LocalizedText)
data_values = st.builds(  # not asyncua's classes, which refuse some of what can arrive
    lambda value, kind, status, source, server: SimpleNamespace(
        Value=SimpleNamespace(Value=value, VariantType=kind),
        StatusCode=SimpleNamespace(value=status),
        SourceTimestamp=source,
        ServerTimestamp=server,
    ),
    anything | structures | texts,
    st.sampled_from(ua.VariantType),
    st.integers(0, 2**32 - 1) | st.sampled_from([0, 0x80000000, 0x40000000]),
    st.none() | st.datetimes() | st.datetimes(timezones=st.just(UTC)),
    st.none() | st.datetimes(),
)
names = st.sampled_from(
    sorted(
        {
            part
            for case in CASES
            for path in json.loads((case / "payload.json").read_text())["values"]
            for part in path.split("/")
        }
    )  # fmt: skip
) | st.text(max_size=12)
paths = st.lists(names, min_size=1, max_size=4).map(tuple)
units = st.none() | st.sampled_from([*UNIT_IDS.values(), "bananas"])


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(Kind), st.dictionaries(paths, st.tuples(data_values, units), max_size=12))
def test_anything_gives_a_reading_or_one_of_our_errors(kind: Kind, values: dict[Any, Any]) -> None:
    gathered = {path: Measured(sample_of(data), unit) for path, (data, unit) in values.items()}
    try:
        reading = parse_values(kind, gathered, received_at=NOON)
    except ConnectorError:
        return
    assert json.dumps(reading.additional_sensors) is not None


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(CASES), st.data())
def test_a_real_device_with_some_values_replaced_still_gives_a_reading(case: Path, data: st.DataObject) -> None:
    payload = json.loads((case / "payload.json").read_text())
    values = copy.copy(values_of(payload))
    for path in data.draw(st.lists(st.sampled_from(sorted(values)), max_size=4)):
        values[path] = Measured(sample_of(data.draw(data_values)), data.draw(units))
    try:
        reading = parse_values(Kind(payload["kind"]), values, received_at=NOON)
    except ConnectorError:
        return
    assert all(reading.quality[name] in ("bad", "uncertain", "stale") for name in reading.quality)
