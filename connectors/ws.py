"""Machines with the Weihenstephan (WS) protocol: known tags are asked for one after the other over one TCP line.

The tags of ovens are not public, so they are settings. What to ask the technician: docs/connectors/ws.md.
"""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from .base import BaseIoTConnector, ErrorTable, translate_errors
from .dialing import dial, dial_error_table
from .errors import ResponseError, UnreachableError
from .findings import Findings
from .mapping import FIRST_ZONES
from .mapping_settings import StatusSpec
from .reading import ZONE_FIELDS, Capabilities, Reading
from .values import BadValueError, word_of
from .ws_settings import TagPoint, WsConfig
from .ws_states import list_states, stage_of, status_of
from .ws_wire import NO_SUCH_TAG, NUMBER_TYPES, OK, Answer, WsLine, decode_number, decode_text

Question = tuple[int, bool]  # the tag's number, and whether it is a text
Answers = Mapping[Question, Answer]


def parse_answers(answers: Answers, config: WsConfig, *, received_at: datetime) -> Reading:
    """The reading in what the machine said about its tags. ResponseError if it has none of them."""
    if not any(answer.code == OK for answer in answers.values()):
        raise ResponseError(
            f"{config.place} has none of the tags {_list_numbers(answers)}, or does not let us read them. Correct "
            "their numbers under additional_config.tags.",
            code="mapping",
        )
    found = Findings()
    _take_state(found, answers, config)
    for point in config.points:
        _take_point(found, point, answers[point.settings.tag, point.is_text])
    _take_first_zones(found)
    return Reading(reading_time=received_at, quality=found.quality, **found.values)


def _take_state(found: Findings, answers: Answers, config: WsConfig) -> None:
    """What the standard's own tags say; the words of the bits are kept beside it."""
    options = config.additional_config
    numbers: dict[str, int] = {}
    for name, tag in (("state", options.state_tag), ("program", options.program_tag), ("mode", options.mode_tag)):
        answer = answers.get((tag, False)) if tag is not None else None
        if answer and answer.code == OK:
            numbers[name] = int.from_bytes(answer.data, "little")
    words = list_states(**numbers)
    found.values["additional_sensors"] |= words
    found.values["operational_status"] = status = status_of(**numbers)
    found.values["cycle_stage"] = stage_of(status)


def _take_point(found: Findings, point: TagPoint, answer: Answer) -> None:
    field, spec = point.settings.field, point.spec
    try:
        raw = _raw_value(point, answer)
    except BadValueError as error:
        found.take(field, spec, error)
        return
    # A maker's own tag may know more states than the standard, such as cooling; the others are the standard's.
    standard = found.values.get(field) if isinstance(spec, StatusSpec) and spec.bit is None else None
    if standard is not None and (raw is None or word_of(raw) not in spec.enum):  # type: ignore[attr-defined]
        return
    found.take(field, spec, raw)


def _take_first_zones(found: Findings) -> None:
    for field, zones in zip(("temperature", "target_temperature"), ZONE_FIELDS, strict=True):
        if field in found.values or (name := next(filter(found.values[zones].__contains__, FIRST_ZONES), None)) is None:
            continue
        found.values[field] = found.values[zones][name]
        if doubt := found.quality.get(f"{zones}.{name}"):
            found.quality[field] = doubt


def _raw_value(point: TagPoint, answer: Answer) -> Any:
    if answer.code != OK:
        raise BadValueError("not readable")
    if point.is_text:
        return decode_text(answer.data) or None
    number = decode_number(point.settings.type, answer.data)
    if number in point.settings.bad:
        raise BadValueError("the sensor is broken")
    return None if number in point.settings.unknown else number


def _list_numbers(answers: Answers) -> str:
    return ", ".join(sorted({str(tag) for tag, _ in answers}, key=int))


def list_points(answers: Answers, config: WsConfig) -> list[dict[str, Any]]:
    """Each tag as all the types it could be, for whoever has to find out which. `plausible` are those that fit."""
    return [_row(point, answers[point.settings.tag, point.is_text]) for point in config.points]


def _row(point: TagPoint, answer: Answer) -> dict[str, Any]:
    settings = point.settings
    row: dict[str, Any] = {"tag": settings.tag, "field": settings.field, "type": settings.type}
    if answer.code != OK:
        return row | {"refused": "no such tag" if answer.code == NO_SUCH_TAG else f"code 0x{answer.code:04X}"}
    if point.is_text:
        return row | {"string": decode_text(answer.data)}
    row |= {"raw": f"0x{int.from_bytes(answer.data, 'little'):08X}", "plausible": []}
    for kind in NUMBER_TYPES:
        try:
            row[kind] = word_of(number := decode_number(kind, answer.data))
        except BadValueError:
            row[kind] = None
            continue
        trial = Findings()
        trial.take(settings.field, point.spec, number)
        if not trial.quality:
            row["plausible"].append(kind)
    return row


def list_remarks(answers: Answers, config: WsConfig) -> Iterator[str]:
    """Sentences for the person who tests the connection."""
    yield (
        "The WS protocol knows neither encryption nor passwords: keep the machine in a network of its own, or behind a "
        "VPN."
    )
    if unreadable := sorted({tag for (tag, _), answer in answers.items() if answer.code != OK}):
        yield (
            f"The machine has no tag {', '.join(map(str, unreadable))}, or does not let us read it. Correct the "
            "number, or leave it out; state_tag, program_tag and mode_tag may be null."
        )
    for row in list_points(answers, config):
        if (fits := row.get("plausible")) and row["type"] not in fits:
            yield f"Tag {row['tag']} ({row['field']}) does not look like {row['type']}, but like {' or '.join(fits)}."


class WsConnector(BaseIoTConnector[WsConfig]):
    """A machine that answers about its Weihenstephan tags."""

    config_class = WsConfig
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "192.168.1.50",
        "port": 5000,
        "credentials": {},
        "additional_config": {
            "state_tag": 300,
            "program_tag": 200,
            "mode_tag": 100,
            "timeout": 10,
            "tags": [
                {"tag": 40001, "type": "float32", "field": "temperature_zones.cabinet", "unit": "°C"},
                {"tag": 40002, "type": "float32", "field": "target_temperature_zones.cabinet", "unknown": [-1]},
                {"tag": 50001, "type": "uint32", "field": "energy_consumption_kwh", "unit": "Wh"},
                {"tag": 60001, "type": "int32", "field": "time_remaining_minutes", "unit": "s"},
                {"tag": 61001, "type": "string", "field": "additional_sensors.programme"},
            ],
        },
    }

    def __init__(self, equipment_id: str, config: WsConfig, **surroundings: Any) -> None:
        super().__init__(equipment_id, config, **surroundings)
        self._line: WsLine | None = None
        self._is_open = False
        self._answers: Answers = {}

    @property
    def place(self) -> str:
        return self.config.place

    async def connect(self) -> None:
        self._is_open = True
        with translate_errors(self._errors()):
            connected = await dial(self.config.endpoint, self.config.dialled_port, self.policy)
            self._line = await WsLine.over(connected, self.place)

    async def close(self) -> None:
        self._is_open, self._answers = False, {}
        line, self._line = self._line, None
        if line:
            await line.close()

    async def get_current_reading(self) -> Reading:
        """As in the guide it may be called on a line that is not open; it is then opened for this once."""
        if not self._is_open:
            async with self:
                return await self.get_current_reading()
        async with self._time_limit():
            try:
                if self._line is None:
                    await self.connect()
                self._answers = await self._ask_all()
            except BaseException:
                # A late answer would be taken for that to the next question: never use this line again.
                line, self._line = self._line, None
                if line:
                    line.drop()
                raise
        return parse_answers(self._answers, self.config, received_at=datetime.now(UTC))

    async def get_capabilities(self) -> Capabilities:
        if not self._is_open:
            async with self:
                return await self.get_capabilities()
        if not self._answers:
            await self.get_current_reading()
        reading = parse_answers(self._answers, self.config, received_at=datetime.now(UTC))
        remarks = tuple(list_remarks(self._answers, self.config))
        return Capabilities.from_reading(reading, remarks, {"points": list_points(self._answers, self.config)})

    async def _ask_all(self) -> Answers:
        assert self._line
        answers: dict[Question, Answer] = {}
        with translate_errors(self._errors()):
            for tag, text in dict.fromkeys(self._list_questions()):
                answers[tag, text] = await self._line.ask(tag, text=text)
        return answers

    def _list_questions(self) -> Iterator[Question]:
        options = self.config.additional_config
        for tag in (options.state_tag, options.program_tag, options.mode_tag):
            if tag is not None:
                yield tag, False
        yield from ((point.settings.tag, point.is_text) for point in self.config.points)

    def _errors(self) -> ErrorTable:
        return {
            asyncio.IncompleteReadError: lambda _: UnreachableError(
                f"{self.place} hung up in the middle of an answer. We try again by ourselves; if it stays so, check "
                "that the port is that of the WS protocol.",
                code="reset",
            ),
            **dial_error_table(self.place),
        }
