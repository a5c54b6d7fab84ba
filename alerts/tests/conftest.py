"""What the tests of alerts share."""

from collections.abc import Iterator

import pytest
from django.utils.module_loading import import_string


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """What this process knows of machines dies with their rows."""
    start_afresh = import_string("alerts.services.start_afresh")
    start_afresh()
    yield
    start_afresh()
