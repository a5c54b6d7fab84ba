"""What the demo bakeries bake."""

from connectors.reading import CycleStage

from .plan import Programme, Stage

_STEAMING, _BAKING, _RESTING = CycleStage.STEAMING, CycleStage.BAKING, CycleStage.RESTING


def _bread(product: str, hot: float, bake: float, minutes: tuple[float, float, float], weight_kg: float) -> Programme:
    """Steam at the beginning, then baking, then drying the crust."""
    stages = (
        Stage(_STEAMING, minutes[0], hot, steam=True),
        Stage(_BAKING, minutes[1], bake),
        Stage(_RESTING, minutes[2], bake - 10),
    )
    return Programme(product, stages, weight_kg)


BAGUETTE = _bread("Baguettes", 245, 235, (1.5, 15.5, 3), 36)
COUNTRY_BREAD = _bread("Pan de pueblo", 250, 220, (2, 36, 6), 48)
CIABATTA = _bread("Chapatas", 245, 230, (1.5, 18.5, 4), 30)
MOLLETE = _bread("Molletes", 225, 215, (1, 12, 2), 24)
SPANISH_LOAF = _bread("Barras gallegas", 250, 225, (2, 28, 5), 40)
RYE_BREAD = _bread("Roggenmischbrot", 255, 210, (3, 47, 5), 60)
ROLLS = _bread("Brötchen", 240, 225, (1, 14.5, 2.5), 22)
PRETZELS = _bread("Laugenbrezeln", 225, 215, (0.5, 12.5, 1), 18)
SPELT_BREAD = _bread("Dinkelbrot", 240, 205, (2, 38, 5), 44)
CROISSANT = _bread("Croissants", 185, 175, (0.5, 14.5, 2), 12)
ENSAIMADA = _bread("Ensaimadas", 190, 180, (0.5, 13.5, 2), 14)
SPONGE_CAKE = Programme("Bizcochos", (Stage(_BAKING, 32, 170), Stage(_RESTING, 6, 150)), 16)
EMPANADA = Programme("Empanadas", (Stage(_BAKING, 26, 195), Stage(_RESTING, 4, 180)), 20)
