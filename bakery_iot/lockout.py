"""What whoever has guessed too often is told: how long to wait, as a page or as the API's problem."""

import math
from http import HTTPStatus
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone


def address_of(request: HttpRequest) -> str:
    """The socket's, which uvicorn corrects where a proxy is trusted; a header anybody can write."""
    return str(request.META.get("REMOTE_ADDR", ""))


def say_how_long(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any]) -> HttpResponse:
    seconds = _seconds_left(request, str((credentials or {}).get("username", "")))
    minutes = max(1, math.ceil(seconds / 60))
    wait = f"{minutes} minute{'s' if minutes > 1 else ''}"
    sentence = f"Too many wrong passwords for this user name from here. Wait {wait}, or ask your manager for a new one."
    status = HTTPStatus.TOO_MANY_REQUESTS
    if request.path.startswith("/api/"):
        problem = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": sentence}
        answer: HttpResponse = JsonResponse(problem, status=status, content_type="application/problem+json")
    else:
        answer = render(request, "bakery_iot/locked_out.html", {"sentence": sentence}, status=status)
    answer["Retry-After"] = str(seconds)
    return answer


def _seconds_left(request: HttpRequest, username: str) -> int:
    """Since the last guess that counted."""
    whole = settings.AXES_COOLOFF_TIME.total_seconds()
    tries = AccessAttempt.objects.filter(username=username, ip_address=address_of(request))
    last = tries.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
    gone = (timezone.now() - last).total_seconds() if last else 0
    return max(1, math.ceil(whole - gone))
