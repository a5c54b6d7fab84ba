"""The demo's three bakeries and twelve ovens, as one table.

Whenever it starts, it starts in the middle of the working day; only the oven that keeps opening hours follows the sun.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zlib import crc32

from connectors.reading import OperationalStatus

from . import products
from .days import DaySpec, bakes_all_day, has_lost_its_burner, heats_up_thrice, is_cleaned_twice, keeps_shop_hours
from .payloads import Shape
from .plan import DayPlan, Programme
from .thermal import Body, Zone


@dataclass(frozen=True)
class BakerySpec:
    slug: str
    name: str
    time_zone: str


@dataclass(frozen=True)
class Start:
    """Where in its day an oven is when the demo begins: `part` of the first stretch of that kind after two hours."""

    status: OperationalStatus
    part: float = 0.5


@dataclass(frozen=True, kw_only=True)
class OvenSpec:
    key: str
    name: str
    bakery: BakerySpec
    place: str
    manufacturer: str
    model: str
    body: Body
    programmes: Sequence[Programme]
    day: Callable[[DaySpec], DayPlan]
    start: Start
    protocol: str = "rest_api"  # what the demo reads it by; every oven can also be asked over REST
    shape: Shape = Shape.GUIDE
    auth: str = "bearer"  # or api_key
    sample_seconds: int = 1  # how often the control measures anew
    keeps_hours: bool = False

    @property
    def seed(self) -> int:
        return crc32(self.key.encode())


def _decks(count: int) -> tuple[Zone, ...]:
    """The lowest deck is the hottest, and stone below is kept a little cooler than the elements above."""
    return tuple(
        Zone(name=f"deck_{number}_{side}", offset=-4 * (number - 1) + (5 if side == "top" else -5))
        for number in range(1, count + 1)
        for side in ("top", "bottom")
    )


RACK = Body(rated_kw=58, has_probe=True)
DECK_2 = Body(zones=_decks(2), ramp=8.8, loss=1 / 170, door=0.025, rated_kw=19)
DECK_3 = Body(zones=_decks(3), ramp=8.6, loss=1 / 180, door=0.025, rated_kw=29)
COMBI = Body(ramp=10.5, loss=1 / 110, rated_kw=19, has_probe=True)
SHOP_OVEN = Body(ramp=10, loss=1 / 100, door=0.07, rated_kw=9)
# Not in the demo fleet, which is ovens; the same physics with other figures.
PROOFER = Body(ramp=1.5, loss=1 / 90, door=0.05, rated_kw=3, idle_kw=0.1)
FRIDGE = Body(ramp=-0.8, loss=1 / 240, door=0.04, rated_kw=0.6, idle_kw=0.05)

SOL = BakerySpec("panaderia-del-sol", "Panadería del Sol", "Europe/Madrid")
TEIDE = BakerySpec("panaderia-el-teide", "Panadería El Teide", "Atlantic/Canary")
BACKSTUBE = BakerySpec("backstube-chamberi", "Backstube Chamberí", "Europe/Madrid")
BAKERIES = (SOL, TEIDE, BACKSTUBE)

_RUNNING, _IDLE, _OFF = OperationalStatus.RUNNING, OperationalStatus.IDLE, OperationalStatus.OFF

FLEET: tuple[OvenSpec, ...] = (
    OvenSpec(
        key="sol-1", name="Horno Principal #1", bakery=SOL, place="Obrador, izquierda",
        manufacturer="Hornos Guadarrama", model="Rotativo R16", body=RACK,
        programmes=(products.BAGUETTE, products.SPANISH_LOAF), day=bakes_all_day, start=Start(_RUNNING, 0.45),
    ),
    OvenSpec(
        key="sol-2", name="Horno de pisos #2", bakery=SOL, place="Obrador, derecha",
        manufacturer="Hornos Guadarrama", model="Solera 3", body=DECK_3, shape=Shape.TENTHS,
        programmes=(products.COUNTRY_BREAD, products.CIABATTA), day=bakes_all_day, start=Start(_RUNNING, 0.7),
    ),
    OvenSpec(
        key="sol-3", name="Horno de bollería", bakery=SOL, place="Pastelería",
        protocol="opc_ua", manufacturer="Levante Steam", model="Combi 10", body=COMBI, auth="api_key",
        programmes=(products.CROISSANT, products.ENSAIMADA, products.SPONGE_CAKE),
        day=is_cleaned_twice, start=Start(_RUNNING, 0.2),
    ),
    OvenSpec(
        key="sol-4", name="Horno de pisos #4", bakery=SOL, place="Obrador, fondo",
        protocol="modbus", manufacturer="Hornos Guadarrama", model="Solera 2", body=DECK_2,
        programmes=(products.CIABATTA, products.MOLLETE), day=heats_up_thrice, start=Start(_IDLE, 0.1),
    ),
    OvenSpec(
        key="teide-1", name="Horno rotativo norte", bakery=TEIDE, place="Planta baja, norte",
        manufacturer="Levante Steam", model="Carro 20", body=RACK, shape=Shape.FAHRENHEIT, auth="api_key",
        programmes=(products.MOLLETE, products.BAGUETTE), day=bakes_all_day, start=Start(_RUNNING, 0.3),
    ),
    OvenSpec(
        key="teide-2", name="Horno de piedra", bakery=TEIDE, place="Planta baja, sur",
        protocol="mqtt", manufacturer="Hornos Guadarrama", model="Solera 3", body=DECK_3,
        programmes=(products.COUNTRY_BREAD, products.SPANISH_LOAF), day=bakes_all_day, start=Start(_RUNNING, 0.88),
    ),
    OvenSpec(
        key="teide-3", name="Horno mixto", bakery=TEIDE, place="Cocina",
        protocol="rational", manufacturer="Rational", model="iCombi Pro 6-1/1", body=COMBI, sample_seconds=5,
        programmes=(products.EMPANADA, products.SPONGE_CAKE),
        day=is_cleaned_twice, start=Start(OperationalStatus.CLEANING, 0.3),
    ),
    OvenSpec(
        key="teide-4", name="Horno de tienda", bakery=TEIDE, place="Tienda",
        protocol="mqtt", manufacturer="Levante Steam", model="Mini 4", body=SHOP_OVEN, keeps_hours=True,
        programmes=(products.CROISSANT, products.MOLLETE), day=keeps_shop_hours, start=Start(_OFF),
    ),
    OvenSpec(
        key="backstube-1", name="Stikkenofen", bakery=BACKSTUBE, place="Backstube, hinten",
        protocol="ws", manufacturer="Ofenbau Isar", model="Stikken 18", body=RACK,
        programmes=(products.ROLLS,), day=has_lost_its_burner, start=Start(OperationalStatus.ERROR),
    ),
    OvenSpec(
        key="backstube-2", name="Etagenofen 1", bakery=BACKSTUBE, place="Backstube, links",
        protocol="wachtel", manufacturer="Wachtel", model="Etage 3", body=DECK_3, shape=Shape.TEXT, auth="api_key",
        programmes=(products.RYE_BREAD, products.SPELT_BREAD), day=bakes_all_day, start=Start(_RUNNING, 0.55),
    ),
    OvenSpec(
        key="backstube-3", name="Etagenofen 2", bakery=BACKSTUBE, place="Backstube, rechts",
        protocol="modbus", manufacturer="Ofenbau Isar", model="Etage 2", body=DECK_2, shape=Shape.TENTHS,
        programmes=(products.PRETZELS, products.ROLLS), day=bakes_all_day, start=Start(_RUNNING, 0.1),
    ),
    OvenSpec(
        key="backstube-4", name="Ladenbackofen", bakery=BACKSTUBE, place="Laden",
        protocol="opc_ua", manufacturer="Ofenbau Isar", model="Laden 5", body=SHOP_OVEN,
        programmes=(products.ROLLS, products.PRETZELS), day=bakes_all_day, start=Start(_IDLE, 0.7),
    ),
)  # fmt: skip
