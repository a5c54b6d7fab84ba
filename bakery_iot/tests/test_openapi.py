"""The schema tells the truth: each of its examples is sent, and each answer is what the schema says."""

import io
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pyarrow.parquet as pq
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from bakery_iot.openapi import METHODS
from bakery_iot.openapi_examples import EXAMPLES
from bakery_iot.tests.example_world import NO_LIMITS, make_example_world
from equipment import services
from equipment.tests.clients import integrator

pytestmark = pytest.mark.django_db


SCHEMA: Any = SchemaGenerator(api_version="1").get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
OPERATIONS = {
    path[method]["operationId"]: (address, method, path[method])
    for address, path in SCHEMA["paths"].items()
    for method in METHODS
    if method in path
}


@pytest.fixture
def anna(monkeypatch: pytest.MonkeyPatch) -> User:
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", NO_LIMITS)
    return make_example_world()


def send(client: APIClient, address: str, method: str, operation: Any) -> Any:
    """The operation as its examples in the schema say."""
    examples = [parameter for parameter in operation.get("parameters", ()) if "example" in parameter]
    for parameter in examples:
        if parameter["in"] == "path":
            address = address.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    query = {found["name"]: str(found["example"]) for found in examples if found["in"] == "query"}
    body = None
    if content := operation.get("requestBody", {}).get("content"):
        (example,) = content["application/json"]["examples"].values()
        body = example["value"]
        if "until" in body:  # must lie ahead, but not far
            body = {**body, "until": (timezone.now() + timedelta(hours=1)).isoformat()}
        check(body, content["application/json"]["schema"])
    return getattr(client, method)(f"{address}?{urlencode(query)}", body, format="json")


def check(value: Any, schema: Any) -> None:
    jsonschema.validate(value, {**schema, "components": SCHEMA["components"]})


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_its_example_works_as_documented(operation_id: str, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    address, method, operation = OPERATIONS[operation_id]
    # No worker serves the gateway, so that nothing is dialled: a result too.
    monkeypatch.setattr(services, "GATEWAY_PATIENCE_SECONDS", -9)
    answer = send(integrator(anna), address, method, operation)
    documented = operation["responses"][str(answer.status_code)]
    assert 200 <= answer.status_code < 300, answer.content
    if "content" not in documented:
        assert answer.content == b""
        return
    ((media_type, content),) = documented["content"].items()
    assert answer["Content-Type"].partition(";")[0] == media_type
    if media_type == "application/json":
        check(answer.json(), content["schema"])
        for example in content.get("examples", {}).values():
            assert answer.json() == example["value"]
    else:
        assert read(answer)


def read(answer: Any) -> bytes:
    async def gather() -> bytes:
        return b"".join([part async for part in answer])

    return async_to_sync(gather)()


def test_each_example_belongs_to_an_operation() -> None:
    assert set(EXAMPLES) <= set(OPERATIONS)


def test_whoever_adds_an_operation_gives_it_an_example() -> None:
    taking = {name for name, (_, _, operation) in OPERATIONS.items() if "requestBody" in operation}
    assert taking <= set(EXAMPLES), "Add them to openapi_examples.py."


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_a_problem_is_documented_wherever_one_can_be(operation_id: str) -> None:
    _, method, operation = OPERATIONS[operation_id]
    assert {"400", "401", "404", "503"} <= operation["responses"].keys()
    assert method == "get" or {"409", "413", "415", "429"} <= operation["responses"].keys()
    content = operation["responses"]["400"]["content"]
    assert list(content) == ["application/problem+json"]


def test_problems_are_what_the_schema_says(anna: User) -> None:
    client = integrator(anna)
    answers = [
        client.post("/api/v1/batches", {"prodct": 1}, format="json"),
        client.get("/api/v1/batches/17"),
        client.get("/api/v1/equipment?typ=oven"),
        APIClient().get("/api/v1/bakeries"),
        client.get("/api/v1/nothing"),
    ]
    assert [answer.status_code for answer in answers] == [400, 404, 400, 401, 404]
    for answer in answers:
        check(answer.json(), {"$ref": "#/components/schemas/Problem"})


def test_the_export_of_the_example_holds_its_reading(anna: User) -> None:
    address, method, operation = OPERATIONS["export_parquet"]
    table = pq.read_table(io.BytesIO(read(send(integrator(anna), address, method, operation))))
    assert table["temperature"].to_pylist() == [185.5]
