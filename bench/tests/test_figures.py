import json
import math
from pathlib import Path

import pytest

from bench.figures import Figure, show, write_file
from bench.ranks import percentile, ranks


def test_a_target_beside_a_floor_is_one_for_the_ratio() -> None:
    figure = Figure(part="modbus", name="cost", value=0.3, unit="ms", floor="bare", floor_value=0.15, target=2.2)
    assert figure.ratio == pytest.approx(2)
    assert figure.met


@pytest.mark.parametrize(("value", "met"), [(99.95, True), (99.8, False)])
def test_of_some_figures_more_is_better(value: float, met: bool) -> None:
    assert Figure(part="modbus", name="stored", value=value, target=99.9, at_least=True).met is met


def test_nothing_promised_is_neither_met_nor_missed() -> None:
    assert Figure(part="modbus", name="lateness p50", value=3).met is None


def test_the_file_names_commit_machine_and_options(tmp_path: Path) -> None:
    write_file(tmp_path / "new" / "bench.json", [Figure(part="a", name="b", value=math.nan)], {"ovens": 5})
    found = json.loads((tmp_path / "new" / "bench.json").read_text())
    assert found["options"] == {"ovens": 5}
    assert found["machine"]["processors"] > 0
    assert (found["figures"][0]["value"], found["figures"][0]["ratio"]) == (None, None)


def test_a_percentile_is_one_of_the_values() -> None:
    hundred = [float(number) for number in range(100)]
    assert (percentile(hundred, 0.5), percentile(hundred, 0.99)) == (50, 99)
    assert ranks([0.003, 0.001, 0.002]) == {"p50": 2, "p99": 3}


@pytest.mark.parametrize(
    ("number", "text"), [(None, ""), (1234.5, "1,234"), (0.04567, "0.04567"), (99.912, "99.91"), (math.nan, "none")]
)
def test_numbers_have_four_digits(number: float | None, text: str) -> None:
    assert show(number) == text
