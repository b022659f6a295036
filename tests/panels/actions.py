"""What can be done with pictures, each as a person says it in a panel or a shell, and a model to a
tool.

`tests/golden/panels/calls.json` has what each of them asks of the toolbox.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.panels.helpers import HEIGHT, WIDTH, fill, finished
from textseg.panels.controller import Controller
from textseg.panels.create_controller import CreateController
from textseg.panels.edit_controller import EditController
from textseg.panels.segment_controller import SegmentController
from textseg.toolbox import Toolbox

GOLDEN = Path(__file__).parents[1] / "golden" / "panels" / "calls.json"
CALLS: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))

MASK = "MASK"  # stands for the handle of a mask that a person painted


@dataclass(frozen=True)
class Action:
    """One thing that can be done.

    Attributes:
        panel: what is behind the panel it is done in.
        fields: what is typed or ticked there.
        tool: the name of the tool of assistants.
        asked: what a model fills in, besides the picture.
        command: what is typed in a shell.
    """

    panel: type[Controller]
    fields: Mapping[str, Any]
    tool: str
    asked: Mapping[str, Any]
    command: str


ACTIONS: dict[str, Action] = {
    "find": Action(
        SegmentController,
        {"queries": ["tree"], "seed": 3},
        "segment_image",
        {"query": "tree", "seed": 3},
        "segment garden.png tree --seed 3 -o out",
    ),
    "find a part": Action(
        SegmentController,
        {"queries": ["tree"], "region": "left", "exclude": "house", "threshold": 0.4},
        "segment_image",
        {"query": "tree", "region": "left", "exclude": "house", "threshold": 0.4},
        "segment garden.png tree --region left --exclude house --threshold 0.4 -o out",
    ),
    "replace": Action(
        EditController,
        {"query": "tree", "target": "house", "seed": 2},
        "edit_image",
        {"query": "tree", "target": "house", "seed": 2},
        "edit garden.png tree house --seed 2 -o out.png",
    ),
    "remove": Action(
        EditController,
        {"query": "tree", "operation": "remove", "strength": 0.5},
        "edit_image",
        {"query": "tree", "operation": "remove", "strength": 0.5},
        "edit garden.png tree --remove --strength 0.5 -o out.png",
    ),
    "add": Action(
        EditController,
        {"target": "house", "operation": "add", "region": "bottom right"},
        "edit_image",
        {"target": "house", "operation": "add", "region": "bottom right"},
        "edit garden.png '' house --region 'bottom right' -o out.png",
    ),
    "everything except": Action(
        EditController,
        {"query": "tree", "target": "house", "invert": True},
        "edit_image",
        {"query": "tree", "target": "house", "invert": True},
        "edit garden.png tree house --invert -o out.png",
    ),
    "replace in a painted mask": Action(
        EditController,
        {"query": "tree", "target": "house"},
        "edit_image",
        {"query": "tree", "target": "house", "mask": MASK},
        "edit garden.png tree house --mask MASK -o out.png",
    ),
    "make": Action(
        CreateController,
        {"prompt": "a tree", "height": HEIGHT, "width": WIDTH, "seed": 5},
        "generate_and_edit",
        {"prompt": "a tree", "height": HEIGHT, "width": WIDTH, "seed": 5},
        f"create 'a tree' --size {WIDTH}x{HEIGHT} --seed 5 -o out.png",
    ),
}


def painted(toolbox: Toolbox) -> str:
    """The handle of a mask that a person painted elsewhere and brought in."""
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[4:15, 6:22] = True
    image = toolbox.workspace.resolve("garden.png").handle
    return toolbox.shelf.import_mask(inside, image, name="crown").mask


def done(toolbox: Toolbox, name: str) -> Controller:
    """A controller that did what a person did."""
    action = ACTIONS[name]
    controller = action.panel(toolbox)
    if action.panel is not CreateController:
        controller.image = toolbox.workspace.resolve("garden.png").handle
    if MASK in action.asked.values():
        assert isinstance(controller, EditController)
        controller.open(painted(toolbox))
    fill(controller, **action.fields)
    controller.run()  # type: ignore[attr-defined]  # each of them has it
    finished(controller)
    return controller


def anonymous(call: Mapping[str, Any]) -> dict[str, Any]:
    """The call with the names of picture and mask taken out, which are each surface's own."""
    names = {"image": "IMAGE", "mask": MASK}
    return {
        "name": call["name"],
        "arguments": {name: names.get(name, value) for name, value in call["arguments"].items()},
    }
