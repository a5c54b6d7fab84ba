"""The settings of one Modbus point: where a value is and how it is stored."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from .base import Settings
from .field_specs import check_field
from .mapping_settings import Finite
from .modbus_blocks import Table
from .modbus_codec import Order, PointType, StringOrder

TIMESTAMP = "timestamp"
_WHOLE = re.compile(r"[+-]?[0-9]{1,20}|0[xX][0-9a-fA-F]{1,16}")


def _parse_whole(value: Any) -> Any:
    """A whole number, also as text: registers are often written in hexadecimal, and JSON has no numbers for that."""
    if isinstance(value, bool) or isinstance(value, str) and not _WHOLE.fullmatch(value.strip()):
        raise ValueError('This must be a whole number, or hexadecimal in quotation marks such as "0x8000".')
    return int(value.strip(), 0 if value.strip()[:2].lower() == "0x" else 10) if isinstance(value, str) else value


def _refuse_writing(value: Any) -> Any:
    if value:
        raise ValueError("We only read machines and never write to them. Leave it out, or false.")
    return value


def _check_field(name: str) -> str:
    return name if name == TIMESTAMP else check_field(name)


Whole = Annotated[int, BeforeValidator(_parse_whole)]


class ScaleRegister(Settings):
    """Where the machine keeps a value's decimal point. In short form just the address."""

    address: int | str = Field(description="Written as the address of the point.")
    table: Table | None = Field(default=None, description="Left out: the table of the point.")
    type: Literal["int16", "uint16", "int8_high", "int8_low", "uint8_high", "uint8_low"] = "int16"
    meaning: Literal["decimals", "exponent"] = Field(
        default="decimals", description="decimals: 2 divides by 100. exponent: 2 multiplies by 100, -2 divides by it."
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"address": value} if isinstance(value, int | str) else value


class PointSettings(Settings):
    """One value of the machine, and where it is."""

    field: Annotated[str, AfterValidator(_check_field)] = Field(
        max_length=100, description="temperature, temperature_zones.deck_1_top, additional_sensors.programme ..."
    )
    table: Table | None = Field(
        default=None, description="coil, discrete, holding or input. Left out: holding, or what the 4xxxx address says."
    )
    address: int | str = Field(description="As in the maker's list; see notation and address_base.")
    type: PointType | None = Field(default=None, description="What the registers hold. Coils and discretes are bool.")
    count: int = Field(default=1, ge=1, le=125, description="Registers of a string or BCD number.")
    order: Order | None = Field(default=None, description="Left out: the order of the whole machine.")
    string_order: StringOrder = Field(
        default="AB", description="AB or BA: which byte comes first. high or low: only this byte of each register."
    )
    bit: int | None = Field(default=None, ge=0, le=63, description="This bit of the number: true or false.")
    mask: Whole | None = Field(default=None, ge=0, lt=1 << 64, description="Only these bits of the number.")
    shift: int = Field(default=0, ge=0, le=63, description="After the mask, this many bits to the right.")
    enum: dict[str, str] = Field(default={}, max_length=256, description="The machine's number or word -> ours.")
    scale: Finite = Field(default=1, description="value = raw * scale + offset, then the unit is converted.")
    offset: Finite = 0
    scale_register: ScaleRegister | None = Field(default=None, description="Holds the place of the decimal point.")
    unit: str | None = Field(default=None, max_length=10, description="The machine's unit: °C, °F, Wh, s ...")
    nan: list[Whole] = Field(
        default=[], max_length=32, description='Raw values that say the sensor is broken, such as -32768 or "0x8000".'
    )
    unknown: list[Whole] = Field(
        default=[], max_length=32, description="Raw values that say there is nothing to tell, such as 65535."
    )
    min: Finite | None = Field(default=None, description="Less is a bad value. In the machine's unit.")
    max: Finite | None = Field(default=None, description="More is a bad value. In the machine's unit.")
    writable: Annotated[Literal[False], BeforeValidator(_refuse_writing)] = False
