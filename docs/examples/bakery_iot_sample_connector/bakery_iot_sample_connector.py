"""An oven that answers READ over TCP with one line, such as T=231.5;SET=235;STATE=BAKE.

The machine is made up. The file shows all that a connector of another package needs: settings, a pure function that
makes a reading of an answer, and a thin class that fetches the answer.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field

from connectors import BaseIoTConnector, ConnectorConfig, OperationalStatus, Reading, ResponseError
from connectors.base import Options, translate_errors
from connectors.dialing import dial, dial_error_table

LONGEST_LINE = 1000
STATES = {
    "OFF": OperationalStatus.OFF,
    "HEAT": OperationalStatus.PREHEATING,
    "BAKE": OperationalStatus.RUNNING,
    "IDLE": OperationalStatus.IDLE,
}


class LineOvenOptions(Options):
    """The form, its help and the API's JSON schema are made of these fields and their descriptions."""

    command: str = Field(default="READ", min_length=1, max_length=20, description="What the oven answers to.")


class LineOvenConfig(ConnectorConfig):
    port: int = Field(ge=1, le=65535, description="The oven's TCP port.")
    additional_config: LineOvenOptions = LineOvenOptions()


def parse_line(line: bytes, *, received_at: datetime) -> Reading:
    """The reading in an answer. ResponseError if it holds none. Unknown is None, never 0."""
    pairs = dict(part.partition("=")[::2] for part in line.decode(errors="replace").strip().split(";"))
    if "T" not in pairs:
        raise ResponseError(
            "The answer holds no temperature (T=...). Is this the port of the oven's values?", code="mapping"
        )
    temperature, target = _number(pairs.get("T")), _number(pairs.get("SET"))
    return Reading(
        reading_time=received_at,  # the oven tells no time of its own
        temperature=temperature,
        target_temperature=target,
        operational_status=STATES.get(pairs.get("STATE", ""), OperationalStatus.UNKNOWN),
        quality={} if temperature is not None else {"temperature": "bad"},
    )


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if -100 < value < 1000 else None  # so that neither NaN nor a broken sensor passes


class LineOvenConnector(BaseIoTConnector[LineOvenConfig]):
    """One connection for each reading. It retries nothing, logs nothing and keeps nothing: the collector does."""

    label = "Line oven (sample)"
    config_class = LineOvenConfig
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "192.168.1.20",
        "port": 4001,
        "credentials": {},
        "additional_config": {"command": "READ"},
    }

    @property
    def place(self) -> str:
        return f"{self.config.endpoint}:{self.config.port}"

    async def connect(self) -> None:
        """Nothing stays open between two readings."""

    async def close(self) -> None:
        """Nothing to close."""

    async def get_current_reading(self) -> Reading:
        async with self._time_limit():
            with translate_errors(dial_error_table(self.place)):
                line = await self._ask()
        return parse_line(line, received_at=datetime.now(UTC))

    async def _ask(self) -> bytes:
        # dial() connects to addresses that the server's policy allows, and to no others.
        socket = await dial(self.config.endpoint, self.config.port, self.policy)
        reader, writer = await asyncio.open_connection(sock=socket, limit=LONGEST_LINE)
        try:
            writer.write(f"{self.config.additional_config.command}\n".encode())
            return await reader.readline()
        except ValueError:
            raise ResponseError("The answer is longer than one line should be.", code="too_large") from None
        finally:
            writer.close()
