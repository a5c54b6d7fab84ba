"""What people reported about other Modbus software, row by row of protocols.md 6.2: none of it happens here.

The letters and numbers in brackets are the sources listed there.
"""

import asyncio
import struct
from typing import Any

import pytest

from connectors import ConfigurationError, Reading, ResponseError, parse_config
from connectors.modbus_codec import ORDERS, POINT_TYPES, Order, PointType, encode, raw_bits, width_of

from .registers import Answer, Asked, Point, RegisterMachine, serve_registers


def sensor(name: str, address: int, kind: str = "int16", **point: Any) -> Point:
    return {"field": f"additional_sensors.{name}", "table": "holding", "address": address, "type": kind, **point}


async def read(machine: RegisterMachine, *points: Point, **options: Any) -> Reading:
    return await machine.connector(*points, **options).get_current_reading()


def placed(registers: list[int], address: int = 0) -> dict[int, int]:
    return dict(enumerate(registers, address))


# --- "float32 shows 2.4e-41 instead of 229.01: word order" (I6, I7, I8)


async def test_a_float_with_its_words_the_wrong_way_round_is_bad_and_the_test_shows_the_right_order() -> None:
    async with serve_registers(holding=placed(list(struct.unpack(">HH", struct.pack(">f", 229.01))))) as machine:
        wrong = {"field": "temperature", "address": 0, "type": "float32", "order": "CDAB"}
        reading = await read(machine, wrong)
        assert (reading.temperature, reading.quality) == (None, {"temperature": "bad"})
        (row,) = (await machine.connector(wrong).test_connection()).details["points"]
        assert {order: row[order] for order in ORDERS}["ABCD"] == 229.01
        assert row["plausible"] == ["ABCD"]
        assert (await read(machine, {**wrong, "order": "ABCD"})).temperature == 229.01


WIDE: list[tuple[PointType, float]] = [
    ("int16", -1234), ("uint16", 54321), ("int32", -70000), ("uint32", 3000000000), ("int64", -(10**12)),
    ("uint64", 10**13), ("float16", 185.5), ("float32", 229.01), ("float64", -40.25),
]  # fmt: skip


async def test_all_four_orders_of_all_types_in_one_reading() -> None:
    memory: dict[int, int] = {}
    points, expected = [], {}
    for kind, value in WIDE:
        for order in ORDERS:
            name = f"{kind}_{order}"
            address = len(memory)
            memory |= placed(turned(kind, value, order), address)
            points.append(sensor(name, address, kind, order=order))
            expected[name] = value
    async with serve_registers(holding=memory) as machine:
        assert (await read(machine, *points)).additional_sensors == expected
    assert {kind for kind, _ in WIDE} <= set(POINT_TYPES)


def turned(kind: PointType, value: float, order: Order) -> list[int]:
    """Written without our own code: struct, and the letters taken literally."""
    code = {"int": "hhiq", "uint": "HHIQ", "float": " efd"}[kind.rstrip("0123456789")]
    data = struct.pack(">" + code[(8, 16, 32, 64).index(width_of(kind))], value)
    words = [data[place : place + 2] for place in range(0, len(data), 2)]
    words = words[::-1] if order in ("CDAB", "DCBA") else words
    return [int.from_bytes(word[::-1] if order in ("BADC", "DCBA") else word, "big") for word in words]


# --- "swap: word without effect on uint32; one option reversing all registers instead of each pair" (I9, I10)


async def test_the_order_applies_to_each_value_and_not_to_the_block() -> None:
    memory = placed([0x0000, 0x30D4, 0x30D4, 0x0000, 7])
    points = [sensor("a", 0, "uint32"), sensor("b", 2, "uint32", order="CDAB"), sensor("c", 4, "uint16", order="CDAB")]
    async with serve_registers(holding=memory) as machine:
        assert (await read(machine, *points)).additional_sensors == {"a": 12500, "b": 12500, "c": 7}
        assert machine.places == [("holding", 0, 5)]


# --- "strings scrambled by the numeric word order; devices using only one byte per register" (I11, T2)


async def test_the_order_of_numbers_does_not_touch_texts() -> None:
    rows = {"AB": b"Brot", "BA": b"rBto", "high": b"B\0r\0o\0t\0", "low": b"\0B\0r\0o\0t"}
    for string_order, data in rows.items():
        memory = placed([int.from_bytes(data[place : place + 2], "big") for place in range(0, len(data), 2)])
        for order in ORDERS:
            text = sensor("text", 0, "string", count=len(memory), string_order=string_order)
            async with serve_registers(holding=memory) as machine:
                assert (await read(machine, text, order=order)).additional_sensors == {"text": "Brot"}


# --- "order respected for reading and ignored for writing" (I12, I13)


@pytest.mark.parametrize("order", ORDERS)
async def test_what_is_written_is_read_back(order: Order) -> None:
    """Writing is the simulators' and tests' business: the connector itself refuses to write."""
    memory: dict[int, int] = {}
    async with serve_registers(holding=memory) as machine:
        for value in (229.01, -0.5, 1e6):
            memory |= placed(encode("float32", value, order))
            machine.memory = {"holding": memory}
            assert (await read(machine, sensor("x", 0, "float32", order=order))).additional_sensors == {"x": value}
            assert encode("float32", value, order) == list(memory.values())
            assert raw_bits("float32", list(memory.values()), order) == struct.unpack(">I", struct.pack(">f", value))[0]
    with pytest.raises(ConfigurationError, match="only read"):
        options = {"points": [sensor("x", 0, writable=True)]}
        parse_config("modbus", {"endpoint": "10.0.0.5", "additional_config": options})


# --- "a hole in the map makes the whole block fail with exception 2" (I14, I19)


@pytest.mark.parametrize("code", [1, 2, 3])
async def test_a_hole_costs_its_own_value_is_remembered_and_tried_again(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve_registers(holding={address: 100 + address for address in range(8)}) as machine:
        holes = {5}

        async def answer(asked: Asked) -> Answer:
            return code if holes & set(range(asked.address, asked.address + asked.count)) else machine.look_up(asked)

        machine.answer = answer
        points = [sensor(f"s{address}", address) for address in range(8)]
        async with machine.connector(*points) as connector:
            for requests in (7, 3, 3):
                machine.requests.clear()
                reading = await connector.get_current_reading()
                assert reading.quality == {"additional_sensors.s5": "bad"}
                assert reading.data_points == 7
                assert len(machine.requests) == requests
            holes.clear()
            monkeypatch.setattr("connectors.modbus_blocks.MERGE_AGAIN_SECONDS", 0)
            machine.requests.clear()
            assert (await connector.get_current_reading()).additional_sensors["s5"] == 105
            assert machine.places == [("holding", 0, 8)]


async def test_a_hole_in_the_gap_between_two_values_costs_neither() -> None:
    async with serve_registers(holding={0: 1, 9: 2}) as machine:
        reading = await read(machine, sensor("a", 0), sensor("b", 9), max_gap=20)
        assert (reading.additional_sensors, reading.quality) == ({"a": 1, "b": 2}, {})
        assert machine.places == [("holding", 0, 10), ("holding", 0, 1), ("holding", 9, 1)]


async def test_nothing_but_holes_is_said_and_not_remembered() -> None:
    async with serve_registers(holding={}) as machine:
        connector = machine.connector(sensor("a", 0), sensor("b", 1))
        async with connector:
            with pytest.raises(ResponseError, match="exception 2"):
                await connector.get_current_reading()
            machine.memory = {"holding": {0: 1, 1: 2}}
            assert (await connector.get_current_reading()).additional_sensors == {"a": 1, "b": 2}


# --- "block of 177 or 243 > 125" (I15, I16)


@pytest.mark.parametrize("count", [177, 243])
async def test_no_request_is_longer_than_the_limit(count: int) -> None:
    async with serve_registers(holding=dict.fromkeys(range(count), 3)) as machine:
        points = [sensor(f"s{address}", address) for address in range(count)]
        assert (await read(machine, *points)).data_points == count
        assert max(asked.count for asked in machine.requests) == 100
        machine.requests.clear()
        assert (await read(machine, *points, max_registers=125)).data_points == count
        assert len(machine.requests) == 2 and max(asked.count for asked in machine.requests) == 125
    with pytest.raises(ConfigurationError, match="125 or less"):
        machine.connector(*points, max_registers=126)


# --- "meters that refuse more than 50 although 80 are documented" (I17)


async def test_a_machine_that_takes_less_than_it_promises_is_asked_for_less() -> None:
    async with serve_registers(holding=dict.fromkeys(range(80), 3)) as machine:

        async def answer(asked: Asked) -> Answer:
            return 3 if asked.count > 50 else machine.look_up(asked)

        machine.answer = answer
        points = [sensor(f"s{address}", address) for address in range(80)]
        async with machine.connector(*points, max_registers=80) as connector:
            for requests in (3, 2):
                machine.requests.clear()
                reading = await connector.get_current_reading()
                assert (reading.data_points, reading.quality) == (80, {})
                assert len(machine.requests) == requests


# --- "a block that ends inside a value is refused" (I18)


async def test_a_block_never_ends_inside_a_value() -> None:
    async with serve_registers(holding=dict.fromkeys(range(122), 0)) as machine:

        async def answer(asked: Asked) -> Answer:
            inside = asked.address % 2 or (asked.address + asked.count) % 2
            return 2 if inside else machine.look_up(asked)

        machine.answer = answer
        points = [sensor(f"s{address}", address, "uint32") for address in range(0, 122, 2)]
        reading = await read(machine, *points, max_registers=25)
        assert (reading.data_points, reading.quality) == (61, {})
        assert max(asked.count for asked in machine.requests) == 24


# --- 'value 0 became "Unknown" since nan_value: 0' (I20)


async def test_zero_is_a_value_unless_somebody_says_otherwise() -> None:
    async with serve_registers(holding={0: 0, 1: 0xFFFF, 2: 0}) as machine:
        plain, long = sensor("plain", 0), sensor("long", 1, "uint32", nan=[0, 0xFFFF])
        reading = await read(machine, plain, long)
        assert (reading.additional_sensors, reading.quality) == ({"plain": 0, "long": 0xFFFF0000}, {})
        asked_for = await read(machine, sensor("plain", 0, nan=[0]))
        assert asked_for.quality == {"additional_sensors.plain": "bad"}
        nothing = await read(machine, sensor("plain", 0, unknown=[0]), sensor("other", 1))
        assert (nothing.additional_sensors, nothing.quality) == ({"plain": None, "other": -1}, {})


# --- "coils must be read from address 0" (I21)


async def test_coils_can_be_read_from_address_zero() -> None:
    async with serve_registers(coil={address: address % 2 for address in range(40)}, holding={5: 7}) as machine:

        async def answer(asked: Asked) -> Answer:
            return 2 if asked.table == "coil" and asked.address else machine.look_up(asked)

        machine.answer = answer
        coils = [{"field": f"additional_sensors.c{at}", "table": "coil", "address": at} for at in (17, 30)]
        reading = await read(machine, *coils, sensor("five", 5), read_bits_from_zero=True)
        assert reading.additional_sensors == {"c17": True, "c30": False, "five": 7}
        assert machine.places == [("coil", 0, 31), ("holding", 5, 1)]


# --- "off by one: 40001 notation vs address 0; 5 and 6 digit notation" (I22)


@pytest.mark.parametrize(
    ("address", "options"),
    [
        (0, {}),
        (1, {"address_base": 1}),
        (40001, {"notation": "4xxxx"}),
        (400001, {"notation": "4xxxx"}),
        (40000, {"notation": "4xxxx", "address_base": 0}),
    ],
)
async def test_every_notation_means_the_same_register(address: int, options: dict[str, Any]) -> None:
    async with serve_registers(holding={0: 42, 1: 43}) as machine:
        reading = await read(machine, sensor("x", address), **options)
        assert (reading.additional_sensors, machine.places) == ({"x": 42}, [("holding", 0, 1)])


# --- "device asks for pause after connect or between requests, or allows one connection only" (H1, T2)


async def test_a_machine_that_serves_one_client_only_serves_all_its_units() -> None:
    async with serve_registers(holding={0: 1}, input={0: 2}) as machine:
        first: set[int] = set()

        async def answer(asked: Asked) -> Answer:
            """To anyone but the first client it is deaf."""
            first.add(asked.connection)
            return machine.look_up(asked) if asked.connection == min(first) else None

        machine.answer = answer
        ovens = [machine.connector(sensor("x", 0), unit_id=unit) for unit in range(1, 9)]
        await asyncio.gather(*(oven.connect() for oven in ovens))
        readings = await asyncio.gather(*(oven.get_current_reading() for oven in ovens))
        await asyncio.gather(*(oven.close() for oven in ovens))
        assert [reading.additional_sensors for reading in readings] == [{"x": 1}] * 8
        assert machine.connections == 1


async def test_a_machine_that_needs_pauses_gets_them() -> None:
    async with serve_registers(holding={0: 1, 9: 2}) as machine:
        last = asyncio.get_running_loop().time()

        async def answer(asked: Asked) -> Answer:
            """What comes too early is lost."""
            nonlocal last
            early, last = asked.moment - last < 0.04, asyncio.get_running_loop().time()
            return None if early else machine.look_up(asked)

        machine.answer = answer
        pauses = {"delay_after_connect": 0.05, "delay_between_requests": 0.05}
        reading = await read(machine, sensor("a", 0), sensor("b", 9), **pauses)
        assert reading.additional_sensors == {"a": 1, "b": 2}
        assert machine.connections == 1


# --- Exceptions: each has its own meaning. 5, 6, 10, 11 and 4: test_modbus_line.py


@pytest.mark.parametrize(
    ("code", "kind"), [(1, "mapping"), (2, "mapping"), (3, "mapping"), (7, "server"), (8, "server")]
)
async def test_an_exception_for_everything_is_told_in_words(code: int, kind: str) -> None:
    async with serve_registers(holding={0: 1}) as machine:

        async def answer(asked: Asked) -> Answer:
            return code

        machine.answer = answer
        async with machine.connector(sensor("x", 0)) as connector:
            result = await machine.connector(sensor("x", 0)).test_connection()
            assert (result.success, result.error_code) == (False, kind)
            assert f"(exception {code})" in result.message
            machine.answer = None
            assert (await connector.get_current_reading()).additional_sensors == {"x": 1}
