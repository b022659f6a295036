from __future__ import annotations

import json
import math

import pytest

from textseg.lab.bench.inversion import ROUTES, measure_inversion, table
from textseg.progress import Progress


@pytest.fixture(scope="module")
def measured() -> tuple[dict, list[Progress]]:
    told: list[Progress] = []
    report = measure_inversion(
        scenes=1, seed=1, steps=(4,), strengths=(0.5, 1.0), progress=told.append
    )
    return report, told


def row(report: dict, up: str, down: str, *, strength: float, prompt: str = "empty") -> dict:
    wanted = {"up": up, "down": down, "strength": strength, "prompt": prompt}
    (found,) = [row for row in report["rows"] if wanted.items() <= row.items()]
    return found


def test_every_route_is_measured_with_each_prompt_to_each_strength(measured) -> None:
    report, _ = measured
    routes = sum(len(downs) for downs in ROUTES.values())
    assert len(report["rows"]) == 2 * 2 * routes
    assert all(math.isfinite(row["error"] + row["psnr"]) for row in report["rows"])
    assert (report["scenes"], report["seed"]) == (1, 1)
    assert json.loads(json.dumps(report)) == report


@pytest.mark.parametrize(
    ("up", "down", "to_half", "to_noise"),
    [
        ("euler", "euler", 4, 8),
        ("fixed_point 3", "euler", 8, 16),
        ("reused_midpoint", "reused_midpoint", 6, 10),
        ("reused_midpoint", "dpm_solver_2m", 5, 9),
    ],
)
def test_evaluations_are_those_of_the_way_up_and_down(
    measured, up: str, down: str, to_half: int, to_noise: int
) -> None:
    report, _ = measured
    assert row(report, up, down, strength=0.5)["evaluations"] == to_half
    assert row(report, up, down, strength=1.0)["evaluations"] == to_noise


def test_second_order_brings_the_picture_back_and_the_decoded_one_shows_it(measured) -> None:
    report, _ = measured
    plain = row(report, "euler", "euler", strength=0.5)
    second = row(report, "reused_midpoint", "reused_midpoint", strength=0.5)
    assert second["error"] < plain["error"] / 2
    assert plain["psnr"] < second["psnr"] <= report["psnr_autoencoder"] + 0.5


def test_the_prompt_matters(measured) -> None:
    report, _ = measured
    empty, caption = (
        row(report, "euler", "euler", strength=1.0, prompt=prompt)
        for prompt in ("empty", "caption")
    )
    assert empty["error"] != caption["error"]


def test_progress_runs_from_nothing_to_all(measured) -> None:
    _, told = measured
    assert [(report.step, report.of) for report in told] == [(0, 2), (1, 2), (2, 2)]


def test_the_table_has_a_line_for_each_row(measured) -> None:
    report, _ = measured
    lines = table(report).splitlines()
    assert len(lines) == 2 + len(report["rows"])
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2].startswith("| euler | euler | empty | 4 | 0.5 | 4 | 0.")
