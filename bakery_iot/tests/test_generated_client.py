"""A client that openapi-python-client makes from the schema works against the running server."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from equipment.tests.factories import PASSWORD, make_bakery, make_user

CONFIG = Path(__file__).parents[2] / "docs" / "examples" / "openapi_client.yml"
PACKAGE = "bakery_iot_client"


@pytest.fixture
def generated(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports from the package that was made: `generated("api.auth.sign_in")`."""
    command = [str(Path(sys.executable).parent / "openapi-python-client"), "generate", "--url", f"{site}/api/v1/schema"]
    options = ["--config", str(CONFIG), "--output-path", str(tmp_path / PACKAGE), "--meta", "none", "--fail-on-warning"]
    made = subprocess.run([*command, *options], capture_output=True, text=True, timeout=100, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda name: import_module(f"{PACKAGE}.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def test_a_generated_client_lives_through_a_batch(site: str, generated: Any) -> None:
    make_bakery(make_user("manager", username="anna"), slug="sol")
    models, visitor = generated("models"), generated("client").Client(site)
    credentials = models.SignInRequest(username="anna", password=PASSWORD)
    token = generated("api.auth.sign_in").sync(client=visitor, body=credentials).token
    client = generated("client").AuthenticatedClient(site, token)

    (bakery,) = generated("api.bakeries.list_bakeries").sync(client=client)
    new = models.EquipmentRequest(name="Steinofen", bakery=bakery.slug)
    oven = generated("api.equipment.create_equipment").sync(client=client, body=new, idempotency_key="7f1c")
    again = generated("api.equipment.create_equipment").sync(client=client, body=new, idempotency_key="7f1c")
    assert (again.id, oven.iot_connection_status) == (oven.id, models.ConnectionStatusEnum.UNKNOWN)

    order = models.BatchRequest(product="Baguettes", equipment_id=oven.id, external_id="ERP-1", expected_minutes=25)
    batch = generated("api.batches.start_batch").sync(client=client, body=order)
    now = datetime.now(UTC)
    readings = [
        models.IngestedReading(reading_time=now - timedelta(seconds=second), temperature=200.0 + second)
        for second in range(3)
    ]
    sent = generated("api.equipment.send_readings").sync(
        oven.id, client=client, body=models.ReadingsBody(readings=readings)
    )
    assert (sent.received, sent.stored) == (3, 3)
    tracked = generated("api.batches.get_batch_tracking").sync(batch.id, client=client)
    assert (tracked.status.value, tracked.realtime_data.temperature) == ("running", 200.0)
    ended = generated("api.batches.end_batch").sync(batch.id, client=client, body=models.BatchEndRequest())
    assert ended.ended_at > now

    problem = generated("api.batches.start_batch").sync(client=client, body=order)
    assert isinstance(problem, models.Problem)
    assert problem.status == 409
    file = generated("api.equipment.export_ndjson").sync(oven.id, client=client)
    assert file.count(b"\n") == 3
