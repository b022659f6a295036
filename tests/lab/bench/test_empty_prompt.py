from __future__ import annotations

import pytest

from textseg.lab.bench import empty_prompt
from textseg.lab.bench.empty_prompt import distances, evidence_ratios
from textseg.scene import load


def test_captions_explain_their_own_scenes_and_not_others() -> None:
    found = evidence_ratios(load("picturebook"), scenes=8)
    assert found["own"] > 0.6
    assert -1.5 < found["other"] < -0.4


def test_pictures_are_compared_in_what_is_seen_in_them() -> None:
    found = distances(load("picturebook"), pictures=2)
    assert set(found) == {"settings", "kinds", "colors", "things"}
    assert all(0 <= distance <= 1 for distance in found.values())


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [("aab", "aba", 0.0), ("a", "b", 1.0), ("ab", "a", 0.5), ("", "a", 0.5)],
)
def test_distance_is_half_of_what_shares_differ_by(ours: str, theirs: str, expected: float) -> None:
    assert empty_prompt._distance(ours, theirs) == expected
