"""The protocols as their settings describe themselves: for the API, and for the inputs of the form."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

from connectors import BaseIoTConnector, ConfigurationError, get_connector_class, list_protocols

# A text longer than this is pasted, such as a certificate.
_LINES = 10_000
Kind = Literal["text", "lines", "number", "integer", "yes_no", "choice", "json"]
_KINDS: Mapping[str, Kind] = {"boolean": "yes_no", "integer": "integer", "number": "number", "string": "text"}


class Option(NamedTuple):
    """One key of additional_config, as an input on a form. `default` and `choices` are JSON values."""

    key: str
    kind: Kind
    description: str
    default: Any
    choices: list[Any]
    minimum: float | None
    maximum: float | None
    needed: bool


def list_connectors() -> Iterator[tuple[str, type[BaseIoTConnector[Any]]]]:
    """Key and class of each protocol; without those of other packages that do not fit this release."""
    for key in list_protocols():
        try:
            yield key, get_connector_class(key)
        except ConfigurationError:
            continue


@cache
def list_protocol_descriptions() -> tuple[dict[str, Any], ...]:
    """What the API says of each protocol."""
    labels = list_protocols()
    return tuple(
        {
            "key": key,
            "label": labels[key],
            "schema": connector.config_class.model_json_schema(),
            "example": connector.example,
        }
        for key, connector in list_connectors()
    )


@cache
def list_options() -> dict[str, list[Option]]:
    """Protocol -> the options of its additional_config, in their order."""
    return {
        description["key"]: list(_read_options(description["schema"])) for description in list_protocol_descriptions()
    }


def _read_options(schema: dict[str, Any]) -> Iterator[Option]:
    options = _resolve(schema["properties"]["additional_config"], schema)
    for key, found in options.get("properties", {}).items():
        option = _resolve(found, schema)
        yield Option(
            key=key,
            kind=_kind_of(option),
            description=option.get("description", ""),
            default=found.get("default"),
            choices=option.get("enum", []),
            minimum=option.get("minimum", option.get("exclusiveMinimum")),
            maximum=option.get("maximum", option.get("exclusiveMaximum")),
            needed=key in options.get("required", ()),
        )


def _resolve(found: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What stands behind a reference, or beside null; what was said at the place itself comes first."""
    own = {key: value for key, value in found.items() if key not in ("$ref", "anyOf")}
    if "$ref" in found:
        return {**_resolve(schema["$defs"][found["$ref"].rpartition("/")[2]], schema), **own}
    choices = [choice for choice in found.get("anyOf", ()) if choice.get("type") != "null"]
    return {**_resolve(choices[0], schema), **own} if len(choices) == 1 else own


def _kind_of(option: dict[str, Any]) -> Kind:
    if "enum" in option:
        return "choice"
    kind = _KINDS.get(option.get("type", ""), "json")
    return "lines" if kind == "text" and option.get("maxLength", 0) > _LINES else kind
