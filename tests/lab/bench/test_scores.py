from __future__ import annotations

import numpy as np
import pytest

from textseg.lab.bench.scores import (
    Specks,
    auroc,
    boundary_f,
    count_specks,
    iou,
    pixel_ap,
)


def square(top: int, left: int, side: int, size: tuple[int, int] = (40, 60)) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_iou_of_shifted_squares() -> None:
    assert iou(square(10, 10, 10), square(10, 15, 10)) == pytest.approx(50 / 150)


def test_iou_of_nothing_with_nothing_is_one_and_with_something_is_zero() -> None:
    nothing = square(0, 0, 0)
    assert iou(nothing, nothing) == 1.0
    assert iou(nothing, square(1, 1, 2)) == 0.0


def test_average_precision_of_a_ranking_by_hand() -> None:
    soft = np.array([[0.9, 0.8, 0.7, 0.1]], np.float32)
    truth = np.array([[True, False, True, False]])
    assert pixel_ap(soft, truth) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_auroc_counts_ties_half_and_needs_both_kinds() -> None:
    assert auroc([0.9, 0.5, 0.5, 0.1], [True, True, False, False]) == pytest.approx(3.5 / 4)
    assert np.isnan(auroc([0.4, 0.6], [True, True]))


def test_boundaries_match_within_the_tolerance_and_not_beyond() -> None:
    truth = square(10, 10, 20, (128, 128))
    assert boundary_f(truth, truth) == 1.0
    assert boundary_f(square(11, 10, 20, (128, 128)), truth) == 1.0  # 1 pixel; tolerance is 1.4
    assert boundary_f(square(16, 16, 8, (128, 128)), truth) == 0.0


def test_boundary_f_of_nothing() -> None:
    nothing = square(0, 0, 0)
    assert boundary_f(nothing, nothing) == 1.0
    assert boundary_f(nothing, square(10, 10, 10)) == 0.0


def test_the_frame_of_the_picture_is_no_boundary() -> None:
    everything = np.ones((40, 60), bool)
    assert boundary_f(everything, everything) == 1.0
    assert boundary_f(everything, square(10, 10, 10)) == 0.0


def test_specks_are_pieces_and_holes_below_the_least_area() -> None:
    mask = np.zeros((8, 12), bool)
    mask[1:7, 1:7] = True
    mask[3, 3] = False  # a hole of 1
    mask[4:6, 5:7] = False  # open to the outside on no side but the right: a bay, no hole
    mask[0, 10:12] = True  # a speck of 2
    assert count_specks(mask, 2) == Specks(pieces=0, holes=1)
    assert count_specks(mask, 3) == Specks(pieces=1, holes=1)
    assert count_specks(~mask, 3) == Specks(pieces=1, holes=1)
    assert count_specks(np.ones((4, 5), bool), 100) == Specks(pieces=1, holes=0)
