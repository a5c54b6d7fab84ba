"""Turns pydantic's findings into JSON paths and sentences for the person at the form."""

from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

_SENTENCES = {
    "missing": "This is needed.",
    "string_type": "This must be text, in quotation marks.",
    "string_too_short": "This must not be empty.",
    "string_too_long": "This is longer than the {max_length} characters allowed.",
    "bool_type": "This must be true or false.",
    "bool_parsing": "This must be true or false.",
    "int_type": "This must be a whole number.",
    "int_parsing": "This must be a whole number.",
    "int_from_float": "This must be a whole number.",
    "float_type": "This must be a number.",
    "float_parsing": "This must be a number.",
    "finite_number": "This must be a number that has an end.",
    "greater_than": "This must be more than {gt}.",
    "greater_than_equal": "This must be {ge} or more.",
    "less_than": "This must be less than {lt}.",
    "less_than_equal": "This must be {le} or less.",
    "literal_error": "This must be one of {expected}.",
    "enum": "This must be one of {expected}.",
    "dict_type": "This must be an object in curly brackets: names and values.",
    "model_type": "This must be an object in curly brackets: names and values.",
    "timezone_aware": "This needs an offset, or a Z for UTC: 2025-01-12T10:30:00Z.",
    "datetime_from_date_parsing": "This is no moment. Write it like 2025-01-12T10:30:00Z.",
    "datetime_parsing": "This is no moment. Write it like 2025-01-12T10:30:00Z.",
    "datetime_object_invalid": "This is no moment. Write it like 2025-01-12T10:30:00Z.",
    "too_long": "These are more than the {max_length} allowed.",
    "model_attributes_type": "This must be an object in curly brackets: names and values.",
}


def describe_validation_error(error: ValidationError, model: type[BaseModel], noun: str = "setting") -> dict[str, str]:
    """JSON path -> sentence. What was typed in is never repeated: it may be a secret.

    `noun` is what a key stands for.
    """
    fields: dict[str, str] = {}
    for found in error.errors(include_url=False, include_input=False):
        path = ".".join(str(part) for part in found["loc"]) or "config"
        fields.setdefault(path, _describe(found["type"], found["msg"], found.get("ctx", {}), found["loc"], model, noun))
    return fields


def _describe(
    kind: str, message: str, context: dict[str, Any], location: tuple[int | str, ...], model: type[BaseModel], noun: str
) -> str:
    if kind == "extra_forbidden":
        return _unknown_key(location, model, noun)
    if kind == "value_error":
        return str(context["error"])
    if sentence := _SENTENCES.get(kind):
        return sentence.format(**context)
    return f"{message}."


def _unknown_key(location: tuple[int | str, ...], model: type[BaseModel], noun: str) -> str:
    holder = model
    for part in location[:-1]:
        field = holder.model_fields.get(str(part))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return f"There is no {noun} of this name."
        holder = field.annotation
    known = list(holder.model_fields)
    if near := get_close_matches(str(location[-1]), known, n=1):
        return f"There is no {noun} of this name. Do you mean {near[0]!r}?"
    return f"There is no {noun} of this name. There are: {', '.join(known) or 'none'}."
