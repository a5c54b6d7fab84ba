"""The Weihenstephan protocol: recorded answers, every code, rubbish, and whole dialogues with a simulated oven."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import (
    ConfigurationError,
    ConnectorError,
    Reading,
    ResponseError,
    UnreachableError,
    create_connector,
    parse_config,
)
from connectors.simulators.fleet import FLEET
from connectors.simulators.served import ServedOven, make_ovens
from connectors.simulators.ws import WsOvens
from connectors.ws import Answers, WsConnector, list_points, list_remarks, parse_answers
from connectors.ws_settings import WsConfig
from connectors.ws_states import status_of
from connectors.ws_wire import OK, Answer, WsLine

from .harness.ws import serve_bytes
from .machines import LOOPBACK, failure_of
from .test_findings import assert_sound
from .test_reading import NOON

CASES = sorted((Path(__file__).parent / "cases" / "ws").iterdir())
KEYS = ("sol-1", "sol-2", "teide-4", "backstube-1")


def config_of(**options: Any) -> WsConfig:
    config = parse_config("ws", {"endpoint": "192.168.1.50", "additional_config": options})
    assert isinstance(config, WsConfig)
    return config


async def hear(frames: bytes, config: WsConfig) -> Answers:
    """What a line makes of these bytes."""
    reader = asyncio.StreamReader()
    reader.feed_data(frames)
    reader.feed_eof()
    connector = WsConnector("oven-7", config)
    connector._line = WsLine(reader, Mute(), "oven")  # type: ignore[arg-type]
    return await connector._ask_all()


class Mute:
    """A writer whose words nobody hears."""

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None: ...


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_recorded_answer_gives_its_reading(case: Path) -> None:
    config = config_of(**json.loads((case / "config.json").read_text()))
    frames = bytes.fromhex("".join(json.loads((case / "payload.json").read_text())))
    reading = parse_answers(await hear(frames, config), config, received_at=NOON)
    expected = json.loads((case / "reading.json").read_text())
    assert reading == Reading(**{**expected, "reading_time": datetime.fromisoformat(expected["reading_time"])})


@pytest.mark.parametrize(
    ("numbers", "status"),
    [
        ({}, None),
        ({"program": 8}, None),
        ({"state": 0}, "unknown"),
        ({"state": 8192}, "unknown"),
        ({"state": 1}, "standby"),
        ({"state": 1 | 4}, "standby"),
        ({"state": 4}, "idle"),
        ({"state": 32768}, "idle"),
        ({"state": 2}, "preheating"),
        ({"state": 64}, "paused"),
        ({"state": 128 | 8192}, "running"),
        ({"state": 128, "program": 32}, "maintenance"),
        ({"state": 0, "mode": 1}, "off"),
        ({"state": 4096 | 1, "program": 8, "mode": 1}, "error"),
    ],
)
def test_the_strongest_bit_wins(numbers: dict[str, int], status: str | None) -> None:
    assert status_of(**numbers) == status


SENTENCES = [
    (0x8888, "parse", "failed write"),
    (0x9999, "server", "memory"),
    (0xCCCC, "server", "overloaded"),
    (0xEEEE, "parse", "list"),
    (0xFFFF, "parse", "0xFFFF"),
    (0x1234, "parse", "not the WS protocol"),
]


@pytest.mark.parametrize(("code", "sorted_as", "words"), SENTENCES)
async def test_a_code_that_is_not_about_one_tag_is_an_error(code: int, sorted_as: str, words: str) -> None:
    with pytest.raises(ResponseError, match=words) as caught:
        await hear(code.to_bytes(2, "little") + bytes(6), config_of())
    assert caught.value.code == sorted_as


@pytest.mark.parametrize("code", [0xAAAA, 0xBBBB, 0xDDDD])
async def test_a_machine_without_any_of_the_tags_is_an_error(code: int) -> None:
    config = config_of(mode_tag=None, program_tag=None)
    with pytest.raises(ResponseError, match="none of the tags 300") as caught:
        parse_answers(await hear(code.to_bytes(2, "little") + bytes(6), config), config, received_at=NOON)
    assert caught.value.code == "mapping"


async def test_an_answer_about_another_tag_is_an_error() -> None:
    with pytest.raises(ResponseError, match="about tag 301 when asked for 300"):
        await hear(bytes.fromhex("00002d0180000000"), config_of())


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"state_tag": None}, "tags"),
        ({"tags": [{"tag": 1, "type": "uint32", "field": "humidity"}] * 2}, "tags.1.field"),
        ({"tags": [{"tag": 65536, "type": "uint32", "field": "humidity"}]}, "tags.0.tag"),
        ({"tags": [{"tag": 1, "type": "real", "field": "humidity"}]}, "tags.0.type"),
        ({"tags": [{"tag": 1, "type": "uint32", "field": "heat"}]}, "tags.0.field"),
        ({"tags": [{"tag": 1, "type": "uint32", "field": "humidity", "unit": "°C"}]}, "tags.0.unit"),
        ({"tags": [{"tag": 1, "type": "uint32", "field": "door_status", "scale": 2}]}, "tags.0.scale"),
        ({"tags": [{"tag": 1, "type": "float32", "field": "door_status", "bit": 2}]}, "tags.0.bit"),
        ({"tags": [{"tag": 1, "type": "string", "field": "humidity", "bad": [1]}]}, "tags.0.type"),
        ({"tags": [{"tag": 1, "type": "uint32", "field": "cycle_stage", "enum": {"1": "x"}}]}, "tags.0.enum.1"),
    ],
)
def test_a_tag_that_cannot_be_right_is_named(options: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config_of(**options)
    assert list(caught.value.fields) == [f"additional_config.{path}"]


@pytest.mark.parametrize("endpoint", ["http://oven", "oven:5000", "1.2.3", "a b", "", "user@oven"])
def test_an_endpoint_is_a_name_or_an_address(endpoint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_config("ws", {"endpoint": endpoint})
    assert list(caught.value.fields) == ["endpoint"]


def test_an_address_of_six_has_brackets_in_sentences_only() -> None:
    config = parse_config("ws", {"endpoint": "[fd00::1]"})
    assert isinstance(config, WsConfig)
    assert (config.endpoint, config.place) == ("fd00::1", "[fd00::1]:5000")


def test_a_wrong_type_is_shown_with_the_types_that_fit() -> None:
    tags = [
        {"tag": 40001, "type": "uint32", "field": "temperature"},
        {"tag": 50001, "type": "float32", "field": "energy_consumption_kwh", "unit": "Wh"},
        {"tag": 61001, "type": "string", "field": "additional_sensors.programme"},
        {"tag": 61002, "type": "string", "field": "additional_sensors.batch_number"},
    ]
    config = config_of(tags=tags)
    answers = {
        (40001, False): Answer(OK, bytes.fromhex("cd4c6643")),
        (50001, False): Answer(OK, bytes.fromhex("d4300000")),
        (61001, True): Answer(OK, "Semmeln".encode("utf-16-le")),
        (61002, True): Answer(0xDDDD),
    }
    heat, energy, programme, batch = list_points(answers, config)
    assert (heat["uint32"], heat["float32"], heat["plausible"]) == ("1130777805", "230.3", ["float32"])
    assert (energy["uint32"], energy["float32"], energy["plausible"]) == ("12500", None, ["uint32", "int32"])
    assert (programme["string"], batch["refused"]) == ("Semmeln", "no such tag")
    _, missing, hot, metered = list_remarks(answers, config)
    assert "no tag 61002" in missing
    assert hot == "Tag 40001 (temperature) does not look like uint32, but like float32."
    assert "50001 (energy_consumption_kwh) does not look like float32, but like uint32 or int32" in metered


FRAMES = st.lists(
    st.builds(
        lambda code, tag, data: code.to_bytes(2, "little") + tag.to_bytes(2, "little") + data,
        st.sampled_from([0, 0, 0, 0xDDDD, 0xBBBB, 0x1234]),
        st.sampled_from([300, 200, 100, 1, 2, 3, 4]),
        st.binary(min_size=4, max_size=4),
    ),
    max_size=12,
).map(b"".join)
RECORDED = [bytes.fromhex("".join(json.loads((case / "payload.json").read_text()))) for case in CASES]
MUTATED = st.builds(
    lambda data, place, byte: data[: place % len(data)] + byte + data[place % len(data) + 1 :],
    st.sampled_from(RECORDED),
    st.integers(0, 200),
    st.binary(max_size=2),
)
FUZZED = config_of(
    tags=[
        {"tag": 1, "type": "float32", "field": "temperature_zones.cabinet"},
        {"tag": 2, "type": "string", "field": "additional_sensors.programme"},
        {"tag": 3, "type": "int32", "field": "time_remaining_minutes", "unit": "s"},
        {"tag": 4, "type": "float32", "field": "operational_status", "enum": {"1": "running"}},
        {"tag": 4, "type": "uint32", "field": "additional_sensors.mask", "bit": 31},
        {"tag": 2, "type": "string", "field": "humidity"},
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | FRAMES | MUTATED)
def test_any_bytes_give_a_reading_or_a_response_error(frames: bytes) -> None:
    for config in (FUZZED, *map(config_in, CASES)):
        try:
            answers = asyncio.run(hear(frames, config))
            assert_sound(parse_answers(answers, config, received_at=NOON))
            assert json.dumps(list_points(answers, config))
        except ConnectorError as error:
            str(error).encode()


def config_in(case: Path) -> WsConfig:
    return config_of(**json.loads((case / "config.json").read_text()))


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([(300, False), (1, False), (2, True), (3, False), (4, False)]),
        st.builds(Answer, st.sampled_from([OK, 0xDDDD]), st.binary(max_size=8) | st.binary(min_size=4, max_size=4)),
    )
)
def test_any_answers_give_a_reading_or_a_response_error(answers: dict[tuple[int, bool], Answer]) -> None:
    nothing = {question: Answer(0xDDDD) for question in ((1, False), (2, True), (3, False), (4, False))}
    try:
        assert_sound(parse_answers(nothing | answers, FUZZED, received_at=NOON))
    except ResponseError as error:
        str(error).encode()


def connect(served: WsOvens, key: str, **options: Any) -> WsConnector:
    config = served.settings(key)
    connector = create_connector(
        "ws", key, config | {"additional_config": config["additional_config"] | options}, policy=LOOPBACK
    )
    assert isinstance(connector, WsConnector)
    return connector


@asynccontextmanager
async def ovens_at(moment: float) -> AsyncIterator[tuple[WsOvens, dict[str, ServedOven]]]:
    """Ovens whose time stands still, so that the protocol and the model speak of the same moment."""
    ovens = make_ovens([spec for spec in FLEET if spec.key in KEYS], seconds=lambda: moment)
    async with WsOvens(ovens) as served:
        yield served, dict(ovens)


def known(value: Any) -> Any:
    """A zone without a target is not mentioned by one, and empty at the other."""
    return {name: item for name, item in value.items() if item is not None} if isinstance(value, dict) else value


@pytest.mark.parametrize("fault", [None, "sensor_break", "door_open"])
async def test_the_protocol_carries_what_the_model_says(fault: str | None) -> None:
    async with ovens_at(NOON.timestamp()) as (served, ovens):
        for key in KEYS:
            ovens[key].fault = fault
            expected = ovens[key].read()
            async with connect(served, key) as connector:
                reading = await connector.get_current_reading()
            for name in set(Reading.__dataclass_fields__) - {"reading_time", "additional_sensors"}:
                assert known(getattr(reading, name)) == known(getattr(expected, name)), (key, name)
            assert reading.additional_sensors.items() >= expected.additional_sensors.items()


FAULTS = [
    ("hang", "timeout"),
    ("refuse", "reset"),
    ("reset", "reset"),
    ("http_401", "mapping"),
    ("http_404", "mapping"),
    ("http_500", "server"),
    ("http_503", "server"),
    ("html", "parse"),
    ("broken_json", "parse"),
    ("too_large", "too_large"),
]


@pytest.mark.parametrize(("fault", "code"), FAULTS)
async def test_a_line_that_broke_is_dialled_anew(fault: str, code: str) -> None:
    """A late answer must never be taken for the next one's; so the same connector goes on, on another line."""
    async with ovens_at(NOON.timestamp()) as (served, ovens), connect(served, "sol-1", timeout=60) as connector:
        patient = connector.config
        good = await connector.get_current_reading()
        ovens["sol-1"].fault = fault
        if fault == "hang":
            connector.config = connect(served, "sol-1", timeout=0.2).config
        for _ in range(2):
            with pytest.raises(ConnectorError) as caught:
                await connector.get_current_reading()
            assert caught.value.code == code
            assert caught.value.__cause__ is None
        ovens["sol-1"].fault = None
        connector.config = patient
        assert (await connector.get_current_reading()).temperature_zones == good.temperature_zones


async def test_after_a_restart_the_same_port_answers() -> None:
    async with ovens_at(NOON.timestamp()) as (served, _):
        port, connector = served.port, connect(served, "sol-1")
        await served.stop()
        assert (await failure_of(connector)).code == "refused"
        await served.start()
        assert served.port == port
        assert (await connector.get_current_reading()).temperature
        assert (await connector.get_capabilities()).supports_energy_monitoring


def test_the_poll_workers_loop_sees_the_same() -> None:
    """uvloop answers some questions about closed lines in words of its own."""

    async def go_through_a_restart() -> None:
        async with ovens_at(NOON.timestamp()) as (served, ovens), connect(served, "sol-1", timeout=60) as connector:
            assert (await connector.get_current_reading()).temperature
            for fault in ("reset", "refuse"):
                ovens["sol-1"].fault = fault
                with pytest.raises(UnreachableError):
                    await connector.get_current_reading()
            ovens["sol-1"].fault = None
            assert (await connector.get_current_reading()).temperature
            await served.stop()
            with pytest.raises(UnreachableError):
                await connector.get_current_reading()
            await served.start()
            assert (await connector.get_current_reading()).temperature

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(go_through_a_restart())


async def test_frames_that_come_in_pieces_are_put_together() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(8):
            for byte in b"\0\0" + request[2:4] + b"\x80\0\0\0":
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, create_connector("ws", "oven-7", {"endpoint": "127.0.0.1", "port": port}, policy=LOOPBACK) as it:
        assert (await it.get_current_reading()).operational_status == "running"


@pytest.mark.parametrize("data", [b"", b"\0", bytes.fromhex("00002c01")])
async def test_a_hang_up_within_a_frame_is_a_reset(data: bytes) -> None:
    async with serve_bytes(data) as port:
        connector = create_connector("ws", "oven-7", {"endpoint": "127.0.0.1", "port": port}, policy=LOOPBACK)
        assert (await failure_of(connector)).code == "reset"


async def test_our_own_server_is_not_dialled() -> None:
    async with ovens_at(NOON.timestamp()) as (served, _):
        connector = create_connector("ws", "oven-7", served.settings("sol-1"))
        assert (await failure_of(connector)).code == "address"


async def test_an_oven_that_has_just_started_says_nothing_and_not_zero() -> None:
    async with ovens_at(NOON.timestamp()) as (served, ovens):
        ovens["sol-1"].fault = "null_values"
        reading = await connect(served, "sol-1").get_current_reading()
        assert (reading.temperature, reading.humidity, reading.time_remaining_minutes) == (None, None, None)
        assert reading.operational_status == "unknown"
