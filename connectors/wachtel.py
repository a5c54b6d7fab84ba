"""Wachtel deck ovens over the REMOTE cloud, with one temperature zone per deck.

Wachtel publishes no interface: the contract is ours, drawn from the integration guide's settings, and its paths can
be set. Unverified with the manufacturer. What to ask, and every option: docs/connectors/wachtel.md.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from .cloud import (
    CloudConfig,
    CloudConnector,
    CloudOptions,
    StatusPath,
    choose_temperature,
    join_texts,
    list_messages,
    take_cycle,
)
from .errors import ResponseError
from .findings import Findings
from .mapping import list_found
from .mapping_settings import EnergySpec, SensorSpec, StatusSpec, TemperatureSpec
from .reading import CycleStage, DoorStatus, OperationalStatus, Reading
from .values import BadValueError, check_moment, parse_number

Deck = tuple[int, dict[str, Any]]

STATES = {
    "OFF": OperationalStatus.OFF,
    "HEATING": OperationalStatus.PREHEATING,
    "READY": OperationalStatus.IDLE,
    "BAKING": OperationalStatus.RUNNING,
    "ECO": OperationalStatus.STANDBY,
    "CLEANING": OperationalStatus.CLEANING,
    "FAULT": OperationalStatus.ERROR,
}
_STAGES = {
    OperationalStatus.PREHEATING: CycleStage.PREHEATING,
    OperationalStatus.COOLING: CycleStage.COOLING,
    OperationalStatus.CLEANING: CycleStage.CLEANING,
}
_KNOWN_KEYS = ("state", "decks", "energyKwh", "operatingHours")
_MOST_DECKS = 20
_ZONES = (("temperature_zones", "top", "bottom"), ("target_temperature_zones", "topSet", "bottomSet"))
_DECK_ZONE = re.compile(r"deck_[0-9]+")
_ENERGY, _HOURS = EnergySpec(path="@"), SensorSpec(path="@", type="number")
_TEXT, _SWITCH = SensorSpec(path="@", type="text"), SensorSpec(path="@", type="boolean")


class WachtelOptions(CloudOptions):
    oven_id: str = Field(min_length=1, max_length=200, description="The oven's id in REMOTE, often its serial number.")
    deck_count: int | None = Field(
        default=None, ge=1, le=_MOST_DECKS, description="How many decks the oven has; the connection test compares."
    )
    status_endpoint: StatusPath = Field(default="/ovens/{id}/status", description="Path of the oven's state.")


class WachtelConfig(CloudConfig):
    additional_config: WachtelOptions = Field(default={}, validate_default=True)


def parse_status(document: Any, options: WachtelOptions, *, received_at: datetime) -> Reading:
    """The reading in the answer of `status_endpoint`. ResponseError if it is of another kind."""
    if not isinstance(document, dict) or not any(key in document for key in _KNOWN_KEYS):
        raise ResponseError(
            f"The answer is not the state of an oven as we expect it. {list_found(document)} If these are its values, "
            "connect the oven with the protocol rest_api, where you say which of them is what.",
            code="mapping",
        )
    found = Findings()
    decks = list(_number_decks(document.get("decks")))
    unit = choose_temperature(options.temperature_unit, document.get("temperatureUnit"))
    for number, deck in decks:
        _take_deck(found, number, deck, unit)
    _take_first_deck(found, decks)
    states = StatusSpec(path="@", enum={**STATES, **options.states})
    found.take("operational_status", states, document.get("state"))
    _take_cycle(found, decks)
    _take_door(found, decks)
    found.take("energy_consumption_kwh", _ENERGY, document.get("energyKwh"))
    _take_messages(found, document)
    moment = found.take_moment(document.get("time"), "iso", options.timezone)
    reading_time, doubt = check_moment(moment, received_at)
    if doubt:
        found.quality["reading_time"] = doubt
    return Reading(reading_time=reading_time, quality=found.quality, **found.values)


def _number_decks(items: Any) -> Iterator[Deck]:
    """Each deck with its number: the oven's own, or its place in the list where that is missing or given twice."""
    taken: set[int] = set()
    for place, deck in enumerate(items[:_MOST_DECKS] if isinstance(items, list) else (), start=1):
        if not isinstance(deck, dict):
            continue
        try:
            number = int(parse_number(deck.get("no")) or place)
        except BadValueError:
            number = place
        if not 0 < number <= 99 or number in taken:
            number = next(free for free in range(place, place + 100) if free not in taken)
        taken.add(number)
        yield number, deck


def _take_deck(found: Findings, number: int, deck: dict[str, Any], unit: TemperatureSpec) -> None:
    for field, *keys in _ZONES:
        names = [f"{field}.deck_{number}_{side}" for side in ("top", "bottom")]
        given = [(name, deck[key]) for name, key in zip(names, keys, strict=True) if key in deck]
        for name, raw in given:
            found.take(name, unit, raw)
        values = [found.values[field][name.partition(".")[2]] for name, _ in given]
        known = [value for value in values if value is not None]
        whole = bool(known) and len(known) == len(values)
        found.values[field][f"deck_{number}"] = round(sum(known) / len(known), 1) if whole else None
        if any(name in found.quality for name, _ in given):
            found.quality[f"{field}.deck_{number}"] = "bad"
    for key, name, spec in (("program", "programme", _TEXT), ("state", "state", _TEXT), ("steam", "steam", _SWITCH)):
        if deck.get(key) is not None:
            found.take(f"additional_sensors.deck_{number}_{name}", spec, deck[key])


def _take_first_deck(found: Findings, decks: list[Deck]) -> None:
    """The oven's temperature is that of its lowest numbered deck. A target that is not set is no zone."""
    for field, single in (("temperature_zones", "temperature"), ("target_temperature_zones", "target_temperature")):
        first = f"deck_{min(number for number, _ in decks)}" if decks else ""
        found.values[single] = found.values[field].get(first)
        if f"{field}.{first}" in found.quality:
            found.quality[single] = "bad"
    targets = found.values["target_temperature_zones"]
    found.values["target_temperature_zones"] = {name: value for name, value in targets.items() if value is not None}


def _take_cycle(found: Findings, decks: list[Deck]) -> None:
    """Of the deck that is ready first; the others' programmes are among the additional sensors."""
    number, deck = min(decks, key=_urgency, default=(0, {}))
    take_cycle(found, deck.get("secondsSet"), deck.get("secondsLeft"))
    if deck.get("program") is not None:
        found.take("additional_sensors.programme", _TEXT, deck["program"])
    status = found.values.get("operational_status")
    if status is OperationalStatus.RUNNING:
        steams = found.values["additional_sensors"].get(f"deck_{number}_steam")
        found.values["cycle_stage"] = CycleStage.STEAMING if steams else CycleStage.BAKING
    elif status is OperationalStatus.IDLE and found.values.get("cycle_progress_percentage") == 100:
        found.values["cycle_stage"] = CycleStage.FINISHED
    elif status not in (None, OperationalStatus.UNKNOWN):
        found.values["cycle_stage"] = _STAGES.get(status, CycleStage.NONE)


def _urgency(deck: Deck) -> tuple[int, float]:
    """Sorts first what will be done first, then what is done, then what tells no time."""
    try:
        left = parse_number(deck[1].get("secondsLeft"))
    except BadValueError:
        left = None
    if left is None or left < 0:
        return 2, 0.0
    return (0, left) if left else (1, 0.0)


def _take_door(found: Findings, decks: list[Deck]) -> None:
    """Open if any deck is."""
    doors = []
    for number, deck in decks:
        if deck.get("doorOpen") is not None:
            name = f"deck_{number}_door_open"
            found.take(f"additional_sensors.{name}", _SWITCH, deck["doorOpen"])
            doors.append(found.values["additional_sensors"][name])
    if True in doors or False in doors:
        found.values["door_status"] = DoorStatus.OPEN if True in doors else DoorStatus.CLOSED
    elif doors:
        found.quality["door_status"] = "bad"


def _take_messages(found: Findings, document: dict[str, Any]) -> None:
    if document.get("operatingHours") is not None:
        found.take("additional_sensors.operating_hours", _HOURS, document["operatingHours"])
    for name, key in (("alarm", "alarms"), ("maintenance", "maintenance")):
        if line := list_messages(document.get(key), _write_message):
            found.values["additional_sensors"][name] = line
    if due := list(_list_due_hours(document.get("maintenance"))):
        found.values["additional_sensors"]["service_due_hours"] = min(due)


def _list_due_hours(items: Any) -> Iterator[float]:
    for item in items if isinstance(items, list) else ():
        try:
            hours = parse_number(item.get("dueHours")) if isinstance(item, dict) else None
        except BadValueError:
            continue
        if hours is not None:
            yield hours


def _write_message(item: dict[str, Any]) -> str:
    """M03 Burner service due (in 88 h)"""
    text = join_texts(item, "code", "text")
    for hours in _list_due_hours([item]):
        text += f" (in {hours:g} h)" if hours >= 0 else f" ({-hours:g} h overdue)"
    return text


class WachtelConnector(CloudConnector[WachtelConfig]):
    """A deck oven in the REMOTE cloud."""

    config_class = WachtelConfig
    id_setting = "oven_id"
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "https://remote.wachtel.de/api",
        "port": 443,
        "credentials": {"username": "bakery-username", "password": "bakery-password"},
        "additional_config": {"oven_id": "oven-serial-number", "deck_count": 3},
    }

    @property
    def machine_id(self) -> str:
        return self.config.additional_config.oven_id

    def parse(self, document: Any, *, received_at: datetime) -> Reading:
        return parse_status(document, self.config.additional_config, received_at=received_at)

    def list_remarks(self, reading: Reading) -> tuple[str, ...]:
        remarks = [
            "Wachtel has published no description of REMOTE: this interface is unverified with the manufacturer.",
        ]
        expected = self.config.additional_config.deck_count
        decks = sum(bool(_DECK_ZONE.fullmatch(name)) for name in reading.temperature_zones)
        if expected is not None and decks != expected:
            remarks.append(
                f"The oven reports {decks} deck{'' if decks == 1 else 's'}, and deck_count is {expected}. Check "
                "additional_config.oven_id, or correct deck_count."
            )
        return tuple(remarks)
