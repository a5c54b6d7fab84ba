"""Reading and the errors: what the rest of the house relies on."""

import dataclasses
import pickle
from datetime import UTC, datetime

import pytest

from connectors import (
    ERROR_CODES,
    AuthenticationError,
    ConfigurationError,
    ConnectorError,
    DoorStatus,
    OperationalStatus,
    Reading,
    ResponseError,
    UnreachableError,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_reading_needs_a_time_zone_and_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Reading(reading_time=datetime(2026, 11, 23))  # noqa: DTZ001
    with pytest.raises(dataclasses.FrozenInstanceError):
        Reading(reading_time=NOON).temperature = 1.0  # type: ignore[misc]


def test_data_points_count_what_is_known_and_zero_is_known() -> None:
    reading = Reading(
        reading_time=NOON,
        temperature=0.0,
        temperature_zones={"cabinet": 0.0, "core": None},
        operational_status=OperationalStatus.OFF,
        door_status=DoorStatus.CLOSED,
        additional_sensors={"fan": False, "text": None},
        quality={"temperature_zones.core": "bad"},
    )
    assert reading.data_points == 5
    assert reading.features == [
        "additional_sensors",
        "door_status",
        "operational_status",
        "temperature",
        "temperature_zones",
    ]
    assert Reading(reading_time=NOON).data_points == 0


def test_two_readings_do_not_share_their_zones() -> None:
    assert Reading(reading_time=NOON).temperature_zones is not Reading(reading_time=NOON).temperature_zones


@pytest.mark.parametrize(
    ("kind", "status", "retry"),
    [
        (ConfigurationError, "error", False),
        (AuthenticationError, "error", False),
        (UnreachableError, "disconnected", True),
        (ResponseError, "error", True),
    ],
)
def test_an_error_says_what_to_show_and_whether_to_try_again(
    kind: type[ConnectorError], status: str, retry: bool
) -> None:
    error = kind("What happened. What to do.", code="tls", retry_after=5)
    assert (error.status, error.retry, error.code, error.retry_after) == (status, retry, "tls", 5)
    assert str(error) == "What happened. What to do."
    assert kind("x").code in ERROR_CODES
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied), copied.code, copied.retry_after) == (kind, str(error), "tls", 5)


def test_a_configuration_error_without_words_lists_its_fields() -> None:
    error = ConfigurationError(fields={"credentials.password": "This is needed."})
    assert "credentials.password: This is needed." in str(error)
    assert pickle.loads(pickle.dumps(error)).fields == error.fields
