"""What spreadsheets must not take for a formula: a cell that begins like one is run when somebody opens the file."""

import re

# Also behind the separator of another country's spreadsheet.
_FORMULA = re.compile(r"(^|[,;|\t\r\n\"])(?=[=+\-@\t\r\n])")


def defuse(value: object) -> str:
    """The text of a cell. Numbers stay numbers; a text that could be a formula gets an apostrophe in front."""
    text = "" if value is None else str(value)
    return text if _is_number(text) else disarm(text)


def disarm(text: str) -> str:
    """With an apostrophe wherever a formula could begin."""
    return _FORMULA.sub(r"\1'", text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
