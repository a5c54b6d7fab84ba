"""Clients for tests: an integrator with a token, and a poll worker that really tests connections."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.contrib.testing.worker import start_worker
from django.contrib.auth.models import User
from knox.models import AuthToken
from rest_framework.test import APIClient

from bakery_iot.celery import app


def integrator(user: User, **options: Any) -> APIClient:
    _, token = AuthToken.objects.create(user)
    client = APIClient(**options)
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


@contextmanager
def gateway_worker(gateway: str = "central") -> Iterator[None]:
    with start_worker(app, queues=[f"poll.{gateway}"], pool="threads", concurrency=2, perform_ping_check=False):
        yield
