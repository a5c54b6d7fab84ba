"""The settings of a Rational unit: live values over one of two ways, and an API client for its records.

The published OPC UA server needs an endpoint that begins with opc.tcp://; the REST configuration of the integration
guide, which no public document describes, begins with https://.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator

from .base import ConnectorConfig, Settings
from .cloud import AccountCredentials, CloudConfig, CloudOptions, FieldName, StatusPath
from .errors import ConfigurationError
from .http_settings import Address, EmptyIsNone, Pem, check_endpoint
from .mapping_settings import JmesPath
from .opc_ua_settings import OpcUaConfig, OpcUaCredentials, OpcUaOptions
from .validation import describe_validation_error

OPC_UA_ENDPOINT = "opc.tcp://app.connectedcooking.com:4840/OPCUA/ConnectedCooking"
REST_API = "https://app.connectedcooking.com"
_NEEDED_TOGETHER = "This is needed to fetch HACCP records; leave out client_id, client_secret and haccp if you do not."
_OPC_UA_ONLY = ("security_mode", "security_policy", "server_certificate", "verify_server_certificate")
_REST_ONLY = (
    "sign_in_endpoint",
    "status_endpoint",
    "username_field",
    "password_field",
    "token_path",
    "expires_path",
    "token_header",
    "token_prefix",
    "temperature_unit",
    "timezone",
    "states",
)
_TLS = ("verify_ssl", "ca_file", "ca_pem", "server_name")

Transport = Literal["opcua", "rest_assumed"]
HaccpField = Literal[
    "batch_id",
    "serial_number",
    "name",
    "group_name",
    "device_name",
    "started_at",
    "updated_at",
    "finished",
    "total_seconds",
    "core_temperature_reached",
    "temperature_unit",
]


class RationalCredentials(AccountCredentials):
    """The account's; client id and secret are those of an API client of the type "Base API"."""

    client_id: Annotated[str | None, EmptyIsNone] = Field(default=None, max_length=500)
    client_secret: Annotated[SecretStr | None, EmptyIsNone] = Field(default=None, max_length=10_000)


class HaccpOptions(Settings):
    """The published REST interface. What its public pages leave open, above all the sign-in, can be set."""

    base_url: Annotated[str, AfterValidator(check_endpoint)] = Field(default=REST_API, max_length=2000)
    token_url: Address = Field(min_length=1, description="Where client id and secret get a token: address or path.")
    token_request: Literal["form", "json", "basic"] = Field(
        default="form", description="How they are sent: as a form, as JSON, or in the header (HTTP Basic)."
    )
    client_id_field: FieldName = "client_id"
    client_secret_field: FieldName = "client_secret"
    grant_type: str = Field(default="client_credentials", max_length=100, description="Empty: not sent.")
    scope: str = Field(default="", max_length=1000)
    token_field: JmesPath = "access_token || token || accessToken"
    expires_field: JmesPath = "expires_in || expiresIn"
    haccp_path: Address = "/api/public/haccp-service/haccps"
    programmes_path: Address = "/api/public/cooking-programs"
    group_id: int | None = Field(default=None, ge=0, description="Only this group of the account and those below it.")
    unfinished: bool = Field(default=False, description="Fetch batches that are still running, too.")
    entries: bool = Field(default=False, description="Fetch the single measurements of each batch, too.")
    programmes: bool = Field(default=True, description="Fetch the list of cooking programmes.")
    days: int = Field(default=30, ge=1, le=31, description="How far back to look at most; the cloud keeps a month.")
    fields: dict[HaccpField, JmesPath] = Field(default={}, description="Where in a batch a value is, if not found.")


class RationalOptions(CloudOptions):
    timeout: float = Field(default=15, gt=0, le=60, allow_inf_nan=False, description="Seconds one reading may take.")
    unit_id: str = Field(min_length=1, max_length=200, description="The unit's id in ConnectedCooking.")
    transport: Transport | None = Field(default=None, description="As the address says: opc.tcp:// or https://.")
    security_mode: Literal["Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    security_policy: Literal["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"] = "Basic256Sha256"
    server_certificate: Annotated[Pem | None, EmptyIsNone] = Field(
        default=None, max_length=100_000, description="The OPC UA server's certificate, to accept no other."
    )
    verify_server_certificate: bool = True
    sign_in_endpoint: Address = "/auth/login"
    status_endpoint: StatusPath = "/units/{id}/status"
    haccp: HaccpOptions | None = None


class RationalConfig(ConnectorConfig):
    endpoint: str = Field(default=OPC_UA_ENDPOINT, min_length=1, max_length=2000)
    credentials: RationalCredentials = Field(default={}, validate_default=True)
    additional_config: RationalOptions = Field(default={}, validate_default=True)

    @property
    def transport(self) -> Transport:
        return "rest_assumed" if self.endpoint.strip().lower().startswith(("http:", "https:")) else "opcua"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wrong = self._list_wrong_transport() | self._list_missing_records()
        if wrong:
            # Not a ValueError: those cannot say which field they mean.
            raise ConfigurationError(fields=wrong)
        try:
            if self.transport == "opcua":
                self.opc_ua_config()
            else:
                self.rest_config()
        except ValidationError as error:
            raise ConfigurationError(fields=describe_validation_error(error, RationalConfig)) from None
        return self

    def _list_wrong_transport(self) -> dict[str, str]:
        options, transport = self.additional_config, self.transport
        if options.transport not in (None, transport):
            begins = "opc.tcp://" if options.transport == "opcua" else "https://"
            return {"endpoint": f"With the transport {options.transport} the address begins with {begins}."}
        foreign = _REST_ONLY if transport == "opcua" else _OPC_UA_ONLY
        other = "https:// (rest_assumed)" if transport == "opcua" else "opc.tcp:// (opcua)"
        sentence = f"This only counts with an address that begins with {other}."
        untouched = RationalOptions(unit_id=options.unit_id)  # a form may send every option as it found it
        changed = [name for name in foreign if getattr(options, name) != getattr(untouched, name)]
        return {f"additional_config.{name}": sentence for name in changed}

    def _list_missing_records(self) -> dict[str, str]:
        given = {
            "credentials.client_id": self.credentials.client_id,
            "credentials.client_secret": self.credentials.client_secret,
            "additional_config.haccp": self.additional_config.haccp,
        }
        if all(given.values()) or not any(given.values()):
            return {}
        missing = dict.fromkeys((name for name, value in given.items() if not value), _NEEDED_TOGETHER)
        if missing.pop("additional_config.haccp", None):
            missing["additional_config.haccp.token_url"] = (
                "Enter where client id and secret get a token; Rational's help page “Authentication” names it."
            )
        return missing

    def opc_ua_config(self) -> OpcUaConfig:
        options = self.additional_config
        chosen = {name: getattr(options, name) for name in ("timeout", *_OPC_UA_ONLY)}
        return OpcUaConfig(
            endpoint=self.endpoint,
            port=self.port,
            credentials=OpcUaCredentials(username=self.credentials.username, password=self.credentials.password),
            additional_config=OpcUaOptions(profile="cke", device=options.unit_id, **chosen),
        )

    def rest_config(self) -> CloudConfig:
        options = self.additional_config
        chosen = {name: getattr(options, name) for name in ("timeout", *_TLS, *_REST_ONLY)}
        credentials = AccountCredentials(username=self.credentials.username, password=self.credentials.password)
        return CloudConfig(
            endpoint=self.endpoint, port=self.port, credentials=credentials, additional_config=CloudOptions(**chosen)
        )
