"""The form of a machine's connection, with the names of the API's request body.

Stored credentials do not enter the form: it knows which there are, and has an empty input for each.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, get_args

from django import forms
from pydantic import BaseModel, SecretStr
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from connectors import ConfigurationError, list_protocols
from connectors.preset import HOST, find_preset
from equipment import services
from equipment.credentials import may_reuse_credentials
from equipment.models import Equipment
from equipment.presets import list_preset_choices
from equipment.protocols import list_connectors
from equipment.validators import check_storable_json

CONNECTION_FIELDS = ("protocol", "endpoint", "port", "additional_config", "forget")


class Credential(NamedTuple):
    key: str
    secret: bool
    protocols: tuple[str, ...]

    @property
    def field(self) -> str:
        return f"credential_{self.key}"


@cache
def list_credentials() -> tuple[Credential, ...]:
    """Every credential of every protocol, once."""
    found: dict[str, Credential] = {}
    for protocol, connector in list_connectors():
        model: type[BaseModel] = connector.config_class.model_fields["credentials"].annotation
        for key, field in model.model_fields.items():
            known = found.get(key, Credential(key, False, ()))
            secret = known.secret or _holds_secret(field.annotation)
            found[key] = Credential(key, secret, (*known.protocols, protocol))
    return tuple(found.values())


def name_input(key: str) -> str:
    """What stands on the form for a key of the settings."""
    return key.replace("_", " ").capitalize()


def _holds_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_holds_secret(inner) for inner in get_args(annotation))


def _choices() -> list[tuple[str, str]]:
    return [("", "Not connected yet"), *list_protocols().items()]


class IndentedJSON(json.JSONEncoder):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "indent": 2})

    def encode(self, o: Any) -> str:
        # A refused text is shown again, and half of a surrogate pair cannot be sent: as the escape it was typed as.
        return super().encode(o).encode(errors="backslashreplace").decode()


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """A machine with its connection. Use the class from `connection_form`: it has the credentials' inputs too."""

    preset = forms.ChoiceField(
        label="Template",
        choices=list_preset_choices,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="Fills in what is known of the make and model. Everything can be changed afterwards.",
    )
    protocol = forms.ChoiceField(choices=_choices, required=False, widget=UnfoldAdminSelectWidget)
    endpoint = forms.CharField(
        label="Address",
        max_length=Equipment._meta.get_field("iot_endpoint").max_length,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "url"}),
        help_text=f"Where a template says {HOST}, enter the machine's own name or IP address.",
    )
    port = forms.IntegerField(min_value=1, max_value=65_535, required=False, widget=UnfoldAdminIntegerFieldWidget)
    additional_config = forms.JSONField(
        label="Further settings",
        required=False,
        encoder=IndentedJSON,
        validators=[check_storable_json],
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12, "spellcheck": "false"}),
        help_text="JSON, as in the API's additional_config.",
    )
    forget = forms.MultipleChoiceField(
        label="Remove stored", required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = Equipment
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored: Mapping[str, str] = self.instance.iot_credentials or {}
        config = self.instance.connector_config
        self.initial.setdefault("preset", self.instance.preset)
        self.initial.setdefault("protocol", self.instance.iot_protocol)
        for name in ("endpoint", "port", "additional_config"):
            self.initial.setdefault(name, config[name])
        self._keep_unknown_preset()
        if not self.instance.iot_protocol:
            self.initial["iot_enabled"] = True  # what is connected for the first time is meant to be read
        self.fields["forget"].choices = [(key, key) for key in sorted(self.stored)]  # type: ignore[attr-defined]
        for credential in list_credentials():
            stored = bool(self.stored.get(credential.key))
            self.fields[credential.field].help_text = "Stored. Empty: stays as it is." if stored else "Not stored."

    def _keep_unknown_preset(self) -> None:
        key = self.instance.preset
        if key and not find_preset(key):
            choices = [*list_preset_choices(), (key, f"{key} (not in this release)")]
            self.fields["preset"].choices = choices  # type: ignore[attr-defined]

    @property
    def posted(self) -> dict[str, Any]:
        """The settings in the shape of the API's body; without `credentials` when nothing was entered or removed."""
        settings = {key: self.cleaned_data.get(key) for key in ("protocol", "endpoint", "port")}
        settings["additional_config"] = self.cleaned_data.get("additional_config") or {}
        fields = {credential.key: self.cleaned_data.get(credential.field) for credential in list_credentials()}
        entered = {key: value for key, value in fields.items() if value}
        forgotten = set(self.cleaned_data.get("forget") or ())
        if entered or forgotten:
            stays = may_reuse_credentials(self.instance, settings)
            kept = {key: value for key, value in self.stored.items() if stays and key not in forgotten}
            settings["credentials"] = kept | entered
        return settings

    @property
    def connection_changed(self) -> bool:
        names = {*CONNECTION_FIELDS, *(credential.field for credential in list_credentials())}
        return bool(self.cleaned_data.get("protocol")) and not names.isdisjoint(self.changed_data)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if HOST in (cleaned.get("endpoint") or ""):
            self.add_error("endpoint", f"Enter the machine's own name or IP address in place of {HOST}.")
        if cleaned.get("protocol"):
            self._check_settings()
        elif self.instance.iot_protocol:
            self.add_error("protocol", "To stop reading the machine, untick “Connected”. The settings may stay.")
        elif cleaned.get("endpoint"):
            self.add_error("protocol", "Choose how the machine at this address speaks.")
        return cleaned

    def _check_settings(self) -> None:
        if self.connection_errors():
            return
        try:
            services.complete_settings(self.instance, self.posted)
        except ConfigurationError as error:
            for path, sentence in error.fields.items():
                part, _, rest = path.partition(".")
                name = f"credential_{rest}" if part == "credentials" else part
                inside = f"{rest}: " if rest and part == "additional_config" else ""
                self.add_error(name if name in self.fields else None, f"{inside}{sentence}")

    def connection_errors(self) -> dict[str, str]:
        """What is wrong with the connection alone; a name that is missing does not keep anyone from a test."""
        names = {*CONNECTION_FIELDS, *(credential.field for credential in list_credentials()), "__all__"}
        return {name: " ".join(map(str, found)) for name, found in self.errors.items() if name in names}


@cache
def connection_form() -> type[ConnectionForm]:
    """`ConnectionForm` with one input per credential. Made on first use: it loads every connector."""
    return type("EquipmentConnectionForm", (ConnectionForm,), {c.field: _input(c) for c in list_credentials()})


def _input(credential: Credential) -> forms.CharField:
    widget = UnfoldAdminPasswordWidget if credential.secret else UnfoldAdminTextInputWidget
    attributes = {"autocomplete": "new-password", "data-protocols": " ".join(credential.protocols)}
    return forms.CharField(
        label=name_input(credential.key),
        required=False,
        strip=False,
        max_length=10_000,
        widget=widget(attrs=attributes),
    )
