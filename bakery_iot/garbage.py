"""Keeps Python's search for garbage short in processes that live long and must answer at once."""

import gc

# What waits for the next batch or the next answer is not garbage. Python's 700 would have it searched for cycles over
# and over: measured in the poll worker, a fifth of the processor time.
OBJECTS_BEFORE_COLLECTION = 50_000


def spare_what_is_loaded() -> None:
    """Call it when all is imported: that stays for good, and looking through it takes a quarter of a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
