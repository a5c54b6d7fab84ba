"""What the schema says beyond the views: how errors look, and the examples that the tests run.

Called by drf-spectacular: see SPECTACULAR_SETTINGS.
"""

from collections.abc import Iterator
from typing import Any

from bakery_iot.openapi_examples import EXAMPLES, PARAMETERS

PROBLEM = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457)",
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "The status in words"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened and what to do, for people"},
        "fields": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "JSON path, or name of a query parameter -> what is wrong there",
        },
    },
    "required": ["type", "title", "status", "detail"],
}
ALWAYS = {
    400: "The query or the body is wrong",
    401: "Not signed in",
    403: "Yours, but not for you to change",
    404: "Not among what is yours",
    406: "Only JSON can be had here",
    503: "Database or Redis are away",
}
CHANGING = {
    409: "It does not go together with what is stored, or is being done right now",
    413: "More than the server takes at once",
    415: "The body is no JSON",
    422: "This Idempotency-Key stands for another request",
    429: "Too many requests. Wait as long as Retry-After says",
}
EXTRA = {"export_parquet": {501: "The server lacks the optional extra for this"}}
METHODS = ("get", "post", "put", "patch", "delete")


def without_trailing_slash(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Each path works with a slash at its end too, but is documented once."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints]


def complete(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """The finished schema, with the problems that each operation may answer and its examples."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    for method, operation in list_operations(result):
        _add_problems(method, operation)
        _add_examples(operation)
    return result


def list_operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in schema["paths"].values():
        yield from ((method, path[method]) for method in METHODS if method in path)


def _add_problems(method: str, operation: dict[str, Any]) -> None:
    problems = ALWAYS | EXTRA.get(operation["operationId"], {}) | (CHANGING if method != "get" else {})
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, description in sorted(problems.items()):
        operation["responses"].setdefault(str(status), {"description": description, "content": content})


def _add_examples(operation: dict[str, Any]) -> None:
    example = EXAMPLES.get(operation["operationId"])
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and parameter["name"] in PARAMETERS:
            parameter["example"] = PARAMETERS[parameter["name"]]
        elif example and parameter["in"] == "query" and parameter["name"] in example.query:
            parameter["example"] = example.query[parameter["name"]]
    if example and example.body is not None and "requestBody" in operation:
        for content in operation["requestBody"]["content"].values():
            content["examples"] = {example.name: {"value": example.body}}
    if example and example.answer is not None:
        answer = operation["responses"]["200"]["content"]["application/json"]
        answer["examples"] = {example.name: {"value": example.answer}}
