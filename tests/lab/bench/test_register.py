"""`textseg bench register` on a few cases."""

from __future__ import annotations

import numpy as np
import pytest

from textseg.lab.bench import register as measured
from textseg.lab.bench.register import (
    HARMS,
    Harm,
    make_case,
    photographs,
    register_case,
    scenes,
    table,
)
from textseg.progress import Progress

RNG_SEED = 3


@pytest.fixture(scope="module")
def cat() -> np.ndarray:
    return photographs()[1]


def test_nothing_done_leaves_the_truth_everywhere(cat: np.ndarray) -> None:
    case = make_case(cat, Harm(), np.random.default_rng(RNG_SEED))
    assert cat.shape[0] != cat.shape[1]
    assert case.error(case.after, inside=True) < 0.003  # of 8 bits a channel
    assert np.array_equal(case.truth[case.mask == 0], case.before[case.mask == 0])
    assert case.error(case.before, inside=True) > 0.02


def test_what_was_done_to_all_of_it_is_undone(cat: np.ndarray) -> None:
    harm = HARMS["moved, zoomed, tinted"]
    found = register_case(make_case(cat, harm, np.random.default_rng(RNG_SEED)))
    assert found.inside_registered < found.inside / 3
    assert found.outside_registered < found.outside / 3
    assert not found.refused


def test_the_same_seed_is_the_same_case(cat: np.ndarray) -> None:
    harm = HARMS["and 4 patches outside"]
    first, again = (make_case(cat, harm, np.random.default_rng(1)) for _ in range(2))
    assert first.after.tobytes() == again.after.tobytes()


def test_scenes_are_of_those_that_are_for_calibration() -> None:
    assert [scene.shape for scene in scenes(0)] == [(128, 128, 3)] * 4
    assert scenes(0)[0].tobytes() != scenes(1)[0].tobytes()


def test_every_harm_has_a_row_for_both_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "photographs", lambda: photographs()[1:2])
    monkeypatch.setattr(measured, "scenes", lambda seed: scenes(seed)[:1])
    told: list[Progress] = []
    report = measured.measure_registration(repeats=1, progress=told.append)
    assert len(report["rows"]) == 2 * len(HARMS) == len(told) - 1
    lines = table(report).splitlines()
    assert lines[2].startswith("| photographs | nothing | 0.00")
    assert "seed 0" in lines[-1]
