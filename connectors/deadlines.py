"""A time limit for what is done a thousand times a second: all those of a loop share one timer.

`asyncio.timeout` arms a timer of its own each time, which costs more than many of the questions it is to guard.
"""

import asyncio
from types import TracebackType
from weakref import WeakKeyDictionary

GRAIN_SECONDS = 0.05  # by so much a limit may strike late
_ROUNDING_SECONDS = 0.002  # uvloop's clock counts in thousandths


class _Watch:
    """The limits of one loop, by the moment at which they strike. Its timer runs while there are any.

    Nearly all are over long before, so it wakes for the first one that is not, and not for each moment. It does not
    know its loop, not even by a timer: that would keep it alive, and with it each loop that ever set a limit.
    """

    def __init__(self) -> None:
        self._slots: dict[int, set[TimeLimit]] = {}
        self._next: int | None = None  # the slot that the timer is for

    def add(self, loop: asyncio.AbstractEventLoop, limit: "TimeLimit", seconds: float) -> "set[TimeLimit]":
        slot = int((loop.time() + seconds) / GRAIN_SECONDS) + 1
        if (limits := self._slots.get(slot)) is None:
            limits = self._slots[slot] = set()
        limits.add(limit)
        if self._next is None or slot < self._next:
            self._arm(loop, slot)
        return limits

    def _arm(self, loop: asyncio.AbstractEventLoop, slot: int) -> None:
        self._next = slot
        loop.call_at(slot * GRAIN_SECONDS + _ROUNDING_SECONDS, self._strike)

    def _strike(self) -> None:
        loop = asyncio.get_running_loop()
        now = int(loop.time() / GRAIN_SECONDS)
        if self._next is None or self._next > now:
            return  # a timer from before a nearer one was needed
        for slot in [slot for slot, limits in self._slots.items() if slot <= now or not limits]:
            for limit in self._slots.pop(slot):
                limit.strike()
        self._next = None
        if self._slots:
            self._arm(loop, min(self._slots))


_watches: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch]" = WeakKeyDictionary()


class TimeLimit:
    """`with TimeLimit(seconds):` raises TimeoutError if what is awaited inside takes longer, like asyncio.timeout.

    Who knows the running loop gives it: to find it asks the system for the process's number, in Python 3.11 each time.
    """

    __slots__ = ("_seconds", "_loop", "_task", "_cancelling", "_among", "_struck")

    def __init__(self, seconds: float, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._seconds = seconds
        self._loop = loop
        self._struck = False

    def __enter__(self) -> None:
        loop = self._loop or asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("A time limit needs a task that it can interrupt.")
        if (watch := _watches.get(loop)) is None:
            watch = _watches[loop] = _Watch()
        self._task, self._cancelling = task, task.cancelling()
        self._among = watch.add(loop, self, self._seconds)

    def strike(self) -> None:
        self._struck = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._among.discard(self)
        # Somebody else may have cancelled the task too; that goes on as it is.
        if self._struck and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error
