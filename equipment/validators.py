"""What PostgreSQL cannot keep is refused with a sentence before it gets there."""

import json
from typing import Any

from django.core.exceptions import ValidationError


def check_storable_json(value: Any) -> None:
    """`jsonb` takes neither the character NUL nor half of a surrogate pair."""
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except (UnicodeEncodeError, RecursionError):
        raise ValidationError(
            "A text in here holds a character that cannot be stored, or it is nested too deeply."
        ) from None
    if "\\u0000" in text:
        raise ValidationError("A text in here holds the character NUL. Take it out.")
