"""Who is measured: every registered method through the public `Scene`, and the peer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

from textseg.diffusion.model import DiffusionModel
from textseg.errors import NotFoundError
from textseg.lab.bench.editing.peer import DiffEditPeer
from textseg.lab.bench.editing.tasks import Answer, Editing, Editor, EditTask
from textseg.lab.bench.metrics.pixels import Rgb
from textseg.picturebook import weights_folder
from textseg.registry.methods import methods
from textseg.scene import Scene, load

DEFAULT, PEER = "default", "peer"
SAME_SCENES, TRUE_CAPTIONS = "default, same scenes", "default, true captions"
ONE_ATTEMPT = "default, one attempt"


@dataclass(frozen=True, eq=False)
class SceneEditor:
    """A registered method, or what `Scene.edit` does when nothing is said.

    Attributes:
        model: the network.
        method: its name; None for the default.
        prompts: those of a task that it takes. "own" is none: the captioner describes the picture,
            and the words of the edit make the other; "source" is the former alone.
        steps: of a whole walk; None for the method's own.
        attempts: at each edit, the best of which counts; None for the default.
    """

    model: DiffusionModel
    method: str | None = None
    prompts: Literal["own", "source", "both"] = "own"
    steps: int | None = None
    attempts: int | None = None

    def open(self, image: Rgb) -> Editing:
        """Return what edits one `Scene` again and again."""
        return partial(self._edit, cache(partial(Scene.open, image, self.model)))

    def _edit(self, scene: Callable[[], Scene], task: EditTask) -> Answer:
        start = time.perf_counter()
        try:
            made = scene().edit(
                task.query,
                task.target,
                method=self.method,
                mask=task.mask,
                source=None if self.prompts == "own" else task.source_prompt,
                prompt=task.target_prompt or None if self.prompts == "both" else None,
                steps=self.steps,
                seed=task.seed,
                attempts=self.attempts,
            )
        except NotFoundError:
            return Answer(rgb=task.image, seconds=time.perf_counter() - start, found=False)
        return Answer(
            rgb=made.picture.rgb,
            raw=made.raw,
            mask=made.mask,
            evaluations=made.evaluations,
            seconds=time.perf_counter() - start,
        )


def make_editor(name: str, *, steps: int | None = None) -> Editor:
    """Return who answers under a name: one of this module's constants, or a method's."""
    if name == PEER:
        return DiffEditPeer(weights_folder(), steps=steps)
    model = load("picturebook", device="cpu")
    if name == TRUE_CAPTIONS:
        return SceneEditor(model, prompts="source", steps=steps)
    if name == ONE_ATTEMPT:
        return SceneEditor(model, steps=steps, attempts=1)
    return SceneEditor(model, None if name == DEFAULT else name, steps=steps)


SLOW = frozenset({"gradients", "weights", "examples", "clip"})


def quick_methods() -> list[str]:
    """Return the names of the registered methods that take a walk or two and nothing else.

    The others fit something to each picture, or want what the scenes have not.
    """
    return [info.name for info in methods() if not info.error and not SLOW & set(info.needs)]
