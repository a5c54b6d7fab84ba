"""`Idempotency-Key` on posts that create: whoever heard no answer asks again, and nothing is made twice.

Answer and effect are committed in one transaction, so that a crash between them leaves neither.
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from equipment.api_errors import AnotherRequest, Conflict
from equipment.idempotency_models import IdempotentAnswer

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Any text of your own, such as a UUID. The same post with the same key within 24 hours gets the first "
    "answer again, and nothing is made twice.",
)
Post = Callable[..., Response]


def idempotent(post: Post) -> Post:
    """Decorates a view's method that creates. Without the header it changes nothing."""

    @wraps(post)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return post(view, request, *args, **kwargs)
        if not _KEY.fullmatch(key):
            raise ValidationError({HEADER: "A key has 1 to 255 letters, digits and signs, and no spaces."})
        with transaction.atomic():
            _claim(request, key)
            return _find_answer(request, key) or _keep(request, key, post(view, request, *args, **kwargs))

    return once


def _claim(request: Request, key: str) -> None:
    """For this transaction. 409 while another request with the key is at work."""
    name = hashlib.blake2b(f"{request.user.pk} {key}".encode(), digest_size=8).digest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(name, signed=True)])
        (claimed,) = cursor.fetchone()
    if not claimed:
        raise Conflict("A request with this Idempotency-Key is still at work. Ask again in a second.")


def _find_answer(request: Request, key: str) -> Response | None:
    user: Any = request.user
    since = timezone.now() - KEPT
    found = IdempotentAnswer.objects.filter(user=user, key=key, created_at__gt=since).first()
    if found is None:
        return None
    if found.request_hash != _hash(request):
        raise AnotherRequest
    return Response(found.body, found.status, headers={**found.headers, "Idempotency-Replayed": "true"})


def _keep(request: Request, key: str, answer: Response) -> Response:
    user: Any = request.user
    IdempotentAnswer.objects.update_or_create(
        user=user,
        key=key,
        defaults={
            "request_hash": _hash(request),
            "status": answer.status_code,
            "headers": {name: answer[name] for name in ("Location",) if answer.has_header(name)},
            "body": json.loads(JSONRenderer().render(answer.data)),
            "created_at": timezone.now(),
        },
    )
    return answer


def _hash(request: Request) -> str:
    asked = f"{request.method} {request.get_full_path()}\n".encode()
    return hashlib.sha256(asked + request._request.body).hexdigest()


def forget_answers() -> None:
    """Those that nobody can ask for any more."""
    IdempotentAnswer.objects.filter(created_at__lte=timezone.now() - KEPT).delete()
