"""What OPC 30200 (commercial kitchen equipment) says of ovens, as a table of our own: names, types, units, rules.

Source: the public nodeset of 2019-07-12; a test compares them. Also the unit codes of OPC UA (UNECE) that occur.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

DI = "http://opcfoundation.org/UA/DI/"
CKE = "http://opcfoundation.org/UA/CommercialKitchenEquipment/"
UNIT_NAMESPACE = "http://www.opcfoundation.org/UA/units/un/cefact"
UNIT_IDS: Mapping[str, int] = {
    "°C": 4408652,
    "%": 20529,
    "s": 5457219,
    "h": 4740434,
    "kWh": 4937544,
    "Wh": 5720146,
    "kg": 4933453,
}
DEVICE_SET, DEVICE_FEATURES = 5001, 15034
# Type -> (number, what it is derived from). DI 1.04.
DI_TYPES: Mapping[str, tuple[int, str]] = {
    "TopologyElementType": (1001, "BaseObjectType"),
    "ComponentType": (15063, "TopologyElementType"),
    "DeviceType": (1002, "ComponentType"),
    "FunctionalGroupType": (1005, "FolderType"),
}
MANDATORY, OPTIONAL = "mandatory", "optional"
MANDATORY_MANY, OPTIONAL_MANY = "one or more", "any number"  # numbered: `_<No.>`


class Variable(NamedTuple):
    name: str
    type: str  # of OPC UA, or an enumeration below
    rule: str = OPTIONAL
    unit: str | None = None


@dataclass(frozen=True)
class Type:
    """An object type: its number in the nodeset, what it is derived from, and what its objects have."""

    number: int
    base: str
    variables: Sequence[Variable] = ()
    properties: Sequence[Variable] = ()
    parts: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # name -> (type, rule)


# `_<No.>` is how the nodeset writes that there may be several.
TYPES: Mapping[str, Type] = {
    "BatchInformationType": Type(
        1002,
        "BaseObjectType",
        properties=(
            Variable("BatchId", "String", MANDATORY),
            Variable("OrderId", "String", MANDATORY),
            Variable("SystemTime", "UtcTime", MANDATORY),
            Variable("LocalTime", "TimeZoneDataType"),
        ),
    ),
    "KitchenDeviceParameterType": Type(
        1004,
        "BaseObjectType",
        (
            Variable("ProgramId", "Int32"),
            Variable("ProgramName", "LocalizedText"),
            Variable("ProgramUId", "Guid"),
        ),
    ),
    "CommercialKitchenDeviceType": Type(
        1005,
        "DeviceType",
        properties=(Variable("DeviceClass", "String", MANDATORY), Variable("DeviceLocationName", "String")),
        parts={
            "BatchInformation": ("BatchInformationType", OPTIONAL),
            "ErrorConditions": ("BaseObjectType", MANDATORY),
            "InformationConditions": ("BaseObjectType", MANDATORY),
            "HACCPValues": ("FunctionalGroupType", OPTIONAL),
        },
    ),
    "CombiSteamerParameterType": Type(
        1010,
        "KitchenDeviceParameterType",
        (
            Variable("CombiSteamerMode", "CombiSteamerModeEnumeration", MANDATORY),
            Variable("SpecialCookingMode", "SpecialCookingModeEnumeration"),
            Variable("SetTemperature", "Float", MANDATORY, "°C"),
            Variable("ActualTemperatureChamber_<No.>", "Float", MANDATORY_MANY, "°C"),
            Variable("SetProcessTimeProgram", "Int32", MANDATORY, "s"),
            Variable("TimeRemainingProgram", "Int32", MANDATORY, "s"),
            Variable("SetProcessTimeStep", "Int32", OPTIONAL, "s"),
            Variable("TimeRemainingStep", "Int32", OPTIONAL, "s"),
            Variable("SetInternalCoreTemperature", "Float", OPTIONAL, "°C"),
            Variable("ActualInternalCoreTemperature_<No.>", "Float", OPTIONAL_MANY, "°C"),
            Variable("SetExternalCoreTemperature", "Float", OPTIONAL, "°C"),
            Variable("ActualExternalCoreTemperature_<No.>", "Float", OPTIONAL_MANY, "°C"),
            Variable("SetHumidity", "Int32", OPTIONAL, "%"),
            Variable("ActualHumidity", "Int32", OPTIONAL, "%"),
            Variable("IsDoorOpen", "Boolean", MANDATORY),
            Variable("IsEnergySavingActive", "Boolean"),
            Variable("IsLoaActive", "Boolean"),
            Variable("IsSteamExhaustSystemActive", "Boolean"),
        ),
    ),
    "CombiSteamerDeviceType": Type(
        1011,
        "CommercialKitchenDeviceType",
        properties=(
            Variable("EnergySource", "EnergySourceEnumeration", MANDATORY),
            Variable("IsWithAutomaticCleaning", "Boolean", MANDATORY),
            Variable("IsWithInternalCoreTempSensor", "Boolean", MANDATORY),
            Variable("IsWithExternalCoreTempSensor", "Boolean", MANDATORY),
            Variable("IsWithSousvideTempSensor", "Boolean", MANDATORY),
        ),
        parts={"CombiSteamer": ("CombiSteamerParameterType", MANDATORY)},
    ),
    "ChamberType": Type(
        1012,
        "KitchenDeviceParameterType",
        (
            Variable("OperationMode", "ChamberModeEnumeration", MANDATORY),
            Variable("TimeRemaining", "Int32", OPTIONAL, "s"),
            Variable("SetProcessTimeProgram", "Int32", OPTIONAL, "s"),
            *(
                variable
                for place in ("Chamber", "Top", "Bottom", "Core", "Boiler")
                for variable in (
                    Variable(f"Set{place}Temperature", "Float", OPTIONAL, "°C"),
                    Variable(f"Actual{place}Temperature_<No.>", "Float", OPTIONAL_MANY, "°C"),
                )
            ),
            Variable("SetHumidity", "Float", OPTIONAL, "%"),
            Variable("ActualHumidity_<No.>", "Float", OPTIONAL_MANY, "%"),
            Variable("SetFanSpeed", "Int32", OPTIONAL, "%"),
            Variable("ActualFanSpeed_<No.>", "Int32", OPTIONAL_MANY, "%"),
            Variable("IsReadyToStart", "Boolean"),
            Variable("IsProgramEnd", "Boolean"),
            Variable("IsDoorOpen", "Boolean"),
        ),
    ),
    "OvenDeviceType": Type(
        1013, "CommercialKitchenDeviceType", parts={"Chamber_<No.>": ("ChamberType", MANDATORY_MANY)}
    ),
    "MicrowaveCombiOvenParameterType": Type(
        1033,
        "KitchenDeviceParameterType",
        (
            Variable("OperatingMode", "OperatingModeEnumeration", MANDATORY),
            Variable("ActualTemperatureChamber", "Float", MANDATORY, "°C"),
            Variable("SetTemperature", "Float", MANDATORY, "°C"),
            Variable("SetProcessTime", "Int32", MANDATORY, "s"),
            Variable("RemainingProcessTime", "Int32", MANDATORY, "s"),
            Variable("RemainingProcessTimeStep", "Int32", OPTIONAL, "s"),
            Variable("FanSpeed", "Int32", OPTIONAL, "%"),
            Variable("MicrowaveEnergy", "Int32", OPTIONAL, "%"),
            Variable("CookingStep", "Int32"),
            Variable("IsDoorOpen", "Boolean", MANDATORY),
        ),
    ),
    "MicrowaveCombiOvenDeviceType": Type(
        1034,
        "CommercialKitchenDeviceType",
        parts={"MicrowaveCombiOven": ("MicrowaveCombiOvenParameterType", MANDATORY)},
    ),
}
# Name -> (number, its words from 0 on).
ENUMERATIONS: Mapping[str, tuple[int, Sequence[str]]] = {
    "EnergySourceEnumeration": (3002, ("Electric", "Gas", "Steam")),
    "CombiSteamerModeEnumeration": (
        3006,
        ("Off", "On", "Preheat", "StandBy", "Steaming", "CombiSteaming", "HotAir", "Perfection", "Cleaning",
         "PresetStart", "Error"),
    ),
    "SpecialCookingModeEnumeration": (
        3007,
        ("NoSpecialMode", "Baking", "SousVide", "RestStage", "Humidification", "PerfectHold", "InfoStep", "Smoking",
         "LowTemp-Cooking", "DeltaTSteaming"),
    ),
    "ChamberModeEnumeration": (
        3008,
        ("NoSpecialMode", "Off", "Autostart", "Standby", "PreHeat", "CoolDown", "Working", "Cleaning", "EnergySave",
         "ServiceMode", "QuickCool", "FlashFreeze", "ProofingInterruption", "ProofingDelay", "Proofing", "Setting",
         "Defrost", "Baking", "Steaming"),
    ),
    "OperatingModeEnumeration": (
        3023,
        ("Preheat", "CoolDown", "Process", "PowerSaving", "Standby", "Service", "Cleaning", "Off", "Error"),
    ),
}  # fmt: skip
# DI's own properties of every device, as OPC 30200 fills them.
IDENTITY: Mapping[str, str] = {
    "DeviceClass": "String",
    "Manufacturer": "LocalizedText",
    "Model": "LocalizedText",
    "SerialNumber": "String",
    "SoftwareRevision": "String",
}


def number_of(word: str, enumeration: str) -> int:
    return ENUMERATIONS[enumeration][1].index(word)


def list_variables(name: str) -> Sequence[Variable]:
    """All of a type, those of what it is derived from included."""
    found = TYPES[name]
    inherited = list_variables(found.base) if found.base in TYPES else ()
    return (*inherited, *found.variables)
