"""What spreadsheets must not take for a formula: a cell that begins like one is run when somebody opens the file."""

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def defuse(value: object) -> str:
    """The text of a cell. Numbers stay numbers; a text that could be a formula gets an apostrophe in front."""
    text = "" if value is None else str(value)
    if not text.startswith(_STARTS_A_FORMULA) or _is_number(text):
        return text
    return f"'{text}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
