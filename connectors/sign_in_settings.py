"""The settings with which a machine's web server lets us in, and what a request carries under them."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal, Self

import httpx
from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from .base import Settings
from .errors import ConfigurationError
from .http_settings import Address, EmptyIsNone, HttpConfig, HttpOptions
from .mapping_settings import JmesPath
from .sign_in import Access, TokenRequest

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OWN_HEADERS = ("authorization", "cookie", "host", "content-length", "transfer-encoding", "connection")

Auth = Literal[
    "auto", "none", "bearer", "api_key", "basic", "digest", "oauth2_client_credentials", "oauth2_password", "sign_in"
]
_NEEDED: dict[str, tuple[str, ...]] = {
    "bearer": ("credentials.token",),
    "api_key": ("credentials.api_key",),
    "basic": ("credentials.username", "credentials.password"),
    "digest": ("credentials.username", "credentials.password"),
    "oauth2_client_credentials": (
        "credentials.client_id",
        "credentials.client_secret",
        "additional_config.token_url",
    ),
    "oauth2_password": ("credentials.username", "credentials.password", "additional_config.token_url"),
    "sign_in": ("credentials.username", "credentials.password", "additional_config.sign_in_endpoint"),
}


def _check_header_secret(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value().strip()
    if not text.isascii() or not text.isprintable():
        raise ValueError("This holds a character that cannot be sent. Copy it again, without line breaks.")
    return SecretStr(text)


def _check_header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("This is not the name of a header; write it like X-API-Key.")
    return name


HeaderSecret = Annotated[SecretStr, AfterValidator(_check_header_secret), Field(max_length=10_000)]
Secret = Annotated[SecretStr, Field(max_length=10_000)]
HeaderName = Annotated[str, AfterValidator(_check_header_name)]


class SignInCredentials(Settings):
    """All that is given is used; `additional_config.auth` says what is needed."""

    api_key: Annotated[HeaderSecret | None, EmptyIsNone] = None
    token: Annotated[HeaderSecret | None, EmptyIsNone] = None
    username: Annotated[str | None, EmptyIsNone] = Field(default=None, max_length=500)
    password: Annotated[Secret | None, EmptyIsNone] = None
    client_id: Annotated[str | None, EmptyIsNone] = Field(default=None, max_length=500)
    client_secret: Annotated[Secret | None, EmptyIsNone] = None


class SignInOptions(HttpOptions):
    auth: Auth = "auto"
    api_key_in: Literal["header", "query"] = "header"
    api_key_name: Annotated[HeaderName | None, EmptyIsNone] = Field(default=None, description="X-API-Key or api_key.")
    token_header: HeaderName = "Authorization"
    token_prefix: str = Field(default="Bearer", max_length=50, pattern=r"^[!-~]*$")
    token_url: Annotated[Address | None, EmptyIsNone] = Field(default=None, description="OAuth2 token address or path.")
    scope: str | None = Field(default=None, max_length=1000)
    client_auth: Literal["body", "basic"] = "body"
    sign_in_endpoint: Annotated[Address | None, EmptyIsNone] = Field(
        default=None, description="Path that takes user name and password as JSON and returns a token."
    )
    username_field: str = "username"
    password_field: str = "password"
    sign_in_extra: dict[str, str] = Field(default={}, max_length=20, description="More fields for the sign-in.")
    token_path: JmesPath = "access_token || token || accessToken"
    expires_path: JmesPath = "expires_in || expiresIn"
    headers: dict[HeaderName, str] = Field(default={}, max_length=20, description="More headers; no secrets here.")

    @field_validator("headers")
    @classmethod
    def _no_secrets_in_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        if any(name.lower().startswith(_OWN_HEADERS) for name in headers):
            raise ValueError("These headers we set ourselves; enter keys, tokens and passwords under credentials.")
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise ValueError("A header holds a character that cannot be sent.")
        return headers


class SignInConfig(HttpConfig):
    credentials: SignInCredentials = SignInCredentials()
    additional_config: SignInOptions = SignInOptions()

    @property
    def auth(self) -> str:
        """The way to sign in: as set, else what the given credentials are for."""
        given, options = self.credentials, self.additional_config
        if options.auth != "auto":
            return options.auth
        if options.sign_in_endpoint:
            return "sign_in"
        if given.username and options.token_url:
            return "oauth2_password"
        if given.client_id or given.client_secret or options.token_url:
            return "oauth2_client_credentials"
        if given.token:
            return "bearer"
        if given.username or given.password:
            return "basic"
        return "api_key" if given.api_key else "none"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        missing = dict.fromkeys(self._list_missing(), f"This is needed for auth {self.auth}.")
        if self.auth == "digest" and self.credentials.api_key and self.additional_config.api_key_in == "query":
            missing["additional_config.api_key_in"] = "With digest the key can only go into a header."
        if missing:
            # Not a ValueError: those cannot say which field they mean.
            raise ConfigurationError(fields=missing)
        return self

    def _list_missing(self) -> Iterator[str]:
        for path in _NEEDED.get(self.auth, ()):
            part, _, name = path.partition(".")
            if not getattr(getattr(self, part), name):
                yield path


def make_access(config: SignInConfig) -> Access:
    """What every request carries under these settings."""
    given, options, auth = config.credentials, config.additional_config, config.auth
    headers = dict(options.headers)
    query: dict[str, str] = {}
    if given.api_key and auth != "none":
        in_query = options.api_key_in == "query"
        name = options.api_key_name or ("api_key" if in_query else "X-API-Key")
        (query if in_query else headers)[name] = given.api_key.get_secret_value()
    if given.token and auth == "bearer":
        headers[options.token_header] = f"{options.token_prefix} {given.token.get_secret_value()}".strip()
    login = (given.username or "", given.password.get_secret_value() if given.password else "")
    schemes = {"basic": httpx.BasicAuth, "digest": httpx.DigestAuth}
    return Access(
        headers=headers,
        query=query,
        auth=schemes[auth](*login) if auth in schemes else None,
        token_request=_make_token_request(config, login),
        token_header=options.token_header,
        token_prefix=options.token_prefix,
    )


def _make_token_request(config: SignInConfig, login: tuple[str, str]) -> TokenRequest | None:
    given, options, auth = config.credentials, config.additional_config, config.auth
    make = partial(TokenRequest, token_path=options.token_path, expires_path=options.expires_path)
    if auth == "sign_in" and options.sign_in_endpoint:
        body = {**options.sign_in_extra, options.username_field: login[0], options.password_field: login[1]}
        return make(url=_address_of(config, options.sign_in_endpoint), json=body)
    if not auth.startswith("oauth2") or not options.token_url:
        return None
    form = {**options.sign_in_extra, "grant_type": auth.removeprefix("oauth2_")}
    client = (given.client_id or "", given.client_secret.get_secret_value() if given.client_secret else "")
    if auth == "oauth2_password":
        form |= {"username": login[0], "password": login[1]}
    if options.scope:
        form["scope"] = options.scope
    in_body = options.client_auth == "body"
    if in_body:
        form |= {key: value for key, value in zip(("client_id", "client_secret"), client, strict=True) if value}
    return make(
        url=_address_of(config, options.token_url), form=form, auth=None if in_body or not client[0] else client
    )


def _address_of(config: SignInConfig, text: str) -> httpx.URL:
    return httpx.URL(text if "://" in text else f"{str(config.base_url).rstrip('/')}{text}")
