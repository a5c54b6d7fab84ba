"""Credentials at rest and on the way: encrypted with FERNET_KEYS, of which the first encrypts and all decrypt."""

import json
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from fernet_fields import EncryptedTextField
from fernet_fields.hkdf import derive_fernet_key


class EncryptedJSONField(EncryptedTextField):  # type: ignore[misc]
    """A dict, stored as one encrypted text. It cannot be filtered on."""

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> Any:
        return value if value is None else json.dumps(value)

    def value_to_string(self, obj: Any) -> str:
        """For `dumpdata` and the audit trail, which must not carry secrets out."""
        return mask("")


class EncryptedSecretField(EncryptedTextField):  # type: ignore[misc]
    """A text, stored encrypted. It cannot be filtered on."""

    def value_to_string(self, obj: Any) -> str:
        """For `dumpdata` and the audit trail, which must not carry secrets out."""
        return mask("")


def mask(value: str) -> str:
    """What stands in the audit trail in place of a secret: that there is one, and nothing of it."""
    return "••••••••"


def encrypt_json(value: Any) -> str:
    """For settings on their way through the broker, where anybody with Redis access could read them."""
    return _fernet().encrypt(json.dumps(value).encode()).decode()


def decrypt_json(token: str) -> Any:
    return json.loads(_fernet().decrypt(token.encode()))


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(derive_fernet_key(key)) for key in settings.FERNET_KEYS])
