"""The settings of every connector that speaks HTTP: endpoint, port, certificate."""

import re
from ipaddress import ip_address
from typing import Annotated, Self

import httpx
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from .base import ConnectorConfig, Options
from .errors import ConfigurationError
from .tls import check_pem

_LOOKS_LIKE_AN_IP = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?")


def check_endpoint(text: str) -> str:
    """An http or https address without user name, query or fragment."""
    address = text.strip()
    try:
        url = httpx.URL(address)
        host = url.host  # decodes international names, and may find that they break the rules
    except (httpx.InvalidURL, ValueError) as error:
        raise ValueError("This is not an address. Write it like https://192.168.1.20.") from error
    if url.scheme not in ("http", "https") or not host:
        raise ValueError("This must begin with http:// or https://, for example https://192.168.1.20.")
    if url.userinfo:
        raise ValueError("Take user name and password out of the address and enter them as credentials.")
    if url.query or url.fragment:
        raise ValueError("Enter only the address here; what follows ? belongs to the address path of the values.")
    if url.port is not None and not 0 < url.port < 65536:
        raise ValueError("A port is a number from 1 to 65535.")
    if "%" in host and ":" not in host:
        raise ValueError("The name of the machine holds a character that names cannot have. Check its spelling.")
    if _LOOKS_LIKE_AN_IP.fullmatch(host):
        try:
            ip_address(host)
        except ValueError as error:
            raise ValueError("Write an IP address as four numbers, for example 192.168.1.20.") from error
    return address.rstrip("/")


def check_path(text: str) -> str:
    """A path at the endpoint, perhaps with a query."""
    path = text.strip()
    if "://" in path or path.startswith("//") or "#" in path or not path.isprintable():
        raise ValueError("Enter only the path, for example /api/v1/status; the host belongs to `endpoint`.")
    return path if path.startswith(("/", "?")) or not path else f"/{path}"


def check_address(text: str) -> str:
    """A path at the endpoint, or a whole address: clouds often sign in at another host."""
    if "://" not in text:
        return check_path(text)
    base, mark, query = text.partition("?")
    return check_endpoint(base) + mark + query


UrlPath = Annotated[str, AfterValidator(check_path), Field(max_length=2000)]


EmptyIsNone = BeforeValidator(lambda value: None if value == "" else value)
Address = Annotated[str, AfterValidator(check_address), Field(max_length=2000)]


Pem = Annotated[str, AfterValidator(check_pem)]


class HttpOptions(Options):
    verify_ssl: bool = Field(default=True, description="Off only for a test: anyone in between could read along.")
    ca_file: Annotated[str | None, EmptyIsNone] = Field(
        default=None, description="Path of a file with certificates to trust, on our server."
    )
    ca_pem: Annotated[Pem | None, EmptyIsNone] = Field(
        default=None, max_length=100_000, description="The machine's certificate, or its authority's, pasted as text."
    )
    server_name: Annotated[str | None, EmptyIsNone] = Field(
        default=None, max_length=253, description="The name in the certificate, if it is not the address."
    )


class HttpConfig(ConnectorConfig):
    endpoint: Annotated[str, AfterValidator(check_endpoint)] = Field(
        min_length=1, max_length=2000, description="http:// or https:// and the machine's or its cloud's address."
    )
    additional_config: HttpOptions = HttpOptions()

    @model_validator(mode="after")
    def _one_port(self) -> Self:
        written = httpx.URL(self.endpoint).port
        if written and self.port and written != self.port:
            # Not a ValueError: those cannot say which field they mean.
            raise ConfigurationError(
                fields={"port": f"The address already names port {written}; leave one of them out."}
            )
        return self

    @property
    def base_url(self) -> httpx.URL:
        url = httpx.URL(self.endpoint)
        return url.copy_with(port=self.port) if self.port else url
