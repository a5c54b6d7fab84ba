"""Machines with an OPC UA server: found by their types and browse names, or node by node.

Options and what to ask the technician: docs/connectors/opc_ua.md.
"""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from .base import BaseIoTConnector
from .errors import ConnectorError, ResponseError
from .mapping_settings import PathSpec
from .opc_ua_browse import find_units, resolve
from .opc_ua_devices import Variable, choose_device, find_devices, find_variables
from .opc_ua_profiles import Kind, Point, parse_values
from .opc_ua_security import describe_certificate, list_remarks
from .opc_ua_session import OpcUaSession, Question
from .opc_ua_settings import NodePoint, OpcUaConfig
from .opc_ua_subscription import OpcUaSubscription
from .opc_ua_values import Measured, Sample, units_of
from .reading import Capabilities, ConnectionTest, Reading

_OLD = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """What one batched read asks for. Node ids, and the question made of them, hold for one session only."""

    kind: Kind | None
    variables: Sequence[Variable]
    points: Sequence[tuple[str, PathSpec, Any]]  # field, conversion, node
    question: Question = ()

    @property
    def nodes(self) -> list[Any]:
        return [variable.node for variable in self.variables] + [node for _, _, node in self.points]

    def parse(self, samples: Sequence[Sample], *, received_at: datetime, clock: str) -> Reading:
        """The samples are in the order of `nodes`. A ConnectorError if none is good."""
        count = len(self.variables)
        values = {
            variable.path: Measured(sample, variable.unit)
            for variable, sample in zip(self.variables, samples[:count], strict=True)
        }
        given = zip(self.points, samples[count:], strict=True)
        points = [Point(field, spec, sample) for (field, spec, _), sample in given]
        return parse_values(self.kind, values, points, received_at=received_at, clock=clock)


class OpcUaConnector(BaseIoTConnector[OpcUaConfig]):
    """One machine of an OPC UA server."""

    config_class = OpcUaConfig
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "opc.tcp://192.168.1.20/ovens",
        "port": 4840,
        "credentials": {"username": "bakery", "password": "the password of this user at the server"},
        "additional_config": {
            "auth": "username",
            "security_mode": "SignAndEncrypt",
            "security_policy": "Basic256Sha256",
            "profile": "cke",
            "device": "OvenDevice_1",
            "mode": "poll",
            "timeout": 10,
            "namespaces": {"maker": "urn:example:ovens"},
            "nodes": [
                {"node": "ns=maker;s=Oven1.EnergyTotal", "field": "energy_consumption_kwh", "unit": "Wh"},
                {"browse_path": "maker:Oven1/maker:Water", "field": "additional_sensors.water", "scale": 0.1},
            ],
        },
    }

    def __init__(self, equipment_id: str, config: OpcUaConfig, **surroundings: Any) -> None:
        super().__init__(equipment_id, config, **surroundings)
        self.pushes = config.additional_config.mode == "subscribe"
        self.device_rows: list[dict[str, str]] = []  # of the last connect, also if it failed
        self._session: OpcUaSession | None = None
        self._plan: ReadPlan | None = None
        self._last: Reading | None = None

    @property
    def place(self) -> str:
        return self.config.place

    @property
    def is_open(self) -> bool:
        return self._plan is not None

    async def connect(self) -> None:
        """A new client each time, whatever became of the last one."""
        await self.close()
        self.device_rows = []
        session = self._session = OpcUaSession(self.config, policy=self.policy, identity=self.identity)
        await session.open()
        kind, variables = await self._find_device(session)
        points = await _bind(session, self.config.points)
        mapped = {node for _, _, node in points}
        plan = ReadPlan(kind, [variable for variable in variables if variable.node not in mapped], points)
        self._plan = replace(plan, question=session.make_question(plan.nodes))

    async def _find_device(self, session: OpcUaSession) -> tuple[Kind | None, list[Variable]]:
        options = self.config.additional_config
        if options.profile == "none":
            return None, []
        devices = await find_devices(session, options.profile)
        self.device_rows = [device.row for device in devices]
        device = choose_device(devices, options.device)
        variables = await find_variables(session, device)
        if not variables:
            raise ResponseError(
                f"The device {device.names[-1]} of {self.place} shows no values to this user. Give the user the right "
                "to browse and read it.",
                code="mapping",
            )
        return device.kind, variables

    async def close(self) -> None:
        session, self._session, self._plan, self._last = self._session, None, None, None
        if session:
            await session.close()

    async def get_current_reading(self) -> Reading:
        """As in the guide it may be called on a line that is not open; it is then opened for this once."""
        if self._session is None:
            async with self:
                return await self.get_current_reading()
        async with self._time_limit():
            if self._session.has_expired:  # polled so seldom that the server has forgotten us: no failure
                await self.connect()
            session, plan = self._session, self._plan
            if session is None or plan is None:
                raise RuntimeError("connect() first")
            samples = await session.ask(plan.question)
            received_at = datetime.now(UTC)
        clock = self.config.additional_config.timestamp
        self._last = plan.parse(samples, received_at=received_at, clock=clock)
        return self._last

    async def readings(self) -> AsyncIterator[Reading | ConnectorError]:
        """For mode subscribe: one reading per publishing interval in which something has changed."""
        async with self._time_limit():
            if self._session is None:
                await self.connect()
            session, plan = self._session, self._plan
            if session is None or plan is None:
                raise RuntimeError("connect() first")
            options = self.config.additional_config
            subscription = OpcUaSubscription(session, plan.nodes, options.publishing_interval)
            await subscription.open()
        changed, due = False, 0.0
        while True:
            changed = await subscription.wait() or changed
            # A sign of life says that the values still hold, but it does not make their source's time newer.
            if (not changed and options.timestamp == "source") or time.monotonic() < due:
                continue
            changed, due = False, time.monotonic() + subscription.pause
            try:
                yield plan.parse(subscription.samples, received_at=datetime.now(UTC), clock=options.timestamp)
            except ConnectorError as error:  # the machine behind the server is off; the server goes on telling
                yield error

    def list_security_remarks(self) -> tuple[str, ...]:
        """Sentences on what is not safe in these settings."""
        return list_remarks(self.config)

    async def get_capabilities(self) -> Capabilities:
        if self._session is None:
            async with self:
                return await self.get_capabilities()
        reading = self._last or await self.get_current_reading()
        remarks = list(self.list_security_remarks())
        if datetime.now(UTC) - reading.reading_time > _OLD:
            remarks.append(
                f"The newest value is from {reading.reading_time:%Y-%m-%d %H:%M} UTC. If the machine is on, correct "
                "the server's clock; if the server stamps values only when they change, set "
                "additional_config.timestamp to server or received."
            )
        return Capabilities.from_reading(reading, tuple(remarks), self._details())

    def _details(self) -> dict[str, list[dict[str, str]]]:
        details = {"devices": self.device_rows} if self.device_rows else {}
        if self._session and self._session.certificate is not None:
            details["server_certificate"] = [describe_certificate(self._session.certificate)]
        return details

    async def test_connection(self) -> ConnectionTest:
        """Also a failed test lists the devices that were seen: one of them may be the right one."""
        result = await super().test_connection()
        return result if result.success else replace(result, details={**result.details, **self._details()})


async def _bind(session: OpcUaSession, points: Sequence[NodePoint]) -> list[tuple[str, PathSpec, Any]]:
    """The points with their nodes, and with the units the nodes give themselves where the settings name none."""
    nodes = await resolve(session, [point.where for point in points]) if points else []
    asked = [
        node for point, node in zip(points, nodes, strict=True) if not point.unit_given and units_of(type(point.spec))
    ]
    units = await find_units(session, asked)
    bound = []
    for point, node in zip(points, nodes, strict=True):
        unit = units.get(node)
        fits = not point.unit_given and unit in units_of(type(point.spec))
        bound.append((point.field, point.spec.model_copy(update={"unit": unit}) if fits else point.spec, node))
    return bound
