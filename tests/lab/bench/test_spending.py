from __future__ import annotations

import json

import pytest

from textseg.lab.bench.spending import (
    RATIO,
    SHARE,
    Figure,
    Spending,
    measure_labelling,
    measure_picture,
)
from textseg.scene import load


def test_a_report_says_each_figure_beside_its_goal() -> None:
    report = Spending({"1 query": Figure(1.234, RATIO, "1.05 x"), "share": Figure(0.801, SHARE)})
    assert report.to_text().splitlines()[2:] == [
        "| 1 query | 1.23 x | 1.05 x |",
        "| share | 80% | |",
    ]
    assert json.loads(report.to_json())["1 query"]["value"] == 1.234
    assert Spending.from_json(report.to_json()) == report


def test_a_picture_is_followed_from_its_file_to_those_of_its_mask() -> None:
    found = measure_picture(load("picturebook", device="cpu"), (150, 200))
    *seconds, share = found.values()
    assert len(seconds) == 4
    network, refining = seconds[1].value, seconds[2].value
    assert min(network, refining) > 0
    assert network + refining <= sum(each.value for each in seconds)
    assert share.value == pytest.approx((network + refining) / sum(each.value for each in seconds))


def test_labelling_is_told_for_a_loop_and_for_workers() -> None:
    found = measure_labelling(load("picturebook", device="cpu"), 9, crews=[1])  # parts of 4
    loop, pace, ratio = (each.value for each in found.values())
    assert min(loop, pace) > 0
    assert ratio == pytest.approx(pace / loop)
