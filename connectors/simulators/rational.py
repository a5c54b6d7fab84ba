"""Units behind the REST interface that the guide's configuration implies (unverified with the manufacturer)."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors.reading import CycleStage, DoorStatus, OperationalStatus, Reading

from .cloud import CloudOvens, cycle_seconds, iso
from .served import ServedOven

SENSOR_OPEN = 3276.7  # what stands in place of a temperature when the sensor's wire is broken
MODES: Mapping[OperationalStatus, str] = {
    OperationalStatus.OFF: "Off",
    OperationalStatus.IDLE: "On",
    OperationalStatus.COOLING: "On",  # there is no word for cooling down
    OperationalStatus.PREHEATING: "Preheat",
    OperationalStatus.STANDBY: "StandBy",
    OperationalStatus.RUNNING: "HotAir",
    OperationalStatus.CLEANING: "Cleaning",
    OperationalStatus.ERROR: "Error",
}


class RationalOvens(CloudOvens):
    token_seconds = 3600.0

    def list_routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/v1/auth/login", self.sign_in),
            web.get("/api/v1/units", self._list_units),
            web.get("/api/v1/units/{key}/status", self.get_state),
        ]

    def serves(self, oven: ServedOven) -> bool:
        return any(zone.name == "cabinet" for zone in oven.spec.body.zones)

    def settings(self, key: str, *, port: int | None = None) -> dict[str, Any]:
        return self.connector_settings(key, "/api/v1", port, {"unit_id": key})

    def write_token(self, token: str) -> dict[str, Any]:
        return {"access_token": token, "token_type": "Bearer", "expires_in": int(self.token_seconds)}

    def refuse_foreign(self) -> web.Response:
        return web.json_response({"error": "not your unit"}, status=403)

    async def _list_units(self, request: web.Request) -> web.Response:
        account = self.tokens.account_of(request)
        if account is None:
            return web.json_response({"error": "sign in"}, status=401)
        spec = self.ovens[account].spec
        item = {"id": spec.key, "name": spec.name, "serialNumber": serial_number_of(spec.key), "model": spec.model}
        return web.json_response({"items": [{**item, "online": True}]})

    def write_state(self, key: str, reading: Reading) -> dict[str, Any]:
        sensors = reading.additional_sensors
        whole, left = cycle_seconds(reading)
        cleaning = reading.operational_status is OperationalStatus.CLEANING
        alarm = sensors.get("alarm")
        return {
            "unitId": key,
            "timestamp": iso(reading),
            "online": True,
            "mode": _write_mode(reading),
            "program": {"name": sensors.get("programme"), "setSeconds": whole, "remainingSeconds": left},
            "temperatures": self._write_temperatures(reading),
            "temperatureUnit": "F" if self.fahrenheit else "C",
            "humidity": reading.humidity,
            "humiditySet": None,
            "doorOpen": None if reading.door_status is None else reading.door_status is DoorStatus.OPEN,
            "fanSpeed": reading.motor_speed,
            "energyKwh": reading.energy_consumption_kwh,
            "cleaning": {"active": cleaning, "state": "running" if cleaning else "ok"},
            "errors": [{"text": alarm, "severity": "warning"}] if alarm else [],
        }

    def _write_temperatures(self, reading: Reading) -> dict[str, Any]:
        broken = reading.quality.get("temperature_zones.cabinet") == "bad"
        core = reading.temperature_zones.get("core")
        return {
            "cabinet": SENSOR_OPEN if broken else self.temperature(reading.temperature_zones.get("cabinet")),
            "cabinetSet": self.temperature(reading.target_temperature_zones.get("cabinet")),
            "core": [] if core is None else [self.temperature(core)],
        }


def _write_mode(reading: Reading) -> str | None:
    if reading.operational_status is OperationalStatus.RUNNING and reading.cycle_stage is CycleStage.STEAMING:
        return "Steaming"
    return MODES[reading.operational_status] if reading.operational_status else None


def serial_number_of(key: str) -> str:
    """The simulated units' serial numbers, as their HACCP batches name them."""
    return f"E11SI{key.upper().replace('-', '')}"
