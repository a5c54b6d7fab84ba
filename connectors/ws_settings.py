"""The settings of a machine with the Weihenstephan (WS) protocol: which tag is which value, and of which type."""

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, NamedTuple, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from .base import ConnectorConfig, Options, Settings
from .errors import ConfigurationError
from .field_specs import FieldName, make_spec
from .hosts import check_host, show_place
from .mapping_settings import Finite, PathSpec
from .validation import describe_validation_error
from .ws_wire import TagType

WS_PORT = 5000
TagNumber = Annotated[int, Field(ge=0, le=0xFFFF)]
_CONVERSIONS = ("scale", "offset", "unit", "enum", "bit")


class TagSettings(Settings):
    """One tag of the machine, and the field it is."""

    tag: TagNumber = Field(description="The tag's number in the maker's list.")
    type: TagType = Field(description="uint32, int32, float32 or string. It does not travel, so it must be right here.")
    field: FieldName = Field(description="humidity, temperature_zones.core, additional_sensors.water ...")
    scale: Finite = Field(default=1, description="value = number * scale + offset, then the unit is converted.")
    offset: Finite = 0
    unit: str | None = Field(default=None, max_length=10, description="The machine's unit: °C, °F, Wh, s ...")
    enum: dict[str, str] = Field(default={}, max_length=200, description="The machine's number or word -> ours.")
    bit: int | None = Field(default=None, description="This bit of the number: the words true and false.")
    bad: tuple[Finite, ...] = Field(default=(), max_length=20, description="Numbers that say the sensor is broken.")
    unknown: tuple[Finite, ...] = Field(
        default=(), max_length=20, description="Numbers that say there is nothing to tell, such as -1."
    )


class WsOptions(Options):
    state_tag: TagNumber | None = Field(default=300, description="WS_Cur_State, a bit mask. null: it is not read.")
    program_tag: TagNumber | None = Field(default=200, description="WS_Cur_Prog. null: it is not read.")
    mode_tag: TagNumber | None = Field(default=100, description="WS_Cur_Mode. null: it is not read.")
    tags: tuple[TagSettings, ...] = Field(default=(), max_length=200, description="What is in which tag.")


class TagPoint(NamedTuple):
    """A `TagSettings`, ready to use."""

    settings: TagSettings
    spec: PathSpec

    @property
    def is_text(self) -> bool:
        return self.settings.type == "string"


class WsConfig(ConnectorConfig):
    endpoint: Annotated[str, AfterValidator(check_host)] = Field(
        min_length=1, max_length=253, description="Name or IP address of the machine."
    )
    port: int | None = Field(default=None, ge=1, le=65535, description="5000, unless the machine has another.")
    additional_config: WsOptions = WsOptions()

    @property
    def dialled_port(self) -> int:
        return self.port or WS_PORT

    @property
    def place(self) -> str:
        return show_place(self.endpoint, self.dialled_port)

    @cached_property
    def points(self) -> tuple[TagPoint, ...]:
        return tuple(_make_point(tag, index) for index, tag in enumerate(self.additional_config.tags))

    @model_validator(mode="after")
    def _check(self) -> Self:
        fields = dict(_list_wrong(self.additional_config))
        if fields:
            # Not a ValueError: those cannot say which field they mean.
            raise ConfigurationError(fields=fields)
        assert self.points is not None  # a tag that cannot be right is found here
        return self


def _list_wrong(options: WsOptions) -> Iterator[tuple[str, str]]:
    if not options.tags and options.state_tag is None:
        yield "additional_config.tags", "Without a state_tag, list here which tags to read."
    seen: set[str] = set()
    for index, tag in enumerate(options.tags):
        if tag.field in seen:
            yield f"additional_config.tags.{index}.field", f"{tag.field} is already another tag."
        seen.add(tag.field)
        if tag.type == "string" and (tag.bad or tag.unknown or tag.bit is not None):
            yield f"additional_config.tags.{index}.type", "A string has neither bits nor such numbers."
        if tag.type == "float32" and tag.bit is not None:
            yield f"additional_config.tags.{index}.bit", "Only whole numbers have bits."


def _make_point(tag: TagSettings, index: int) -> TagPoint:
    given: dict[str, Any] = {name: getattr(tag, name) for name in _CONVERSIONS if name in tag.model_fields_set}
    try:
        spec = make_spec(tag.field, {name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        found = describe_validation_error(error, TagSettings)
        misplaced = {one["loc"][0] for one in error.errors() if one["type"] == "extra_forbidden"}
        found |= {str(name): f"{tag.field} takes no {name}. Leave it out." for name in misplaced}
        raise ConfigurationError(
            fields={f"additional_config.tags.{index}.{name}": text for name, text in found.items()}
        ) from None
    return TagPoint(tag, spec)
