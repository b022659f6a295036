"""Plans of edits in a workspace: what would be done, and a mask of where."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from textseg.diffusion.model import Conditioning, Levels, Prediction
from textseg.errors import InvalidInputError, NotFoundError
from textseg.images import to_uint8
from textseg.testing import GaussianModel
from textseg.toolbox import EditArguments, Limits, Toolbox, check_arguments, plan_edit
from textseg.toolbox.turns import Turns
from textseg.workspace import Workspace

HEIGHT, WIDTH = 24, 40
PIXELS = to_uint8(GaussianModel().picture(["tree"], HEIGHT, WIDTH, seed=4))


@dataclass(frozen=True)
class Counting(GaussianModel):
    """The exact model, which notes of each answer how many rows it was asked for."""

    rows: list[int] = field(default_factory=list)

    def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        self.rows.append(len(z))
        return super().predict(z, sigma, text)


def make_toolbox(folder: Path, **settings: object) -> Toolbox:
    box = Toolbox(
        Workspace.open(folder / "workspace"),
        **{"model": Counting(), "turns": Turns(), **settings},  # type: ignore[arg-type]  # of each test
    )
    box.shelf.import_image(PIXELS)
    return box


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    return make_toolbox(tmp_path)


def change(image: str = "latest", **settings: object) -> EditArguments:
    values = {"query": "tree", "target": "house", "source": "a tree", "steps": 4, **settings}
    return check_arguments(EditArguments, {"image": image, **values})


def rows_of(toolbox: Toolbox) -> int:
    """Rows that the model was asked for since the last look."""
    model = toolbox.host.model
    assert isinstance(model, Counting)
    found = sum(model.rows)
    model.rows.clear()
    return found


def soft(toolbox: Toolbox, handle: str | None) -> np.ndarray:
    return toolbox.shelf.mask(handle or "").soft


def test_a_plan_is_that_of_the_file_and_keeps_a_mask_of_where(
    toolbox: Toolbox, tmp_path: Path
) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "garden.png")
    there = plan_edit(change(str(tmp_path / "garden.png")), model=GaussianModel())
    image = toolbox.workspace.resolve("latest").handle
    planned = toolbox.plan_edit(change())
    own = {"image", "region_mask"}
    assert planned.model_dump(exclude=own) == there.result.model_dump(exclude=own)
    assert (planned.image, there.result.region_mask) == (image, None)
    np.testing.assert_array_equal(soft(toolbox, planned.region_mask), there.plan.region)
    record = toolbox.workspace.record(planned.region_mask or "")
    assert (record.parent, record.operation) == (image, "plan")
    assert [each.handle for each in toolbox.list_images().images] == [image]


def test_box_of_a_plan_is_around_all_that_may_change(toolbox: Toolbox) -> None:
    painted = np.zeros((HEIGHT, WIDTH), bool)
    painted[4:10, 5:20] = painted[15, 30] = True
    mask = toolbox.shelf.import_mask(painted).mask
    planned = toolbox.plan_edit(change(mask=mask))
    assert planned.box == [5, 4, 31, 16]
    assert (planned.present, planned.presence) == (None, None)
    np.testing.assert_array_equal(soft(toolbox, planned.region_mask), painted)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"exclude": "house", "region": "largest"},
        {"query": "meadow", "target": "beach", "source": "a tree on a meadow"},
    ],
    ids=["a thing", "a part", "the setting"],
)
def test_an_edit_is_its_plan_and_looks_for_nothing_again(
    toolbox: Toolbox, tmp_path: Path, settings: dict[str, object]
) -> None:
    planned = toolbox.plan_edit(change(**settings))
    looking = rows_of(toolbox)
    edit = toolbox.edit_image(change(**settings, check=False))
    making = rows_of(toolbox)
    fresh = make_toolbox(tmp_path / "fresh")
    fresh.edit_image(change(**settings, check=False))
    assert (planned.evaluations > 0, edit.evaluations.mask) == (True, 0)
    assert looking + making == rows_of(fresh)
    assert (edit.method, edit.share, edit.prompt) == (planned.method, planned.share, planned.prompt)
    assert edit.seed in range(planned.seed, planned.seed + planned.attempts)
    np.testing.assert_array_equal(
        soft(toolbox, edit.region_mask), soft(toolbox, planned.region_mask)
    )


def test_a_mask_of_a_plan_is_where_an_edit_changes_and_nowhere_wider(toolbox: Toolbox) -> None:
    planned = toolbox.plan_edit(change())
    edit = toolbox.edit_image(change(mask=planned.region_mask))
    np.testing.assert_array_equal(
        soft(toolbox, edit.region_mask), soft(toolbox, planned.region_mask)
    )


def test_what_cannot_be_done_is_not_planned(toolbox: Toolbox, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        toolbox.plan_edit(change(query="house"))
    limited = make_toolbox(tmp_path / "limited", limits=Limits(steps=3))
    with pytest.raises(InvalidInputError, match="at most 3 steps"):
        limited.plan_edit(change())
    assert toolbox.workspace.count(None) == limited.workspace.count(None) == 1
