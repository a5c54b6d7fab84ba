"""The presets as a form needs them: to choose from, and what each fills in."""

from typing import Any

from connectors.preset import Preset, list_presets

GROUPS = {"maker": "Makers", "standard": "Standards", "any": "Any machine"}


def list_preset_choices() -> list[tuple[str, Any]]:
    """For a select with one group for each kind of template."""
    presets = list_presets().values()
    groups = [
        (title, [(preset.key, preset.label) for preset in presets if preset.group == group])
        for group, title in GROUPS.items()
    ]
    return [("", "None: I enter everything myself"), *groups]


def fill_from(preset: Preset) -> dict[str, Any]:
    """Field of the machine's form -> value. A make that the preset leaves open is left as it is."""
    about = {"manufacturer": preset.manufacturer, "model": preset.model}
    return {
        **{name: value for name, value in about.items() if value},
        **preset.connection,
        "protocol": preset.protocol,
        "type": preset.type,
        "poll_interval_seconds": preset.poll_interval_seconds,
        "temperature_zones": preset.capabilities.temperature_zones,
        "supports_humidity": preset.capabilities.humidity,
        "supports_energy_monitoring": preset.capabilities.energy,
        "supports_remote_control": preset.capabilities.remote_control,
    }
