from __future__ import annotations

import numpy as np

from tests.lab.bench.editing.drawn import Hands, Says
from textseg.images import to_uint8
from textseg.lab.bench.editing.scene_tasks import OPERATIONS, scene_numbers, scene_tasks
from textseg.lab.bench.sheet import EDIT_COLUMNS, GAP, TITLE, draw_edits


def test_a_sheet_shows_before_after_and_truth_of_every_edit() -> None:
    sheet = np.asarray(draw_edits(Hands("before"), Says(), count=1))
    width, height = 3 * 128 + GAP, 128 + TITLE + GAP
    assert sheet.shape == (len(OPERATIONS) * height, EDIT_COLUMNS * width, 3)
    (number,) = scene_numbers("evaluation", scenes=1, seed=0)
    for k, task in enumerate(scene_tasks("evaluation", number)):
        panel = sheet[k * height + TITLE :, : 3 * 128][:128]
        expected = np.concatenate([to_uint8(x) for x in (task.image, task.image, task.truth)], 1)
        np.testing.assert_array_equal(panel, expected)
