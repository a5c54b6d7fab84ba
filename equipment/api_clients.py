"""API clients: made with a token that is shown once, recognised by it, and taken away.

Who a token belongs to is asked here by the API and by the sockets, so that both let in the same.
"""

from collections.abc import Iterable
from copy import copy
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

from equipment.allowed_lately import fingerprint, recall, remember
from equipment.models import ApiClient, Bakery

# Written at most so often: a client may ask a thousand times a second.
USE_NOTED_EVERY = timedelta(minutes=1)
LONGEST_LIFE = timedelta(days=366)


def create_api_client(client: ApiClient, bakeries: Iterable[Bakery] = ()) -> str:
    """Save a new client with these bakeries. Returns its token, whose text is stored nowhere."""
    with transaction.atomic():
        client.token, text = _new_token(client.user, client.expires_at)
        client.save()
        client.bakeries.set(bakeries)
    return text


def replace_token(client: ApiClient) -> str:
    """Another token in place of the one that is known to somebody, or lost. The old one is refused from now on."""
    with transaction.atomic():
        old = client.token
        client.token, text = _new_token(client.user, client.expires_at)
        client.revoked_at = None
        client.save(update_fields=["token", "revoked_at"])
        if old:
            old.delete()
    return text


def revoke_api_client(client: ApiClient) -> None:
    """Its token is refused from now on, and its sockets close with the next look at who they are."""
    with transaction.atomic():
        old, client.token = client.token, None
        client.revoked_at = client.revoked_at or timezone.now()
        client.save(update_fields=["token", "revoked_at"])
        if old:
            old.delete()


def find_token_owner(token: bytes, *, lately: bool = False) -> tuple[Any, AuthToken]:
    """The user of a token, and the token. A client's user has the client as `api_client`, which narrows what it sees.

    With `lately`, what was found within the last second will do: for reading alone.

    Raises AuthenticationFailed with the same words for unknown, expired, revoked and blocked ones: whoever has found a
    token learns nothing.
    """
    key = fingerprint(token)
    if lately and (known := recall("token", key)):
        user, found = known
        if client := getattr(user, "api_client", None):
            _note_use(client)
        return copy(user), found
    try:
        if not token.isalnum():  # letters and digits in every encoding
            raise AuthenticationFailed
        user, found = TokenAuthentication().authenticate_credentials(token)
    except AuthenticationFailed:
        raise AuthenticationFailed("This API token is not valid (any more). Get a new one.") from None
    if client := ApiClient.objects.filter(token=found).first():
        user.api_client = client
        _note_use(client)
    remember("token", key, value=(copy(user), found))
    return user, found


def may_write(user: Any) -> bool:
    """False for the user of a client that may only read."""
    client: ApiClient | None = getattr(user, "api_client", None)
    return client is None or client.may_write


def _new_token(user: Any, expires_at: datetime) -> tuple[AuthToken, str]:
    created, text = AuthToken.objects.create(user, expiry=expires_at - timezone.now())
    return created, str(text)


def _note_use(client: ApiClient) -> None:
    now = timezone.now()
    before = now - USE_NOTED_EVERY
    if client.last_used_at is None or client.last_used_at < before:
        unnoted = Q(last_used_at=None) | Q(last_used_at__lt=before)
        ApiClient.objects.filter(unnoted, pk=client.pk).update(last_used_at=now)
        client.last_used_at = now
