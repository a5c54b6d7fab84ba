"""The settings with which our REST connector reads each simulated oven: what a technician would have entered."""

from collections.abc import Mapping
from typing import Any

from .fleet import OvenSpec
from .payloads import STAGE_WORDS, STATE_NUMBERS, STATE_WORDS, Shape

_STAGES = {word: str(stage) for stage, word in STAGE_WORDS.items()}
_STATE_NUMBERS = {number: str(status) for status, number in STATE_NUMBERS.items()}
_STATES = {word: str(status) for status, word in STATE_WORDS.items()}


def connector_settings(spec: OvenSpec, endpoint: str, token: str) -> dict[str, Any]:
    """endpoint, port, credentials and additional_config, as the API takes them."""
    options: dict[str, Any] = {
        "device_id": spec.key,
        "data_endpoint": "/ovens/{device_id}/data",
        "status_endpoint": "/ovens/{device_id}/status",
        "timeout": 5,
    }
    if spec.shape is not Shape.GUIDE:
        options["mapping"] = _MAPPINGS[spec.shape](spec)
    name = "api_key" if spec.auth == "api_key" else "token"
    return {"endpoint": endpoint, "port": None, "credentials": {name: token}, "additional_config": options}


def _decks(spec: OvenSpec) -> int:
    return sum(zone.name.endswith("_top") for zone in spec.body.zones)


def _tenths(spec: OvenSpec) -> dict[str, Any]:
    zones: dict[str, Any] = {"temperature_zones": {}, "target_temperature_zones": {}}
    for index in range(_decks(spec)):
        # Heaters that are off have no target, and the mean of nothing is nothing; a missing measurement is an error.
        for field, key, given in (("temperature_zones", "actual", ""), ("target_temperature_zones", "set", "[?@]")):
            path = f"cavity[{index}].{key}"
            zones[field] |= {
                f"deck_{index + 1}_top": {"path": f"{path}[0]", "scale": 0.1},
                f"deck_{index + 1}_bottom": {"path": f"{path}[1]", "scale": 0.1},
                f"deck_{index + 1}": {"path": f"avg({path}{given})", "scale": 0.1},
            }
    return zones | {
        "timestamp": {"path": "clock", "unit": "ms"},
        "humidity": {"path": "air.rh", "scale": 0.1},
        "steam_level": {"path": "air.boiler", "scale": 0.1},
        "energy_consumption_kwh": {"path": "meter.wh", "unit": "Wh"},
        "motor_speed": "fan",
        "product_weight": {"path": "load.grams", "unit": "g"},
        "moisture_content": {"path": "load.water", "scale": 0.1},
        "cycle_progress_percentage": {"path": "cycle.permille", "scale": 0.1},
        "time_remaining_minutes": {"path": 'cycle."seconds-left"', "unit": "s"},
        "operational_status": {"path": "mode", "enum": _STATES, "required": True},
        "cycle_stage": {"path": "cycle.phase", "enum": _STAGES},
        "door_status": {"path": "door", "enum": {"0": "closed", "1": "open"}},
        "additional_sensors": {
            "operating_hours": "meter.hours",
            "programme": "cycle.product",
            "batch_number": "cycle.batch",
            "alarm": "alarm",
        },
    }


def _fahrenheit(spec: OvenSpec) -> dict[str, Any]:
    return {
        "timestamp": "oven.time",
        "temperature": {"path": "oven.temps_f.chamber", "unit": "°F"},
        "target_temperature": {"path": "oven.temps_f.setpoint", "unit": "°F"},
        "temperature_zones": {
            "cabinet": {"path": "oven.temps_f.chamber", "unit": "°F"},
            "core": {"path": "oven.temps_f.probes[0]", "unit": "°F"},
        },
        "target_temperature_zones": {"cabinet": {"path": "oven.temps_f.setpoint", "unit": "°F"}},
        "humidity": {"path": "oven.humidity_ratio", "unit": "ratio"},
        "energy_consumption_kwh": {"path": "oven.energy_mj", "unit": "MJ"},
        "motor_speed": "oven.blower.pct",
        "steam_level": "oven.boiler.pct",
        "product_weight": {"path": "job.dough_lb", "unit": "lb"},
        "moisture_content": "job.moisture_pct",
        "cycle_progress_percentage": "job.done_pct",
        "time_remaining_minutes": {"path": "job.ms_left", "unit": "ms"},
        "operational_status": {"path": "oven.state.name", "enum": _STATES, "required": True},
        "cycle_stage": {"path": "oven.state.step", "enum": _STAGES},
        "door_status": {"path": "oven.door_open", "enum": {"false": "closed", "true": "open"}},
        "additional_sensors": {
            "operating_hours": "hours_run",
            "programme": "job.name",
            "batch_number": "job.number",
            "alarm": "alarms[0]",
        },
    }


def _text(spec: OvenSpec) -> dict[str, Any]:
    zones: dict[str, Any] = {"temperature_zones": {}, "target_temperature_zones": {}}
    for index in range(_decks(spec)):
        for field, key, given in (
            ("temperature_zones", "act_temp", ""),
            ("target_temperature_zones", "set_temp", "[?@]"),
        ):
            top, bottom = f"{key}_top[{index}]", f"{key}_bottom[{index}]"
            zones[field] |= {
                f"deck_{index + 1}_top": top,
                f"deck_{index + 1}_bottom": bottom,
                f"deck_{index + 1}": f"avg([to_number({top}), to_number({bottom})]{given})",
            }
    return zones | {
        "timestamp": "_ts",
        "humidity": "rel_hum",
        "steam_level": "boiler_pct",
        "energy_consumption_kwh": "kwh",
        "motor_speed": "fan_pct",
        "product_weight": "load_kg",
        "moisture_content": "moist_pct",
        "cycle_progress_percentage": "pct_done",
        "time_remaining_minutes": {"path": "sec_left", "unit": "s"},
        "operational_status": {"path": "state", "enum": _STATE_NUMBERS, "required": True},
        "cycle_stage": {"path": "phase", "enum": _STAGES},
        "door_status": {"path": "flags", "bit": 0, "enum": {"false": "closed", "true": "open"}},
        "additional_sensors": {
            "operating_hours": {"path": "hours", "type": "number"},
            "programme": "prog_name",
            "batch_number": {"path": "batch_no", "type": "text"},
            "alarm": "alarm",
        },
    }


_MAPPINGS: Mapping[Shape, Any] = {Shape.TENTHS: _tenths, Shape.FAHRENHEIT: _fahrenheit, Shape.TEXT: _text}
