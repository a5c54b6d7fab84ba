"""E-mail over the SMTP server of EMAIL_URL.

SMTP has no exactly-once: a server that took a mail and whose answer was lost gets it again. The same Message-ID then
lets mailboxes know the second one.
"""

import smtplib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from alerts.channel_errors import DeliveryError, ReceiverAwayError, RefusedError, TryLaterError
from alerts.messages import absolute, compose
from alerts.models import Notification
from alerts.selectors import name_of

NOT_SET_UP = "E-mail is not set up on this server. Whoever runs it sets EMAIL_URL."


def is_set_up() -> bool:
    return bool(settings.EMAIL_HOST)


def send(rows: Sequence[Notification]) -> str:
    """One mail for all rows: they are for one person. Returns the result's sentence."""
    user = rows[0].user
    if user is None or not user.email:
        raise RefusedError("This person has no e-mail address. Enter one under People.")
    if not is_set_up():
        raise ReceiverAwayError(NOT_SET_UP)
    message = compose([row.event for row in rows if row.event], name_of(user) or "")
    context = {"message": message, "settings_url": absolute(reverse("my_messages"))}
    host = urlsplit(settings.PUBLIC_URL).hostname
    headers = {"Message-ID": f"<{rows[0].message_id}@{host}>", "Auto-Submitted": "auto-generated"}
    if message.tag:  # a mail program shows all of one alert as one conversation
        headers["References"] = f"<{message.tag}@{host}>"
    mail = EmailMultiAlternatives(
        message.subject, render_to_string("alerts/mail.txt", context), to=[user.email], headers=headers
    )
    mail.attach_alternative(render_to_string("alerts/mail.html", context), "text/html")
    with sorted_errors():
        mail.send()
    return f"Taken by the mail server for {user.email}."


@contextmanager
def sorted_errors() -> Iterator[None]:
    """Without the server's own words: they may repeat the password's user or what was sent."""
    try:
        yield
    except tuple(ERRORS) as error:
        make = next(make for kind, make in ERRORS.items() if isinstance(error, kind))
        raise make(error) from None


def _recipient_refused(error: Exception) -> DeliveryError:
    answers = getattr(error, "recipients", {}).values()
    if all(code >= 500 for code, _ in answers):
        return RefusedError("The mail server does not take mail for this address. Check its spelling under People.")
    return TryLaterError("The mail server does not take mail for this address at the moment.")


def _content_refused(error: Exception) -> DeliveryError:
    if getattr(error, "smtp_code", 0) >= 500:
        return RefusedError("The mail server refused this message. Ask whoever runs it why.")
    return TryLaterError("The mail server does not take this message at the moment.")


def _away(sentence: str) -> Callable[[Exception], DeliveryError]:
    return lambda error: ReceiverAwayError(sentence)


# Narrowest first.
ERRORS: dict[type[Exception], Callable[[Exception], DeliveryError]] = {
    smtplib.SMTPRecipientsRefused: _recipient_refused,
    smtplib.SMTPAuthenticationError: _away("The mail server refuses our user name or password. Correct EMAIL_URL."),
    smtplib.SMTPSenderRefused: _away("The mail server refuses our sender's address. Correct DEFAULT_FROM_EMAIL."),
    smtplib.SMTPDataError: _content_refused,
    smtplib.SMTPException: _away("The mail server broke the conversation off."),
    TimeoutError: _away("The mail server did not answer in time."),
    OSError: _away("The mail server cannot be reached."),
    ValueError: lambda error: RefusedError("This e-mail address cannot be used. Correct it under People."),
}
