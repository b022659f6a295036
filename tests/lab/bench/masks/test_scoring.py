from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from textseg.lab.bench.masks.figures import flatten, gather
from textseg.lab.bench.masks.scoring import (
    Tally,
    class_ious,
    count,
    single_class_iou,
    summarize,
)
from textseg.lab.bench.segment import THRESHOLDS

Mask = NDArray[np.bool_]


def tally(both: int, either: int, *, there: bool | None = True, alone: bool = False) -> Tally:
    return Tally(there, alone, 100, (both,), (either,))


def mask(*columns: int) -> Mask:
    """The given columns of a picture of 4 x 10."""
    found = np.zeros((4, 10), bool)
    found[:, list(columns)] = True
    return found


def test_mean_over_classes_sums_over_the_set_and_mean_over_pictures_does_not() -> None:
    asked = [{"tree": tally(1, 2)}, {"tree": tally(9, 10)}, {"house": tally(3, 4)}]
    of_classes = summarize(asked, mean="classes", every=False)
    of_pictures = summarize(asked, mean="pictures", every=False)
    assert of_classes["iou"] == pytest.approx((10 / 12 + 3 / 4) / 2)
    assert of_pictures["iou"] == pytest.approx((1 / 2 + 9 / 10 + 3 / 4) / 3)


def test_what_is_found_where_it_is_not_counts_when_everything_was_asked_everywhere() -> None:
    asked = [{"tree": tally(6, 8)}, {"tree": tally(0, 4, there=False)}]
    assert class_ious(asked, every=True)[0] == pytest.approx(6 / 12)
    assert class_ious(asked, every=False)[0] == pytest.approx(6 / 8)


def test_class_that_is_in_no_picture_is_in_no_mean() -> None:
    asked = [{"tree": tally(6, 8), "car": tally(0, 4, there=False)}]
    assert class_ious(asked, every=True)[0] == pytest.approx(6 / 8)


def test_ignored_pixels_count_nowhere() -> None:
    counted = ~mask(0, 9)
    found = count(
        [mask(0, 1, 2, 8, 9)],
        np.where(mask(0, 1, 2, 9), 0.9, 0.2).astype(np.float32),
        mask(0, 1, 2, 3),
        counted=counted,
        there=True,
    )
    assert (found.intersections, found.unions, found.pixels) == ((8,), (16,), 32)
    assert found.ious == (0.5,)
    assert found.ap == pytest.approx(2 / 3 * 1 + 1 / 3 * 12 / 32)


def test_single_class_iou_is_the_mean_of_things_and_the_rest_over_all_pictures() -> None:
    alone = [tally(10, 40, alone=True), tally(30, 40, alone=True)]  # 100 pixels each
    rest = (200 - 80) / (200 - 40)
    assert single_class_iou([*alone, tally(0, 100)]) == pytest.approx((40 / 80 + rest) / 2)
    assert single_class_iou([tally(1, 2)]) is None


def test_two_sided_ap_ranks_the_rest_of_the_picture_too() -> None:
    soft = np.linspace(0, 1, 40, dtype=np.float32).reshape(4, 10)
    truth = mask(2, 3, 7)
    found = count([soft > 0.5], soft, truth, counted=~mask(0), there=True)
    inside, ranked = truth[:, 1:].ravel(), soft[:, 1:].ravel()
    both = average_precision_score([*~inside, *inside], [*(1 - ranked), *ranked])
    assert found.two_sided_ap == pytest.approx(both)
    assert found.ap == pytest.approx(average_precision_score(inside, ranked))


def test_two_sided_ap_is_of_pictures_with_one_category_and_pixel_ap_of_all() -> None:
    alone = replace(tally(1, 2, alone=True), ap=0.5, two_sided_ap=0.7)
    other = replace(tally(1, 2), ap=0.9, two_sided_ap=0.1)
    row = summarize([{"tree": alone}, {"tree": other}], mean="classes", every=False)
    assert (row["pixel_ap"], row["two_sided_ap"]) == pytest.approx((0.7, 0.7))


def test_the_best_threshold_is_one_for_the_whole_set() -> None:
    def good_at(level: float) -> Tally:
        both = (50, *(100 - round(100 * abs(level - t)) for t in THRESHOLDS))
        return Tally(True, False, 200, both, (100,) * len(both))

    row = summarize([{"tree": good_at(0.2)}, {"house": good_at(0.6)}], mean="classes", every=False)
    assert row["iou"] == pytest.approx(0.5)
    assert 0.2 <= (row["best_threshold"] or 0) <= 0.6
    assert row["best_iou"] == pytest.approx(0.8)


def test_method_without_a_soft_mask_has_no_best_threshold_and_no_presence() -> None:
    row = summarize([{"tree": tally(3, 4)}], mean="classes", every=False)
    none = ("best_iou", "best_threshold", "presence_auroc", "false_present", "missed")
    assert row["iou"] == pytest.approx(0.75)
    assert [row[name] for name in none] == [None] * 5


def test_presence_counts_what_is_there_and_what_is_not_but_nothing_doubtful() -> None:
    def said(presence: float, *, there: bool | None) -> Tally:
        return replace(tally(1, 2, there=there), presence=presence, present=presence > 0.5)

    asked = [
        {"a": said(0.9, there=True), "b": said(0.3, there=True), "c": said(1.0, there=None)},
        {"a": said(0.6, there=False), "b": said(0.1, there=False)},
    ]
    row = summarize(asked, mean="classes", every=False)
    assert row["presence_auroc"] == pytest.approx(3 / 4)
    assert (row["false_present"], row["missed"]) == (0.5, 0.5)


def test_tallies_come_back_from_their_figures() -> None:
    tallies = {
        "tree": Tally(True, True, 40, (3, 2), (4, 5), 0.5, 0.25, 0.75, True),
        "a | b": Tally(None, False, 40, (0,), (0,)),
        "house": Tally(False, False, 40, (0,), (7,), None, None, 0.1, False),
    }
    figures = {**flatten("default", tallies), **flatten("peer", {"tree": tally(1, 2)})}
    assert gather("default", {**figures, "default|seconds": 3.0}) == tallies
    assert gather("peer", figures) == {"tree": tally(1, 2)}
