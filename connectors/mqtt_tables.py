"""What a connection test shows of a machine's messages: each value with its path, to write a mapping with. Pure."""

from collections.abc import Iterator
from typing import Any

from .mapping_settings import DocumentMapping
from .reading import VALUE_FIELDS
from .values import clean_text

_MOST_ROWS = 200
_PLAIN_KEY = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def list_points(document: Any, mapping: DocumentMapping) -> list[dict[str, Any]]:
    """Rows of path, value and field; the field is empty where the value is not used."""
    fields = {spec.path: name for name, spec in mapping.list_specs()}
    if mapping.timestamp:
        fields[mapping.timestamp.path] = "timestamp"
    rows: list[dict[str, Any]] = []
    for path, value in _leaves(document):
        if len(rows) == _MOST_ROWS:
            break
        by_name = path if not mapping.model_fields_set and path.partition(".")[0] in VALUE_FIELDS else ""
        rows.append({"path": path, "value": _shown(value), "field": fields.get(path, by_name)})
    return rows


def _leaves(document: Any) -> Iterator[tuple[str, Any]]:
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, dict) and node:
            waiting += [(f"{path}.{_quoted(str(key))}".lstrip("."), item) for key, item in reversed(node.items())]
        elif isinstance(node, list) and node:
            waiting += [(f"{path}[{index}]", item) for index, item in reversed(list(enumerate(node[:_MOST_ROWS])))]
        elif path:
            yield path, node


def _quoted(key: str) -> str:
    """As JMESPath wants it."""
    if key and set(key) <= _PLAIN_KEY and not key[0].isdecimal():
        return key
    escaped = clean_text(key).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value if not isinstance(value, int | float) or abs(value) < 1e15 else str(value)[:40]
    return clean_text(str(value))
