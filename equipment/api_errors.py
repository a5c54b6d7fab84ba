"""Refusals that REST framework has no exception for. `bakery_iot.api.problem_details` gives them their shape."""

from http import HTTPStatus

from rest_framework.exceptions import APIException


class Conflict(APIException):
    status_code = HTTPStatus.CONFLICT
    default_detail = "This does not go together with what is stored. Read it again, then decide."


class AnotherRequest(APIException):
    """An `Idempotency-Key` that already stands for another request."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_detail = (
        "This Idempotency-Key was already used for another request. Take a new key for each request, and the same one "
        "only to repeat it unchanged."
    )
