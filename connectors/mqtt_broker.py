"""One connection per event loop, broker and account, shared by its machines; it is made again when it breaks.

A broker knows one client by one name and throws the older one out, so nobody else may open a second one. It counts
the messages we have not acknowledged over all machines together.
"""

import asyncio
import math
import random
from contextlib import suppress

from .errors import ConfigurationError, ConnectorError, ResponseError, UnreachableError
from .mqtt_account import Account
from .mqtt_delivery import Distributor
from .mqtt_errors import TAKEN_OVER, lost_broker
from .mqtt_inbox import Inbox, Message
from .mqtt_link import Link

_LONGEST_PAUSE_SECONDS = 60.0
_LASTING_SECONDS = 30.0  # a connection that lived this long was a good one
_SHORT_LIVES = 3  # after so many we say that something is wrong
_TOPICS_AT_ONCE = 50
_COMMAND_PAUSE_SECONDS = 10.0
_STOP_SECONDS = 2.5
_PAUSE_SECONDS = 0.5
_MOST_COLLECTED = 1000
_VERSION = "additional_config.version"


class Broker:
    """The connection and its machines. Only `SharedBroker` makes one."""

    def __init__(self, account: Account, seconds: float) -> None:
        self.account = account
        self.sharers: set[SharedBroker] = set()
        self.ended: ConnectorError | None = None  # trying on would be wrong
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._link: Link | None = None
        self._tried: Link | None = None
        self._mail = Distributor(self._loop, patient=account.persistent)
        # Whether to speak MQTT 5, in the order of trying.
        self._versions: tuple[bool, ...] = {"5": (True,), "3.1.1": (False,)}.get(account.version, (True, False))
        self._session = 0
        self._sent: dict[str, float] = {}
        self._waiting_commands: dict[str, asyncio.TimerHandle] = {}
        self._hurry = asyncio.Event()
        self._attempt: asyncio.Future[None] = self._loop.create_future()
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._wake_all)

    def check(self) -> None:
        """Raises what ended the loop, if that was a bug."""
        if self._task.done() and not self._task.cancelled():
            self._task.result()

    def _wake_all(self, _: object) -> None:
        for inbox in self._mail.list_inboxes():
            inbox.stir()

    async def join(self, inbox: Inbox) -> None:
        """Take part, and subscribe. Raises what the broker says against it, or why there is none."""
        link = await self._ready()
        self._mail.welcome(inbox, link)
        await self._subscribe(link, [inbox])
        if inbox.refusal:
            raise inbox.refusal

    async def _ready(self) -> Link:
        """The connection. If there is none, one try is made at once, and its error raised."""
        while self._link is None:
            if self.ended:
                raise self.ended
            self.check()
            self._hurry.set()
            attempt = self._attempt
            await asyncio.wait((attempt, self._task), return_when=asyncio.FIRST_COMPLETED)
            if attempt.done():
                attempt.result()
        return self._link

    async def _subscribe(self, link: Link, inboxes: list[Inbox]) -> None:
        wanted = {topic: inbox.qos for inbox in inboxes for topic in inbox.topics}
        refused: dict[str, ConnectorError] = {}
        for qos in set(wanted.values()):
            topics = [topic for topic in wanted if wanted[topic] == qos]
            for start in range(0, len(topics), _TOPICS_AT_ONCE):
                refused |= await link.ask_for(topics[start : start + _TOPICS_AT_ONCE], qos)
        for inbox in inboxes:
            inbox.refusal = next((refused[topic] for topic in inbox.topics if topic in refused), None)
            inbox.session, inbox.trouble = self._session, None
            inbox.stir()

    def leave(self, inbox: Inbox, unfinished: list[Message]) -> None:
        """Its messages wait a while for the machine's next line, unacknowledged."""
        self._mail.see_off(inbox, unfinished, self._link)

    async def collect(self, machine: str, topics: tuple[str, ...], *, seconds: float) -> dict[str, bytes]:
        """What is retained under these topics: all that comes until there is a pause."""
        inbox, found = Inbox(machine, topics, 0), dict[str, bytes]()
        await self.join(inbox)
        end = self._loop.time() + seconds
        pause = self._loop.time() + _PAUSE_SECONDS
        try:
            while self._loop.time() < min(pause, end) and len(found) < _MOST_COLLECTED:
                await inbox.wait(min(pause, end))
                for message in inbox.take_all():
                    if message.retained:
                        found[message.topic] = message.payload
                        pause = self._loop.time() + _PAUSE_SECONDS
        finally:
            self.leave(inbox, [])
        return found

    def send(self, topic: str, payload: bytes) -> None:
        """A command, at most every ten seconds: several machines may want the same one. An earlier one has to wait."""
        if topic in self._waiting_commands:
            return
        turn = self._sent.get(topic, -math.inf) + _COMMAND_PAUSE_SECONDS
        if turn <= self._loop.time():
            self._send_now(topic, payload)
        else:
            self._waiting_commands[topic] = self._loop.call_at(turn, self._send_now, topic, payload)

    def _send_now(self, topic: str, payload: bytes) -> None:
        self._waiting_commands.pop(topic, None)
        if self._link:
            self._sent[topic] = self._loop.time()
            self._link.send(topic, payload)

    async def close(self) -> None:
        self._task.cancel()
        for command in self._waiting_commands.values():
            command.cancel()
        await asyncio.wait((self._task,), timeout=_STOP_SECONDS)
        self._mail.close()

    async def _run(self) -> None:
        failures = 0
        while self.ended is None:
            began = self._loop.time()
            try:
                await self._live(failures)
            except ConnectorError as error:
                self._fail(error)
            failures = 0 if self._loop.time() - began >= _LASTING_SECONDS else failures + 1
            if self.ended is None:
                await self._pause(failures)

    async def _live(self, failures: int) -> None:
        """One connection, from the first try to its loss. Raises why there was none."""
        link = await self._open()
        try:
            self._session += 1
            await self._subscribe(link, self._mail.list_inboxes())
            self._link = link
            self._sent.clear()
            self._settle(None)
            await asyncio.wait((link.lost,))
        finally:
            self._link = None
            await link.end()
        # One that breaks is made again within a second, which is not worth a word. But one that always breaks is.
        if link.lost.result() == TAKEN_OVER or failures >= _SHORT_LIVES:
            self._tell(lost_broker(self.account.broker.place, link.lost.result(), often=True))

    async def _open(self) -> Link:
        """A connection in the newest version of MQTT that the broker speaks."""
        mqtt5, *older = self._versions
        try:
            return await self._try(mqtt5=mqtt5, seconds=self._seconds / 3 if older else self._seconds)
        except ConnectorError as error:
            if not older or not self._is_about_version(error):
                raise
            link = await self._try(mqtt5=older[0], seconds=self._seconds)
            if error.code != "reset":
                self._versions = tuple(older)  # it said so, or said nothing; one that hung up may have been busy
            return link

    def _is_about_version(self, error: ConnectorError) -> bool:
        """Some brokers say that they do not know MQTT 5, some hang up, and some are silent."""
        said_so = isinstance(error, ConfigurationError) and _VERSION in error.fields
        reached = self._tried is not None and self._tried.is_dialled
        return said_so or (reached and isinstance(error, UnreachableError) and error.code in ("reset", "timeout"))

    async def _try(self, *, mqtt5: bool, seconds: float) -> Link:
        mail = self._mail
        self._tried = link = Link(
            self.account, mqtt5=mqtt5, seconds=seconds, connected=mail.begin_session, deliver=mail.deliver
        )
        try:
            await link.open()
        except BaseException:
            await link.end()
            raise
        return link

    def _fail(self, error: ConnectorError) -> None:
        if not error.retry:
            self.ended = error
        self._settle(error)
        self._tell(error)

    def _settle(self, error: ConnectorError | None) -> None:
        """Let go whoever waits for this try."""
        self._hurry.clear()
        attempt, self._attempt = self._attempt, self._loop.create_future()
        if error is None:
            attempt.set_result(None)
        else:
            attempt.set_exception(error)
            attempt.exception()  # asyncio complains of those nobody looked at

    def _tell(self, error: ConnectorError) -> None:
        for inbox in self._mail.list_inboxes():
            if error.retry:
                inbox.trouble = error
            else:
                inbox.refusal = error
            inbox.stir()

    async def _pause(self, failures: int) -> None:
        """1 to 60 s, never the same, so that not all come back to a restarted broker at once; or until hurried."""
        seconds = min(2.0 ** max(failures - 1, 0), _LONGEST_PAUSE_SECONDS) * random.uniform(1, 1.25)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, _LONGEST_PAUSE_SECONDS)):
                await self._hurry.wait()
        self._hurry.clear()


class SharedBroker:
    """A share in the loop's connection for one account; the last one to give it back closes it."""

    _brokers: dict[tuple[asyncio.AbstractEventLoop, Account], Broker] = {}

    def __init__(self, account: Account, *, seconds: float) -> None:
        self._key = (asyncio.get_running_loop(), account)
        self._check_client_id(account)
        found = self._brokers.get(self._key)
        if found is None or found.ended:
            found = self._brokers[self._key] = Broker(account, seconds)
        self.broker = found
        found.sharers.add(self)

    def _check_client_id(self, account: Account) -> None:
        for loop, other in self._brokers:
            same = (other.broker, other.client_id) == (account.broker, account.client_id)
            if loop is self._key[0] and same and other != account:
                raise ResponseError(
                    f"Another machine uses the client id {account.client_id!r} at {account.broker.place} with another "
                    "account, and the broker lets only one in. Give each account its own additional_config.client_id.",
                    code="configuration",
                )

    async def give_back(self) -> None:
        broker = self.broker
        if self not in broker.sharers:
            return
        broker.sharers.discard(self)
        if not broker.sharers:
            if self._brokers.get(self._key) is broker:
                del self._brokers[self._key]
            await broker.close()
