"""The settings of a Modbus machine: the line to it. Its points are in `modbus_points.py`."""

import re
from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from .base import ConnectorConfig, Options
from .errors import ConfigurationError
from .hosts import check_host, show_place
from .modbus_blocks import Limits
from .modbus_codec import Order
from .modbus_point_settings import PointSettings
from .modbus_points import Addressing, Point, make_points

MODBUS_PORT = 502
_DEVICE = re.compile(r"/dev/(tty[A-Z]\w*|ttymxc\d+|serial/by-(id|path)/[\w.:@+-]+|pts/\d+)")

Transport = Literal["tcp", "rtu_over_tcp", "udp", "serial"]


class ModbusOptions(Options):
    transport: Transport = Field(default="tcp", description="tcp, rtu_over_tcp (a serial gateway), udp or serial.")
    unit_id: int = Field(default=1, ge=0, le=255, description="The machine's number on the bus, or behind the gateway.")
    points: list[PointSettings] = Field(min_length=1, max_length=500, description="What is in which register.")
    order: Order = Field(default="ABCD", description="Order of bytes and registers, where a point names none.")
    notation: Literal["plain", "4xxxx"] = Field(
        default="plain", description="4xxxx: 30001 is the first input register."
    )
    address_base: Literal[0, 1] | None = Field(
        default=None, description="The number of the first register in the maker's list. Plain 0, 4xxxx 1."
    )
    request_timeout: float = Field(
        default=2, gt=0, le=60, allow_inf_nan=False, description="Seconds one request may take."
    )
    retries: int = Field(default=1, ge=0, le=10, description="How often a request without an answer is repeated.")
    delay_after_connect: float = Field(default=0, ge=0, le=30, allow_inf_nan=False, description="Seconds.")
    delay_between_requests: float = Field(default=0, ge=0, le=10, allow_inf_nan=False, description="Seconds.")
    close_after_poll: bool = Field(default=False, description="For machines that serve one client, or hang up anyway.")
    max_registers: int = Field(
        default=100, ge=1, le=125, description="Registers in one request; 125 is the standard's."
    )
    max_bits: int = Field(default=2000, ge=1, le=2000, description="Coils or discretes in one request.")
    max_gap: int = Field(default=0, ge=0, le=124, description="Unused addresses to read along, to save a request.")
    one_request_per_field: bool = Field(default=False, description="For machines that cannot read several at once.")
    read_bits_from_zero: bool = Field(default=False, description="For machines that answer coils only from address 0.")
    baudrate: int = Field(default=9600, ge=300, le=4_000_000, description="serial only, as the next two.")
    parity: Literal["none", "even", "odd"] = "none"
    stopbits: Literal[1, 2] = 1

    @property
    def limits(self) -> Limits:
        return Limits(
            max_registers=self.max_registers,
            max_bits=self.max_bits,
            max_gap=self.max_gap,
            one_request_per_field=self.one_request_per_field,
            read_bits_from_zero=self.read_bits_from_zero,
        )

    def make_points(self) -> tuple[Point, ...]:
        """ConfigurationError names each point that cannot be right."""
        return make_points(self.points, Addressing(self.notation, self.address_base, self.order, self.limits))


class ModbusConfig(ConnectorConfig):
    endpoint: str = Field(
        min_length=1, max_length=253, description="Name or IP address, or the serial port such as /dev/ttyUSB0."
    )
    port: int | None = Field(default=None, ge=1, le=65535, description="502, unless the machine has another.")
    additional_config: ModbusOptions

    @model_validator(mode="after")
    def _check(self) -> Self:
        serial = self.additional_config.transport == "serial"
        fields: dict[str, str] = {}
        if sentence := _refuse_device(self.endpoint) if serial else _refuse_host(self.endpoint):
            fields["endpoint"] = sentence
        if serial and self.port is not None:
            fields["port"] = "A serial line has no port number. Leave it out."
        if self.additional_config.unit_id == 0 and self.additional_config.transport in ("serial", "rtu_over_tcp"):
            fields["additional_config.unit_id"] = "On a serial line 0 is for all machines, and none of them answers."
        if fields:
            # Not a ValueError: those cannot say which field they mean.
            raise ConfigurationError(fields=fields)
        self.additional_config.make_points()
        return self

    @property
    def is_serial(self) -> bool:
        return self.additional_config.transport == "serial"

    @cached_property
    def host(self) -> str:
        """To dial. The device of a serial line."""
        return self.endpoint.strip() if self.is_serial else check_host(self.endpoint)

    @property
    def dialled_port(self) -> int:
        return 0 if self.is_serial else self.port or MODBUS_PORT

    @cached_property
    def line(self) -> str:
        """Host and port, for sentences."""
        return self.host if self.is_serial else show_place(self.host, self.dialled_port)


def _refuse_device(text: str) -> str | None:
    if _DEVICE.fullmatch(text.strip()):
        return None
    return "Enter the serial port, for example /dev/ttyUSB0, or one of /dev/serial/by-id/."


def _refuse_host(text: str) -> str | None:
    if text.strip().startswith("/dev/"):
        return "This is a serial port: set additional_config.transport to serial, or enter the machine's IP address."
    try:
        check_host(text)
    except ValueError as error:
        return str(error)
    return None
