from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from django.utils import timezone

from bakery_iot.celery import app
from connectors import ConfigurationError
from connectors.simulators.http import SimulatedBakery
from equipment import services
from equipment.batches import end_batch, start_batch
from equipment.models import ConnectionLog, Equipment
from equipment.services import (
    archive_equipment,
    configure_equipment_iot,
    record_connection_events,
)
from equipment.signals import connection_changed
from equipment.tasks import run_connection_test
from equipment.tests.factories import make_bakery, make_equipment

SETTINGS = {
    "protocol": "rest_api",
    "endpoint": "http://oven.example:8080",
    "credentials": {"token": "gugelhupf-4711"},
    "additional_config": {"data_endpoint": "/data", "timeout": 3},
    "poll_interval_seconds": 7,
}


@pytest.fixture
def told() -> Iterator[list[Any]]:
    heard: list[Any] = []

    def listen(**kwargs: Any) -> None:
        heard.append(kwargs)

    connection_changed.connect(listen)
    yield heard
    connection_changed.disconnect(listen)


@pytest.mark.django_db
class TestConfigure:
    def test_the_settings_land_in_the_columns_of_their_names(self) -> None:
        oven = configure_equipment_iot(make_equipment(), SETTINGS)
        stored = Equipment.objects.get(pk=oven.pk)
        assert stored.iot_enabled
        assert stored.iot_protocol == "rest_api"
        assert stored.iot_endpoint == "http://oven.example:8080"
        assert stored.iot_credentials == {"token": "gugelhupf-4711"}
        assert stored.iot_config == {"data_endpoint": "/data", "timeout": 3}
        assert stored.poll_interval_seconds == 7

    def test_every_change_moves_the_version_and_forgets_the_old_trouble(self) -> None:
        oven = make_equipment(iot_connection_status="error", iot_connection_error="Old.", iot_connection_error_code="x")
        before = oven.config_version
        configure_equipment_iot(oven, SETTINGS)
        configure_equipment_iot(oven, SETTINGS)
        stored = Equipment.objects.get(pk=oven.pk)
        assert stored.config_version == before + 2
        assert (stored.iot_connection_status, stored.iot_connection_error) == ("unknown", "")
        assert ConnectionLog.objects.filter(equipment=oven, event_type="configured").count() == 2

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"protocol": "telepathy"}, "protocol"),
            ({"endpoint": ""}, "endpoint"),
            ({"endpoint": "ftp://oven.example"}, "endpoint"),
            ({"additional_config": {"timeout": "soon"}}, "additional_config.timeout"),
            ({"additional_config": {"tiemout": 3}}, "additional_config.tiemout"),
            ({"credentials": {"pasword": "x"}}, "credentials.pasword"),
            ({"port": 70_000}, "port"),
        ],
    )
    def test_a_wrong_setting_is_named_and_nothing_is_saved(self, change: dict[str, Any], path: str) -> None:
        oven = make_equipment()
        with pytest.raises(ConfigurationError) as caught:
            configure_equipment_iot(oven, {**SETTINGS, **change})
        assert path in caught.value.fields
        assert not Equipment.objects.get(pk=oven.pk).iot_enabled

    def test_stored_credentials_stay_when_none_are_posted(self) -> None:
        oven = configure_equipment_iot(make_equipment(), SETTINGS)
        again = {key: value for key, value in SETTINGS.items() if key != "credentials"}
        configure_equipment_iot(oven, {**again, "endpoint": "http://oven.example:9090"})
        assert Equipment.objects.get(pk=oven.pk).iot_credentials == {"token": "gugelhupf-4711"}

    def test_stored_credentials_are_not_sent_to_another_host(self) -> None:
        oven = configure_equipment_iot(make_equipment(), SETTINGS)
        again = {key: value for key, value in SETTINGS.items() if key != "credentials"}
        for endpoint in ("http://evil.example:8080", "https://oven.example:8080", "http://oven.example@evil.example"):
            with pytest.raises(ConfigurationError):
                configure_equipment_iot(oven, {**again, "endpoint": endpoint})


@pytest.mark.django_db(transaction=True)
class TestConnectionTest:
    @pytest.fixture
    def gateway_worker(self) -> Iterator[None]:
        with start_worker(app, queues=["poll.central"], pool="threads", concurrency=2, perform_ping_check=False):
            yield

    def configured(self, ovens: SimulatedBakery) -> Equipment:
        return configure_equipment_iot(
            make_equipment(), {"protocol": "rest_api", **ovens.settings(next(iter(ovens.ovens)))}
        )

    def test_a_good_connection_is_told_and_kept(self, ovens: SimulatedBakery, gateway_worker: None) -> None:
        oven = self.configured(ovens)
        result = services.test_connection(oven)
        assert result.success and result.status == "connected"
        assert "temperature" in result.supported_features
        log = ConnectionLog.objects.get(equipment=oven, event_type="test")
        assert (log.connection_status, log.error_message) == ("connected", "")
        assert log.data_points_received

    def test_a_line_that_was_given_up_is_revived_when_the_saved_settings_work(
        self, ovens: SimulatedBakery, gateway_worker: None
    ) -> None:
        oven = self.configured(ovens)
        Equipment.objects.filter(pk=oven.pk).update(iot_connection_status="error", iot_connection_error_code="auth")
        services.test_connection(oven, {"protocol": "rest_api", "endpoint": "http://127.0.0.1:9", "credentials": {}})
        assert Equipment.objects.get(pk=oven.pk).config_version == oven.config_version
        assert services.test_connection(oven).success
        assert Equipment.objects.get(pk=oven.pk).config_version == oven.config_version + 1

    def test_posted_settings_are_tried_and_not_saved(self, ovens: SimulatedBakery, gateway_worker: None) -> None:
        oven = self.configured(ovens)
        posted = {"protocol": "rest_api", **ovens.settings(next(iter(ovens.ovens)))}
        posted["credentials"] = dict.fromkeys(posted["credentials"], "wrong")
        result = services.test_connection(oven, posted)
        assert (result.success, result.error_code) == (False, "auth")
        assert services.test_connection(oven).success

    def test_a_part_of_the_settings_is_tried_with_the_saved_rest(
        self, ovens: SimulatedBakery, gateway_worker: None
    ) -> None:
        oven = self.configured(ovens)
        assert services.test_connection(oven, {"additional_config": {**oven.iot_config, "timeout": 3}}).success
        with pytest.raises(ConfigurationError):
            services.test_connection(oven, {"protocol": "modbus"})

    def test_a_gateway_that_does_not_answer_has_its_own_sentence(
        self, ovens: SimulatedBakery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(services, "GATEWAY_PATIENCE_SECONDS", -9)
        result = services.test_connection(self.configured(ovens))
        assert (result.success, result.error_code) == (False, "gateway")
        assert "poll worker" in result.message

    def test_without_redis_the_sentence_says_so(self, ovens: SimulatedBakery, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*arguments: Any, **options: Any) -> None:
            raise ConnectionRefusedError

        monkeypatch.setattr(run_connection_test, "apply_async", refuse)
        result = services.test_connection(self.configured(ovens))
        assert (result.success, result.error_code) == (False, "broker")


@pytest.mark.django_db(transaction=True)
class TestEvents:
    def event(self, equipment: Equipment, status: str, **values: Any) -> ConnectionLog:
        return ConnectionLog(
            equipment=equipment, event_type=status, event_time=timezone.now(), connection_status=status, **values
        )

    def test_the_last_event_of_a_batch_is_the_status(self, told: list[Any]) -> None:
        oven = make_equipment()
        record_connection_events(
            [
                self.event(oven, "connected"),
                self.event(oven, "disconnected", error_message="Nobody answers.", error_code="timeout"),
            ]
        )
        oven.refresh_from_db()
        assert (oven.iot_connection_status, oven.iot_connection_error_code) == ("disconnected", "timeout")
        assert oven.connection_logs.count() == 2
        assert [call["equipment_ids"] for call in told] == [[oven.pk]]

    def test_the_time_of_the_last_connection_stays_when_the_line_is_lost(self) -> None:
        oven = make_equipment()
        record_connection_events([self.event(oven, "connected")])
        oven.refresh_from_db()
        connected_at = oven.iot_last_connected
        record_connection_events([self.event(oven, "error")])
        oven.refresh_from_db()
        assert connected_at and oven.iot_last_connected == connected_at

    def test_events_of_a_machine_that_is_gone_are_dropped(self) -> None:
        oven = make_equipment()
        event = self.event(oven, "connected")
        Equipment.objects.filter(pk=oven.pk).delete()
        record_connection_events([event])
        assert not ConnectionLog.objects.exists()

    def test_archiving_keeps_the_records(self, told: list[Any]) -> None:
        oven = make_equipment(make_bakery(), name="Old faithful")
        record_connection_events([self.event(oven, "connected")])
        archive_equipment(oven)
        assert Equipment.objects.get(pk=oven.pk).archived_at
        assert oven.connection_logs.exists()
        assert make_equipment(oven.bakery, name="Old faithful")  # the name is free again

    def test_a_batch_ends_once(self, told: list[Any]) -> None:
        batch = start_batch(make_equipment(), "Baguettes", timezone.now(), number="7")
        end = timezone.now()
        end_batch(batch, end)
        end_batch(batch, end + timedelta(hours=1))
        batch.refresh_from_db()
        assert batch.ended_at == end
