"""Readings as Parquet. Imported on first use only: pyarrow is an extra, and large."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from telemetry.metrics import METRICS, Kind

ROWS_OF_A_GROUP = 10_000
_ZONES = pa.map_(pa.string(), pa.float64())
_TYPES = {
    Kind.REAL: pa.float32(),
    Kind.DOUBLE: pa.float64(),
    Kind.SMALLINT: pa.int16(),
    Kind.STATE: pa.string(),
}


class _Parts(io.RawIOBase):
    """A file that only grows, and gives away what was written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.written.append(bytes(data))
        self.position += len(data)
        return len(data)

    def tell(self) -> int:
        return self.position

    def take(self) -> bytes:
        parts, self.written = self.written, []
        return b"".join(parts)


def write_parquet(rows: Iterable[Mapping[str, Any]], fields: Sequence[str]) -> Iterator[bytes]:
    """Moments in UTC, zones as maps, states as words; further sensors and quality as JSON texts."""
    schema = pa.schema([("reading_time", pa.timestamp("us", tz="UTC")), *map(_column, _metrics(fields))])
    parts, iterator = _Parts(), iter(rows)
    with pq.ParquetWriter(parts, schema, compression="zstd") as writer:
        while chunk := list(islice(iterator, ROWS_OF_A_GROUP)):
            columns = {name: [_value(row[name], schema.field(name).type) for row in chunk] for name in schema.names}
            writer.write_table(pa.Table.from_pydict(columns, schema=schema))
            yield parts.take()
    yield parts.take()


def _metrics(fields: Sequence[str]) -> list[Any]:
    return [metric for metric in METRICS if metric.field in fields]


def _column(metric: Any) -> tuple[str, Any]:
    if metric.kind is Kind.JSON:
        return metric.field, _ZONES if metric.field.endswith("_zones") else pa.string()
    return metric.field, _TYPES[metric.kind]


def _value(value: Any, kind: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if pa.types.is_map(kind):
        return [(key, item) for key, item in value.items() if item is None or isinstance(item, int | float)]
    return orjson.dumps(value).decode() if value else None
