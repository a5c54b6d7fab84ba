"""What the connection test shows of the points, and what it says about them."""

import json
from typing import Any

from connectors.modbus_codec import encode
from connectors.modbus_table import describe_neighbour, list_neighbours, list_point_rows, list_remarks

from .test_modbus_map import options_of


def rows_of(*points: dict[str, Any], **tables: dict[int, int]) -> list[dict[str, Any]]:
    made = options_of({"points": list(points)}).make_points()
    rows = [dict(row) for row in list_point_rows(tables, made)]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    return rows


HUMIDITY = {"field": "humidity", "table": "input", "address": 20, "type": "float32", "order": "ABCD"}


def test_a_long_value_is_shown_in_all_four_orders() -> None:
    (row,) = rows_of(HUMIDITY, input=dict(enumerate(encode("float32", 65.5, "CDAB"), 20)))
    assert row["registers"] == "0000 4283"
    assert (row["table"], row["address"], row["number"], row["type"]) == ("input", 20, "30021", "float32")
    assert [row[order] for order in ("ABCD", "CDAB", "BADC", "DCBA")] == [2.386e-41, 65.5, 4.7086e-41, -5.701148e-37]
    assert (row["order"], row["value"], row["quality"], row["plausible"]) == ("ABCD", None, "bad", ["CDAB"])
    (remark,) = list_remarks([row])
    assert "humidity cannot be right as ABCD; CDAB (65.5) looks right" in remark


def test_a_right_order_needs_no_remark() -> None:
    (row,) = rows_of({**HUMIDITY, "order": "CDAB"}, input=dict(enumerate(encode("float32", 65.5, "CDAB"), 20)))
    assert (row["value"], row["quality"], row["plausible"]) == (65.5, "", ["CDAB"])
    assert list_remarks([row]) == ()


def test_the_bounds_of_the_point_help_to_tell() -> None:
    energy = {"field": "energy_consumption_kwh", "table": "input", "address": 0, "type": "uint32", "unit": "Wh"}
    registers = dict(enumerate(encode("uint32", 12500, "CDAB")))
    assert "ABCD" in rows_of(energy, input=registers)[0]["plausible"]
    row = rows_of({**energy, "max": 5e4}, input=registers)[0]
    assert (row["plausible"], row["ABCD"], row["CDAB"]) == (["CDAB"], 819200000, 12500)


def test_single_registers_and_texts_have_no_order() -> None:
    rows = rows_of(
        {"field": "temperature", "address": 0, "type": "int16", "scale": 0.1},
        {"field": "additional_sensors.programme", "address": 1, "type": "string", "count": 2},
        {"field": "door_status", "table": "discrete", "address": 0, "enum": {"true": "open"}},
        holding={0: 2325, 1: 0x4272, 2: 0x6F74},
        discrete={0: 1},
    )
    assert [(row["order"], row["plausible"], row["ABCD"]) for row in rows] == [("", [], None)] * 3
    assert [row["value"] for row in rows] == [232.5, "Brot", "open"]
    assert [row["registers"] for row in rows] == ["0915", "4272 6F74", "0001"]
    assert list_remarks(rows) == ()


def test_what_is_missing_or_broken_is_named() -> None:
    rows = rows_of(
        {"field": "temperature", "address": 0, "type": "int16", "nan": [-32768]},
        {"field": "humidity", "address": 9, "type": "int16"},
        holding={0: 0x8000},
    )
    missing, broken = list_remarks(rows)
    assert "does not have these registers: humidity (40010)" in missing
    assert "sensors are broken: temperature (40001)" in broken


def test_many_are_counted() -> None:
    rows = rows_of(
        *({"field": f"additional_sensors.s{n}", "address": n, "type": "int16"} for n in range(8)), holding={}
    )
    (remark,) = list_remarks(rows)
    assert remark.count("additional_sensors") == 5 and "and 3 more" in remark


def test_bcd_and_scaled_values_show_what_they_would_be() -> None:
    rows = rows_of(
        {"field": "additional_sensors.a", "address": 0, "type": "bcd", "count": 2},
        {"field": "additional_sensors.b", "address": 2, "type": "int32", "scale_register": 4},
        holding={0: 0x1234, 1: 0x56AB, 2: 0, 3: 2325, 4: 1},
    )
    assert (rows[0]["ABCD"], rows[0]["quality"]) == (None, "bad")
    assert (rows[1]["ABCD"], rows[1]["value"]) == (232.5, 232.5)


def test_a_value_that_is_one_register_off_is_asked_about() -> None:
    points = options_of({"points": [HUMIDITY]}).make_points()
    registers = [0x1234, *encode("float32", 65.5), 0xFFFF]
    image = {"input": dict(enumerate(registers, 18))}  # the value is at 19
    assert rows_of(HUMIDITY, **image)[0]["plausible"] == []
    found = [(span.address, describe_neighbour(point, span, registers[span.address - 18 :][:2], image))
             for point, span in list_neighbours(image, points)]  # fmt: skip
    assert [address for address, _ in found] == [19, 21]
    assert "at 30020 it would be 65.5" in (found[0][1] or "")
    assert found[1][1] is None


def test_values_that_make_sense_and_broken_sensors_have_no_neighbours_to_ask() -> None:
    broken = {**HUMIDITY, "address": 22, "nan": ["0x7FC00000"]}
    points = options_of({"points": [HUMIDITY, broken]}).make_points()
    image = {"input": dict(enumerate([*encode("float32", 65.5), 0x7FC0, 0], 20))}
    assert list(list_neighbours(image, points)) == []


def test_neighbours_stay_within_the_addresses_there_are() -> None:
    points = options_of(
        {"points": [{"field": "humidity", "address": 0, "type": "int16"},
                    {"field": "temperature", "address": 65535, "type": "int16"}]}
    ).make_points()  # fmt: skip
    assert [span.address for _, span in list_neighbours({}, points)] == [1, 65534]
