"""What Prometheus reads, and who else may not."""

import json
import logging.config
import re
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.conf import LazySettings
from django.test import Client
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from bakery_iot.logs import logging_settings
from bakery_iot.loopback import free_port
from bakery_iot.tests.worker import Worker
from conftest import wait_for
from connectors.simulators.http import SimulatedBakery
from equipment.services import configure_equipment_iot
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry import monitoring
from telemetry.gateways import record_gateway_load
from telemetry.load import LoadFigures
from telemetry.services import store_sensor_readings
from telemetry.tests.test_services import arrived

TOKEN = "a-long-random-text"


def figures(text: str) -> dict[str, float]:
    found = text_string_to_metric_families(text)
    return {f"{sample.name} {sample.labels}": sample.value for family in found for sample in family.samples}


@pytest.mark.django_db
def test_without_a_token_in_the_settings_there_is_no_such_page(settings: LazySettings) -> None:
    settings.METRICS_TOKEN = ""
    for header in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}):
        assert Client().get("/metrics", headers=header).status_code == 404


@pytest.mark.django_db
def test_only_the_token_opens_the_page(settings: LazySettings) -> None:
    settings.METRICS_TOKEN = TOKEN
    client = Client()
    client.force_login(make_user(is_superuser=True, is_staff=True))
    for header in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Token {TOKEN}"},
        {"Authorization": TOKEN},
    ):
        answer = client.get("/metrics", headers=header)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert b"bakery_" not in answer.content


@pytest.mark.django_db
def test_it_holds_what_was_stored_and_the_load_of_every_gateway(settings: LazySettings) -> None:
    settings.METRICS_TOKEN = TOKEN

    def read() -> dict[str, float]:
        return figures(Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode())

    before = read()
    oven = make_equipment(make_bakery(gateway="shop"))
    store_sensor_readings([arrived(oven, 0), arrived(oven, 1)])
    record_gateway_load("shop", LoadFigures(12.5, 0.02, 0.0, 30.0), machines=7, waiting_readings=3)
    after = read()
    assert after["bakery_batch_readings_sum {}"] - before["bakery_batch_readings_sum {}"] == 2
    assert after["bakery_store_seconds_count {}"] - before["bakery_store_seconds_count {}"] == 1
    assert after["bakery_gateway_readings_per_second {'gateway': 'shop'}"] == 12.5
    assert after["bakery_gateway_waiting_readings {'gateway': 'shop'}"] == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(120)
def test_a_poll_worker_serves_its_own_figures_on_loopback(
    ovens: SimulatedBakery, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("METRICS_PORT", str(port))
    monkeypatch.setenv("LOG_FORMAT", "json")
    key = next(iter(ovens.ovens))
    oven = make_equipment(make_bakery(gateway="measured"), name=key)
    configure_equipment_iot(oven, {"protocol": "rest_api", "poll_interval_seconds": 1, **ovens.settings(key)})
    worker = Worker(tmp_path, "poll.measured")
    worker.start()

    def read() -> dict[str, float]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return figures(answer.read().decode())
        except OSError:
            return {}

    gateway = "{'gateway': 'measured'}"
    try:
        wait_for(lambda: read().get(f"bakery_poll_lateness_seconds_count {gateway}", 0) >= 2, "two polls")
        found = read()
    finally:
        worker.end(signal.SIGTERM)
    assert found[f"bakery_polling {gateway}"] == found[f"bakery_lines {gateway}"] == 1
    assert found[f"bakery_polls_total {gateway}"] == found[f"bakery_poll_lateness_seconds_count {gateway}"]
    said = [json.loads(line) for line in worker.log_file.read_text().splitlines() if line.startswith("{")]
    (news,) = [line for line in said if line["logger"] == "telemetry.news"]
    assert (news["equipment"], news["gateway"], news["level"]) == (oven.pk, "measured", "info")


def test_a_line_of_json_holds_the_error_and_no_values_of_variables(capsys: pytest.CaptureFixture[str]) -> None:
    settings = logging_settings("json")
    handler = logging.StreamHandler()
    formatter = dict(settings["formatters"]["json"])
    handler.setFormatter(formatter.pop("()")(**formatter))
    logger = logging.Logger("bakery")
    logger.addHandler(handler)
    with structlog.contextvars.bound_contextvars(gateway="shop"):
        try:
            secret = "hunter2"
            raise ValueError(len(secret))
        except ValueError:
            logger.exception("It broke: %s", "badly", extra={"equipment": 7, "password": secret})
    text = capsys.readouterr().err
    line = json.loads(text)
    assert (line["event"], line["equipment"], line["gateway"], line["level"]) == ("It broke: badly", 7, "shop", "error")
    assert "ValueError: 7" in line["exception"]
    assert secret not in text


@pytest.mark.django_db
def test_the_dashboard_asks_for_figures_that_exist() -> None:
    record_gateway_load("shop", LoadFigures(12.5, 0.02, 0.0, 30.0), machines=7, waiting_readings=3)
    known = {
        metric.name
        for source in (monitoring.GatewayFigures(), monitoring.CollectorFigures(list), REGISTRY)
        for metric in source.collect()
    }
    dashboard = (Path(__file__).resolve().parents[2] / "docs" / "grafana" / "bakery_iot.json").read_text()
    asked = set(re.findall(r"bakery_[a-z0-9_]+", dashboard)) - {"bakery_iot"}
    families = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in asked}
    assert families <= {name.removesuffix("_total") for name in known}
    assert len(families) > 10
