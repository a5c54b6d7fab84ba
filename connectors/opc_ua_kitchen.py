"""The devices of OPC 30200 for bakeries: combi steamer, oven with chambers, microwave combi oven. Pure."""

from collections.abc import Mapping

from .mapping_settings import DoorSpec, DurationSpec, PercentSpec, SensorSpec, TemperatureSpec
from .opc_ua_values import Gathering, Path
from .reading import CycleStage, DoorStatus, OperationalStatus
from .values import BadValueError

State = tuple[OperationalStatus, CycleStage]
_Status, _Stage = OperationalStatus, CycleStage

COMBI_STEAMER_MODES: Mapping[int, State] = {
    0: (_Status.OFF, _Stage.NONE),
    1: (_Status.IDLE, _Stage.NONE),  # On
    2: (_Status.PREHEATING, _Stage.PREHEATING),
    3: (_Status.STANDBY, _Stage.NONE),
    4: (_Status.RUNNING, _Stage.STEAMING),
    5: (_Status.RUNNING, _Stage.BAKING),  # combi steaming
    6: (_Status.RUNNING, _Stage.BAKING),  # hot air
    7: (_Status.RUNNING, _Stage.BAKING),  # perfection
    8: (_Status.CLEANING, _Stage.CLEANING),
    9: (_Status.STANDBY, _Stage.NONE),  # preset start
    10: (_Status.ERROR, _Stage.NONE),
}
# Refines the stage of a running device only; the others (none, sous vide, info step, smoking ...) change nothing.
SPECIAL_COOKING_MODES: Mapping[int, CycleStage] = {
    1: _Stage.BAKING,
    3: _Stage.RESTING,
    4: _Stage.STEAMING,  # humidification
    5: _Stage.HOLDING,
    9: _Stage.STEAMING,  # delta-T steaming
}
CHAMBER_MODES: Mapping[int, State] = {
    0: (_Status.UNKNOWN, _Stage.NONE),
    1: (_Status.OFF, _Stage.NONE),
    2: (_Status.STANDBY, _Stage.NONE),  # autostart
    3: (_Status.STANDBY, _Stage.NONE),
    4: (_Status.PREHEATING, _Stage.PREHEATING),
    5: (_Status.COOLING, _Stage.COOLING),
    6: (_Status.RUNNING, _Stage.BAKING),
    7: (_Status.CLEANING, _Stage.CLEANING),
    8: (_Status.STANDBY, _Stage.NONE),  # energy save
    9: (_Status.MAINTENANCE, _Stage.NONE),
    10: (_Status.COOLING, _Stage.COOLING),  # quick cool
    11: (_Status.COOLING, _Stage.COOLING),  # flash freeze
    12: (_Status.PAUSED, _Stage.PROOFING),
    13: (_Status.STANDBY, _Stage.PROOFING),
    14: (_Status.RUNNING, _Stage.PROOFING),
    15: (_Status.IDLE, _Stage.NONE),  # setting
    16: (_Status.RUNNING, _Stage.NONE),  # defrost
    17: (_Status.RUNNING, _Stage.BAKING),
    18: (_Status.RUNNING, _Stage.STEAMING),
}
MICROWAVE_MODES: Mapping[int, State] = {
    0: (_Status.PREHEATING, _Stage.PREHEATING),
    1: (_Status.COOLING, _Stage.COOLING),
    2: (_Status.RUNNING, _Stage.BAKING),
    3: (_Status.STANDBY, _Stage.NONE),  # power saving
    4: (_Status.STANDBY, _Stage.NONE),
    5: (_Status.MAINTENANCE, _Stage.NONE),
    6: (_Status.CLEANING, _Stage.CLEANING),
    7: (_Status.OFF, _Stage.NONE),
    8: (_Status.ERROR, _Stage.NONE),
}
# An oven is what its busiest deck is.
_BUSIEST = (
    _Status.ERROR,
    _Status.RUNNING,
    _Status.PREHEATING,
    _Status.PAUSED,
    _Status.COOLING,
    _Status.CLEANING,
    _Status.MAINTENANCE,
    _Status.IDLE,
    _Status.STANDBY,
    _Status.OFF,
    _Status.UNKNOWN,
)
_DOORS = {"true": DoorStatus.OPEN, "false": DoorStatus.CLOSED}
_DOOR = DoorSpec(path="@", enum=_DOORS)


def take_combi_steamer(gathering: Gathering) -> None:
    at = ("CombiSteamer",)
    _take_zones(gathering, at, "ActualTemperatureChamber", "cabinet")
    inside, outside = "ActualInternalCoreTemperature", "ActualExternalCoreTemperature"
    further = "core_external" if gathering.numbered(at, inside) else "core"
    _take_zones(gathering, at, inside, "core")
    _take_zones(gathering, at, outside, further)
    for name, zone in (("SetTemperature", "cabinet"), ("SetInternalCoreTemperature", "core"),
                       ("SetExternalCoreTemperature", further)):  # fmt: skip
        gathering.take(f"target_temperature_zones.{zone}", TemperatureSpec, (*at, name))
    gathering.take("humidity", PercentSpec, (*at, "ActualHumidity"))
    gathering.take("additional_sensors.target_humidity", SensorSpec, (*at, "SetHumidity"))
    _take_programme(gathering, at)
    _take_doors(gathering, [(*at, "IsDoorOpen")])
    state = take_state(gathering, (*at, "CombiSteamerMode"), COMBI_STEAMER_MODES)
    special = gathering.take_number((*at, "SpecialCookingMode"))
    if state and state[0] is _Status.RUNNING and isinstance(special, int):
        state = (state[0], SPECIAL_COOKING_MODES.get(special, state[1]))
    set_state(gathering, state)
    _take_times(gathering, (*at, "SetProcessTimeProgram"), (*at, "TimeRemainingProgram"), state)


def take_microwave(gathering: Gathering) -> None:
    at = ("MicrowaveCombiOven",)
    gathering.take("temperature_zones.cabinet", TemperatureSpec, (*at, "ActualTemperatureChamber"))
    gathering.take("target_temperature_zones.cabinet", TemperatureSpec, (*at, "SetTemperature"))
    gathering.take("motor_speed", PercentSpec, (*at, "FanSpeed"))
    _take_programme(gathering, at)
    _take_doors(gathering, [(*at, "IsDoorOpen")])
    state = take_state(gathering, (*at, "OperatingMode"), MICROWAVE_MODES)
    set_state(gathering, state)
    _take_times(gathering, (*at, "SetProcessTime"), (*at, "RemainingProcessTime"), state)


def take_oven(gathering: Gathering) -> None:
    """Chambers are decks, numbered from 1 in the order of their numbers."""
    chambers = _list_chambers(gathering)
    for number, at in enumerate(chambers, start=1):
        _take_deck(gathering, at, number, alone=len(chambers) == 1)
    _take_doors(gathering, [(*at, "IsDoorOpen") for at in chambers])
    states = [(take_state(gathering, (*at, "OperationMode"), CHAMBER_MODES), at) for at in chambers]
    known = [(state, at) for state, at in states if state]
    if not known:
        return
    state, at = min(known, key=lambda found: _BUSIEST.index(found[0][0]))
    if len(chambers) > 1:
        sensors = gathering.found.values["additional_sensors"]
        sensors.update({f"deck_{chambers.index(where) + 1}_status": str(found[0]) for found, where in known})
    ended = gathering.values.get((*at, "IsProgramEnd"))
    gathering.used.update((*chamber, "IsProgramEnd") for chamber in chambers)
    if ended and ended.sample.raw is True and state[0] is not _Status.ERROR:
        state = (state[0], _Stage.FINISHED)
    set_state(gathering, state)
    _take_times(gathering, (*at, "SetProcessTimeProgram"), (*at, "TimeRemaining"), state)
    _take_programme(gathering, at)


def _list_chambers(gathering: Gathering) -> list[Path]:
    names = {path[0] for path in gathering.values if len(path) > 1}
    numbered = {name: name.removeprefix("Chamber_") for name in names if name.startswith("Chamber_")}
    known = {name: int(number) for name, number in numbered.items() if number.isascii() and number.isdecimal()}
    return [(name,) for name in sorted(known, key=lambda name: known[name])]


def _take_deck(gathering: Gathering, at: Path, number: int, *, alone: bool) -> None:
    has_sides = any((*at, name) in gathering.values for name in ("SetTopTemperature", "SetBottomTemperature")) or any(
        gathering.numbered(at, name) for name in ("ActualTopTemperature", "ActualBottomTemperature")
    )
    deck = "cabinet" if alone and not has_sides else f"deck_{number}"
    zones = {"Chamber": deck, "Top": f"{deck}_top", "Bottom": f"{deck}_bottom"}
    zones |= {name: zone if _is_only(gathering, at, name) else f"{deck}_{zone}"
              for name, zone in (("Core", "core"), ("Boiler", "boiler"))}  # fmt: skip
    for name, zone in zones.items():
        _take_zones(gathering, at, f"Actual{name}Temperature", zone)
        gathering.take(f"target_temperature_zones.{zone}", TemperatureSpec, (*at, f"Set{name}Temperature"))
    for field in ("temperature_zones", "target_temperature_zones"):
        _take_mean(gathering, field, deck)
    first = number == 1
    for name, field in (("ActualHumidity", "humidity"), ("ActualFanSpeed", "motor_speed")):
        for path in gathering.numbered(at, name)[:1]:
            own = field not in gathering.found.values and field not in gathering.found.quality
            gathering.take(field if own else f"additional_sensors.{deck}_{field}", PercentSpec, path)
    gathering.take(f"additional_sensors.{'' if first else f'{deck}_'}target_humidity", SensorSpec, (*at, "SetHumidity"))


def _is_only(gathering: Gathering, at: Path, name: str) -> bool:
    """Whether no other chamber has this sensor."""
    return not any(
        path[0] != at[0] and len(path) > 1 and path[1].startswith((f"Actual{name}Temp", f"Set{name}Temp"))
        for path in gathering.values
    )


def _take_zones(gathering: Gathering, at: Path, name: str, zone: str) -> None:
    for number, path in enumerate(gathering.numbered(at, name), start=1):
        gathering.take(f"temperature_zones.{zone if number == 1 else f'{zone}_{number}'}", TemperatureSpec, path)


def _take_mean(gathering: Gathering, field: str, deck: str) -> None:
    """A deck that is measured above and below only: the mean of both."""
    found, sides = gathering.found, (f"{deck}_top", f"{deck}_bottom")
    zones = found.values[field]
    if deck in zones or not any(side in zones for side in sides):
        return
    doubts = [found.quality[f"{field}.{side}"] for side in sides if f"{field}.{side}" in found.quality]
    values = [zones[side] for side in sides if zones.get(side) is not None]
    if len(values) == 2:
        zones[deck] = round(sum(values) / 2, 1)
    elif doubts:
        zones[deck] = None
    if doubts:
        found.quality[f"{field}.{deck}"] = "bad" if "bad" in doubts else doubts[0]


def _take_programme(gathering: Gathering, at: Path) -> None:
    gathering.take("additional_sensors.programme", SensorSpec, (*at, "ProgramName"))


def _take_doors(gathering: Gathering, paths: list[Path]) -> None:
    """Open if any is."""
    known = [(path, gathering.values[path]) for path in paths if path in gathering.values]
    gathering.used.update(path for path, _ in known)
    chosen = sorted(known, key=lambda found: found[1].sample.raw is not True)[:1]
    for _, measured in chosen:
        gathering.found.take("door_status", _DOOR, measured.sample.raw)
        if measured.sample.doubt:
            gathering.found.quality.setdefault("door_status", measured.sample.doubt)


def take_state(gathering: Gathering, path: Path, table: Mapping[int, State]) -> State | None:
    """Our words for a number. An unknown one is `unknown` and kept; None: bad, or not there."""
    number = gathering.take_number(path)
    if isinstance(number, BadValueError):
        gathering.found.quality["operational_status"] = "bad"
        return None
    if number is None:
        return None
    if number not in table:
        gathering.found.values["additional_sensors"]["operational_status_source"] = number
    elif doubt := gathering.values[path].sample.doubt:
        gathering.found.quality.setdefault("operational_status", doubt)
    return table.get(number, (_Status.UNKNOWN, _Stage.NONE))


def set_state(gathering: Gathering, state: State | None) -> None:
    if state:
        found = gathering.found
        if found.quality.get("operational_status") == "bad":
            del found.quality["operational_status"]  # another deck's
        found.values["operational_status"], found.values["cycle_stage"] = state


def _take_times(gathering: Gathering, total_path: Path, left_path: Path, state: State | None) -> None:
    """Remaining time and progress (protocols.md, 1): negative is unknown, and so is a share of nothing."""
    total, left = gathering.take_seconds(total_path), gathering.take_seconds(left_path)
    gathering.used.add(total_path)
    gathering.take("time_remaining_minutes", DurationSpec, left_path, default_unit="s")
    found = gathering.found
    if any(path in gathering.values and gathering.values[path].sample.is_bad for path in (total_path, left_path)):
        found.quality["cycle_progress_percentage"] = "bad"
        return
    if total and total > 0 and left is not None and left >= 0:
        found.values["cycle_progress_percentage"] = round(min(max(100 * (total - left) / total, 0.0), 100.0), 1)
        if left == 0 and state == (_Status.IDLE, _Stage.NONE):
            found.values["cycle_stage"] = _Stage.FINISHED
    elif state and state[1] is _Stage.FINISHED:
        found.values["cycle_progress_percentage"] = 100.0
