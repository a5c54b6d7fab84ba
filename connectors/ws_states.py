"""What the Weihenstephan bits of state, programme and mode mean to us. Pure. Sources: docs/connectors/ws.md."""

from collections.abc import Mapping

from .reading import CycleStage, OperationalStatus

STATES: Mapping[int, str] = {
    1: "Stopped",
    2: "Starting",
    4: "Prepared",
    8: "Lack",
    16: "Tailback",
    32: "LackBranchLine",
    64: "TailbackBranchLine",
    128: "Operating",
    256: "Stopping",
    512: "Aborting",
    1024: "EquipmentFailure",
    2048: "ExternalFailure",
    4096: "EmergencyStop",
    32768: "Idle",
}
PROGRAMS: Mapping[int, str] = {
    1: "Production",
    2: "StartUp",
    4: "RunDown",
    8: "Clean",
    16: "Changeover",
    32: "Maintenance",
    64: "Break",
}
MODES: Mapping[int, str] = {1: "Off", 2: "Manual", 4: "SemiAutomatic", 8: "Automatic"}
_CLEAN, _MAINTENANCE, _OFF = 8, 32, 1
# Several bits can be set: the strongest comes first.
_MEANINGS: tuple[tuple[int, OperationalStatus], ...] = (
    (512 | 1024 | 2048 | 4096, OperationalStatus.ERROR),
    (128, OperationalStatus.RUNNING),
    (2, OperationalStatus.PREHEATING),
    (8 | 16 | 32 | 64, OperationalStatus.PAUSED),
    (1 | 256, OperationalStatus.STANDBY),
    (4 | 32768, OperationalStatus.IDLE),
)
_STAGES = {
    OperationalStatus.PREHEATING: CycleStage.PREHEATING,
    OperationalStatus.CLEANING: CycleStage.CLEANING,
}


def status_of(*, state: int | None = None, program: int = 0, mode: int = 0) -> OperationalStatus | None:
    """None: the machine has no WS_Cur_State. 0, which is none yet, and unknown bits are `unknown`."""
    if state is None:
        return None
    status = next((status for bits, status in _MEANINGS if state & bits), OperationalStatus.UNKNOWN)
    if status is OperationalStatus.ERROR:
        return status
    if mode & _OFF:
        return OperationalStatus.OFF
    if program & _CLEAN:
        return OperationalStatus.CLEANING
    return OperationalStatus.MAINTENANCE if program & _MAINTENANCE else status


def stage_of(status: OperationalStatus | None) -> CycleStage | None:
    """Only where the state alone says it: a machine that operates may bake or steam."""
    return _STAGES.get(status) if status else None


def list_states(*, state: int | None = None, program: int | None = None, mode: int | None = None) -> dict[str, str]:
    """The standard's own words, for people."""
    given = {"ws_state": (state, STATES), "ws_program": (program, PROGRAMS), "ws_mode": (mode, MODES)}
    return {name: _words(bits, names) for name, (bits, names) in given.items() if bits is not None}


def _words(bits: int, names: Mapping[int, str]) -> str:
    unknown = bits & ~sum(names)
    found = [word for bit, word in names.items() if bits & bit]
    return ", ".join([*found, f"0x{unknown:X}"] if unknown else found) or "none"
