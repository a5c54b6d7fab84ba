NAMESPACE = "urn:bakery-iot:bench"
OVENS_PER_SERVER = 25


def node_of(oven: int, field: str) -> str:
    return f"oven_{oven}/{field}"
