"""A browser's side of push messages: it makes the keys, and alone can read what comes."""

import base64
import json
import os
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from alerts.tests.receivers import Received


class Phone:
    """A browser's keys, and what it makes of a message."""

    def __init__(self) -> None:
        self.private_key = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)

    @property
    def keys(self) -> dict[str, str]:
        point = self.private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {name: _to_text(value) for name, value in (("p256dh", point), ("auth", self.auth))}

    def read(self, got: Received) -> Any:
        assert got.headers["content-encoding"] == "aes128gcm"
        return json.loads(http_ece.decrypt(got.body, private_key=self.private_key, auth_secret=self.auth))


def _to_text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
