"""How nodes are written in the settings: with the alias or the URI of a namespace, never with its number. Pure."""

import base64
import binascii
import re
import uuid
from collections.abc import Mapping
from typing import NamedTuple

CORE = "http://opcfoundation.org/UA/"  # namespace 0 everywhere
_ADDRESS = re.compile(r"(?:ns=(?P<alias>[^;]+);|nsu=(?P<uri>[^;]+);)?(?P<kind>[isgb])=(?P<identifier>.+)", re.S)
_MOST_STEPS = 30

Identifier = int | str | uuid.UUID | bytes


class NodeAddress(NamedTuple):
    """A node by its id; the namespace by its URI."""

    uri: str
    identifier: Identifier


class Step(NamedTuple):
    uri: str
    name: str


class BrowsePath(NamedTuple):
    """A node by the browse names that lead to it from the Objects folder."""

    steps: tuple[Step, ...]


def _uri_of(alias: str, aliases: Mapping[str, str]) -> str:
    if alias.isdecimal() and alias != "0":
        raise ValueError(
            "Write the alias of the namespace, not its number: numbers change when the server restarts. "
            "Name it under additional_config.namespaces."
        )
    if alias == "0":
        return CORE
    if alias not in aliases:
        raise ValueError(
            f"The namespace {alias!r} is not named under additional_config.namespaces. "
            f"There are: {', '.join(sorted(aliases))}."
        )
    return aliases[alias]


def parse_node_address(text: str, aliases: Mapping[str, str]) -> NodeAddress:
    """`ns=<alias>;s=Oven/Temperature`, or `nsu=<uri>;i=5`. ValueError says what is wrong."""
    found = _ADDRESS.fullmatch(text.strip())
    if not found:
        raise ValueError("Write it like ns=maker;s=Oven.Temperature, or with i=, g= or b= instead of s=.")
    alias, uri = found["alias"], found["uri"]
    uri = _uri_of(alias.strip(), aliases) if alias else uri or CORE
    return NodeAddress(uri, _parse_identifier(found["kind"], found["identifier"]))


def _parse_identifier(kind: str, text: str) -> Identifier:
    try:
        if kind == "i":
            number = int(text) if text.isascii() and text.isdecimal() else -1
            if not 0 <= number < 1 << 32:
                raise ValueError
            return number
        if kind == "g":
            return uuid.UUID(text)
        return base64.b64decode(text, validate=True) if kind == "b" else text
    except (ValueError, binascii.Error):
        expected = {"i": "a whole number", "g": "a GUID", "b": "base64"}[kind]
        raise ValueError(f"Behind {kind}= stands {expected}.") from None


def parse_browse_path(text: str, aliases: Mapping[str, str]) -> BrowsePath:
    """`maker:Oven/maker:Temperature`; & before a / or : that belongs to a name. ValueError says what is wrong."""
    steps = tuple(_parse_step(part, aliases) for part in _split(text.strip().strip("/"), "/"))
    if len(steps) > _MOST_STEPS:
        raise ValueError(f"This path has more than {_MOST_STEPS} steps.")
    return BrowsePath(steps)


def _parse_step(part: str, aliases: Mapping[str, str]) -> Step:
    pieces = _split(part, ":")
    uri = _uri_of(pieces[0].strip(), aliases) if len(pieces) > 1 else CORE
    name = re.sub(r"&(.)", r"\1", ":".join(pieces[1:]) if len(pieces) > 1 else part).strip()
    if not name:
        raise ValueError("Write it like maker:Oven/maker:Temperature, without empty steps.")
    return Step(uri, name)


def _split(text: str, mark: str) -> list[str]:
    """At every mark that has no & before it."""
    parts = [""]
    escaped = False
    for letter in text:
        if letter == mark and not escaped:
            parts.append("")
        else:
            parts[-1] += letter
        escaped = letter == "&" and not escaped
    return parts
