from __future__ import annotations

import pytest

from textseg.lab.bench.memory import measure_peaks


@pytest.mark.slow
def test_masks_of_many_queries_take_far_less_than_floats_of_each_would() -> None:
    size, more = (1200, 1600), 15
    one, many = measure_peaks(size, [1, 1 + more])
    assert many - one < more * 4 * size[0] * size[1] / 2**20  # a process of its own for each
