"""A real SMTP server on loopback, which can be away, refuse, or fall silent in the middle of a mail."""

import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from bakery_iot.loopback import free_port


class Mailbox:
    """`mails` holds what was taken. `answer` says what becomes of the next ones; see `take`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self.tried = threading.Event()
        self.answer: Callable[[], str] = lambda: "250 OK"
        self._controller: Any = None

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.tried.set()
        answer = self.answer()
        if answer.startswith("250"):
            content = cast(bytes, envelope.original_content)
            self.mails.append(message_from_bytes(content, policy=policy.default))
        return answer

    def open(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def close(self) -> None:
        if self._controller:
            self._controller.stop()
            self._controller = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def subjects(self) -> list[str]:
        """Django folds a long one before its first word, which leaves a space."""
        return [str(mail["Subject"]).strip() for mail in self.mails]


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())
