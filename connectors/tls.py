"""How we check a machine's certificate. One SSL context per setting: making one costs as much as ten readings."""

import os
import ssl
import stat
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import certifi

from .errors import ConfigurationError

_LARGEST_FILE = 1 << 20


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """With what we sign in where a certificate takes the place of a password. PEM texts."""

    certificate: str
    private_key: str = field(repr=False)


class TlsSettings(NamedTuple):
    verify: bool = True
    ca_file: str | None = None
    ca_pem: str | None = None
    alpn: tuple[str, ...] = ("http/1.1",)
    client: ClientCertificate | None = None


def check_pem(text: str) -> str:
    """The pasted certificate, or a ValueError that says what is wrong with it."""
    if "PRIVATE KEY" in text:
        raise ValueError("This holds a private key. Paste only the certificate, and treat that key as known to others.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError, TypeError) as error:
        raise ValueError(
            "This is not a certificate. Paste the whole text from -----BEGIN CERTIFICATE----- "
            "to -----END CERTIFICATE-----."
        ) from error
    return text


def get_context(tls: TlsSettings) -> ssl.SSLContext:
    """A context for these settings; a changed CA file is noticed. ConfigurationError if it cannot be read."""
    if not tls.ca_file:
        return _build_context(tls, 0)
    try:
        found = os.stat(tls.ca_file)
        if not stat.S_ISREG(found.st_mode) or not 0 < found.st_size <= _LARGEST_FILE:
            raise OSError("not a file of certificates")  # a device, or a file of /proc, could go on for ever
        return _build_context(tls, found.st_mtime_ns)
    except (OSError, ValueError):
        # One sentence for every reason: it must not tell which files there are on the server.
        raise ConfigurationError(
            fields={
                "additional_config.ca_file": "The server that polls the machine finds no certificate at this path. "
                "Correct it, or paste the certificate into additional_config.ca_pem."
            }
        ) from None


@lru_cache(maxsize=256)
def _build_context(tls: TlsSettings, changed: int) -> ssl.SSLContext:
    if not tls.verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        # The system's store, which knows a company's own authority, and certifi's, which is there without a system's.
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
        # Machines come with certificates that are nobody's root and break rules of form; trust the one that was given.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if tls.ca_file or tls.ca_pem:
            context.load_verify_locations(cafile=tls.ca_file, cadata=tls.ca_pem)
    if tls.alpn:
        context.set_alpn_protocols(list(tls.alpn))
    if tls.client:
        _load_client(context, tls.client)
    return context


def _load_client(context: ssl.SSLContext, client: ClientCertificate) -> None:
    """OpenSSL takes keys from files only: one that nobody else can read, for this moment."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "client.pem")
        path.touch(mode=0o600)
        path.write_text(f"{client.certificate}\n{client.private_key}\n")
        context.load_cert_chain(path)
