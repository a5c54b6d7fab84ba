"""What the tests of alerts share."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils.module_loading import import_string

from alerts.tests.mailbox import Mailbox
from alerts.tests.receivers import Receiver


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """What this process knows of machines dies with their rows."""
    start_afresh = import_string("alerts.services.start_afresh")
    start_afresh()
    yield
    start_afresh()


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    """A mail server that our settings name."""
    with Mailbox() as found:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", found.port
        settings.PUBLIC_URL = "https://bakery.example.com"
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


@pytest.fixture
def ana(db: None) -> Any:
    from equipment.tests.factories import make_user

    return make_user("manager", username="ana", email="ana@example.com", first_name="Ana")


@pytest.fixture
def oven(ana: Any) -> Any:
    """Ana's, at Zwiebelhof."""
    from equipment.tests.factories import make_bakery, make_equipment

    return make_equipment(make_bakery(ana, name="Zwiebelhof"), name="Deck 2")
