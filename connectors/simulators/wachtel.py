"""The deck ovens behind a REMOTE cloud, as our contract assumes it (unverified with the manufacturer)."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.reading import CycleStage, DoorStatus, OperationalStatus, Reading

from .cloud import CloudOvens, cycle_seconds, iso
from .served import ServedOven

SENSOR_OPEN = 3276.7  # what stands in place of a temperature when the sensor's wire is broken
SERVICE_HOURS = 500
# The contract has no word for cooling down: the oven is ready, and its temperatures say the rest.
STATES: Mapping[OperationalStatus, str] = {
    OperationalStatus.OFF: "OFF",
    OperationalStatus.IDLE: "READY",
    OperationalStatus.COOLING: "READY",
    OperationalStatus.PREHEATING: "HEATING",
    OperationalStatus.RUNNING: "BAKING",
    OperationalStatus.STANDBY: "ECO",
    OperationalStatus.CLEANING: "CLEANING",
    OperationalStatus.ERROR: "FAULT",
}


class WachtelOvens(CloudOvens):
    def list_routes(self) -> list[web.RouteDef]:
        return [web.post("/api/login", self.sign_in), web.get("/api/ovens/{key}/status", self.get_state)]

    def serves(self, oven: ServedOven) -> bool:
        return any(zone.name.startswith("deck_") for zone in oven.spec.body.zones)

    def settings(self, key: str, *, port: int | None = None) -> dict[str, Any]:
        decks = sum(zone.name.endswith("_top") for zone in self.ovens[key].spec.body.zones)
        return self.connector_settings(key, "/api", port, {"oven_id": key, "deck_count": decks})

    def write_token(self, token: str) -> dict[str, Any]:
        return {"token": token, "expiresIn": int(self.token_seconds)}

    def write_state(self, key: str, reading: Reading) -> dict[str, Any]:
        hours = reading.additional_sensors.get("operating_hours")
        alarm = reading.additional_sensors.get("alarm")
        decks = [name.removesuffix("_top") for name in reading.temperature_zones if name.endswith("_top")]
        unit = {"temperatureUnit": "F"} if self.fahrenheit else {}
        return {
            "ovenId": key,
            "time": iso(reading),
            "state": STATES[reading.operational_status] if reading.operational_status else None,
            "operatingHours": hours,
            "energyKwh": reading.energy_consumption_kwh,
            **unit,
            "decks": [self._write_deck(number, deck, reading) for number, deck in enumerate(decks, start=1)],
            "maintenance": [] if hours is None else [_write_service(hours)],
            "alarms": [{"text": alarm}] if alarm else [],
        }

    def _write_deck(self, number: int, deck: str, reading: Reading) -> dict[str, Any]:
        whole, left = cycle_seconds(reading)
        document: dict[str, Any] = {"no": number}
        for side in ("top", "bottom"):
            zone = f"{deck}_{side}"
            broken = reading.quality.get(f"temperature_zones.{zone}") == "bad"
            actual = reading.temperature_zones.get(zone)
            document[side] = SENSOR_OPEN if broken else self.temperature(actual)
            document[f"{side}Set"] = self.temperature(reading.target_temperature_zones.get(zone))
        return document | {
            "steam": reading.cycle_stage is CycleStage.STEAMING,
            "doorOpen": None if reading.door_status is None else reading.door_status is DoorStatus.OPEN,
            "program": reading.additional_sensors.get("programme"),
            "secondsSet": whole,
            "secondsLeft": left,
            "state": STATES[reading.operational_status] if reading.operational_status else None,
        }


def _write_service(hours: float) -> dict[str, Any]:
    return {"code": "M03", "text": "Burner service due", "dueHours": round(SERVICE_HOURS - hours % SERVICE_HOURS)}
