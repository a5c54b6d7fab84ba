"""JSON bodies of ingest: large, perhaps compressed, and never larger than a bound once they are unpacked."""

import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import IO, Any

import orjson
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

LARGEST_BODY = 8 * 1024 * 1024  # 5,000 readings with every value and a few zones are half of it
GZIP = 16 + zlib.MAX_WBITS


class UnknownEncoding(APIException):
    status_code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    default_detail = "This Content-Encoding is not understood. Send gzip, or plain JSON without one."


class LargeJSONParser(BaseParser):
    """`application/json`, plain or with `Content-Encoding: gzip`. Raises `RequestDataTooBig`, which becomes a 413."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        encoding = parser_context["request"].headers.get("Content-Encoding", "").lower() if parser_context else ""
        if encoding not in ("", "identity", "gzip"):
            raise UnknownEncoding
        # What is left unread is thrown away with the request.
        body = stream.read(LARGEST_BODY + 1)
        if encoding == "gzip":
            body = inflate(body)
        if len(body) > LARGEST_BODY:
            raise RequestDataTooBig
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"This is not JSON: {error}.") from None


def inflate(body: bytes) -> bytes:
    """At most one byte more than LARGEST_BODY, whatever the text was packed from."""
    unpacker = zlib.decompressobj(GZIP)
    try:
        unpacked = unpacker.decompress(body, LARGEST_BODY + 1)
    except zlib.error:
        raise ParseError("The body is not what Content-Encoding says: it cannot be unpacked with gzip.") from None
    if len(unpacked) <= LARGEST_BODY and not unpacker.eof:
        raise ParseError("The body is cut off: the end of what was packed with gzip is missing.")
    return unpacked
