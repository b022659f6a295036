"""`textseg bench edges` on made-up pictures: one thing of one colour, and its mask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from textseg.errors import ImageError, InvalidInputError
from textseg.lab.bench.edges import (
    find_pairs,
    measure_edges,
    read_labels,
    rows,
    simulate_cells,
    table,
)
from textseg.progress import Progress
from textseg.segmentation.guide import CellGrid

SIZE = (48, 80)
CELLS = (8, 4)


def region(k: int) -> np.ndarray:
    row, col = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.hypot((row - 22) / 14, (col - 40 - 2 * k) / 20) < 1


def write(folder: Path, k: int) -> None:
    """A picture in two colours, and labels of 7 and 9 in a palette."""
    thing = region(k)
    picture = np.where(thing[..., None], [200, 60, 40], [60, 90, 200]).astype(np.uint8)
    Image.fromarray(picture).save(folder / f"picture {k}.jpg", quality=95)
    labels = Image.fromarray(np.where(thing, 7, 9).astype(np.uint8))
    labels.putpalette([0] * 21 + [10, 20, 30] * 249)
    (folder / "masks").mkdir(exist_ok=True)
    labels.save(folder / "masks" / f"picture {k}.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k in range(3):
        write(tmp_path, k)
    return tmp_path


def measure(folder: Path, **options: Any) -> dict[str, Any]:
    return measure_edges(folder, folder / "masks", cells=CELLS, **options)


def test_every_refinement_is_measured_on_every_grid(folder: Path) -> None:
    told: list[Progress] = []
    report = measure(folder, progress=told.append)
    assert [(row["refinement"], row["cells"]) for row in report["rows"]] == [
        (name, cells) for cells in CELLS for name in rows()
    ]
    # what is around covers more than half of its picture: it is no mask
    assert (report["pictures"], report["masks"]) == (3, 3)
    scores = {(row["refinement"], row["cells"]): row for row in report["rows"]}
    assert scores["guided, radius 1", 8]["iou"] > scores["bicubic", 8]["iou"]
    assert scores["bicubic", 8]["iou"] > scores["bicubic", 4]["iou"]
    assert scores["bicubic", 8]["seconds_over_bicubic"] == 1
    assert [(report.step, report.of) for report in told] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert len(table(report).splitlines()) == 2 + len(report["rows"]) + 2


def test_the_same_seed_gives_the_same_scores(folder: Path) -> None:
    one, again, other = (measure(folder, seed=seed, limit=1) for seed in (1, 1, 2))
    scores = [[row["iou"] for row in report["rows"]] for report in (one, again, other)]
    assert scores[0] == scores[1]
    assert scores[0] != scores[2]


def test_labels_that_are_ignored_are_no_masks(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"covers 1\.5% to 50%"):
        measure(folder, ignore=[7])


def test_labels_are_the_values_of_a_palette_and_not_its_colours(folder: Path) -> None:
    labels = read_labels(folder / "masks" / "picture 0.png")
    np.testing.assert_array_equal(labels, np.where(region(0), 7, 9))


def test_labels_of_several_channels_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (5, 3)).save(tmp_path / "colours.png")
    with pytest.raises(ImageError, match="3 channels"):
        read_labels(tmp_path / "colours.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"broken\.png: its labels cannot be read"):
        read_labels(tmp_path / "broken.png")


def test_masks_without_their_pictures_are_refused(folder: Path) -> None:
    assert len(find_pairs(folder, folder / "masks")) == 3
    (folder / "picture 1.jpg").unlink()
    with pytest.raises(InvalidInputError, match=r"of picture 1\.png there is no picture"):
        find_pairs(folder, folder / "masks")
    with pytest.raises(InvalidInputError, match="but there is none"):
        find_pairs(folder, folder)


def test_masks_of_another_size_than_their_pictures_are_refused(folder: Path) -> None:
    Image.new("RGB", (20, 30)).save(folder / "picture 0.jpg")
    with pytest.raises(InvalidInputError, match="is of another size than"):
        measure(folder)


@pytest.mark.parametrize("cells", [(6, 10), (1, 1), (1, 3)])
def test_made_maps_lie_where_the_mask_lies(cells: tuple[int, int]) -> None:
    truth = np.zeros(SIZE, bool)
    truth[:, 40:] = True
    soft = simulate_cells(truth, CellGrid(SIZE, cells), np.random.default_rng(0))
    assert soft.shape == cells
    assert soft.dtype == np.float32
    assert 0 <= soft.min() <= soft.max() <= 1
    if cells == (6, 10):
        assert soft[:, 7:].min() > 0.5 > soft[:, :3].max()
