"""Who is measured: every registered method through the public `Scene`, and the peer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

from textseg.diffusion.model import DiffusionModel
from textseg.errors import NotFoundError
from textseg.lab.bench.edit_peer import DiffEditPeer
from textseg.lab.bench.edit_questions import OPERATIONS, Exam, Operation, Task
from textseg.lab.bench.edit_scores import Answer, Editing
from textseg.picturebook import weights_folder
from textseg.registry.methods import methods
from textseg.scene import Scene, load

DEFAULT, PEER = "default", "peer"
SAME_SCENES, TRUE_CAPTIONS = "default, same scenes", "default, true captions"
ONE_ATTEMPT = "default, one attempt"


class Editor(Protocol):
    """Edits scenes."""

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What it can do."""

    def open(self, exam: Exam) -> Editing:
        """Return what does the tasks of a scene; what it learns of the scene it may keep."""


@dataclass(frozen=True, eq=False)
class SceneEditor:
    """A registered method, or what `Scene.edit` does when nothing is said.

    Attributes:
        model: the network.
        method: its name; None for the default.
        true_captions: the source prompt is the true caption instead of the captioner's.
        steps: of a whole walk; None for the method's own.
        operations: what it is asked to do.
        attempts: at each edit, the best of which counts; None for the default.
    """

    model: DiffusionModel
    method: str | None = None
    true_captions: bool = False
    steps: int | None = None
    operations: tuple[Operation, ...] = OPERATIONS
    attempts: int | None = None

    def open(self, exam: Exam) -> Editing:
        """Return what edits one `Scene` again and again."""
        return partial(self._edit, Scene.open(exam.rendered.image, self.model), exam.index)

    def _edit(self, scene: Scene, seed: int, task: Task) -> Answer | None:
        source = task.captions[0] if self.true_captions else None
        edit = scene.edit if self.method is None else partial(scene.edit, method=self.method)
        try:
            made = edit(
                task.query,
                task.target,
                mask=task.painted,
                source=source,
                steps=self.steps,
                seed=seed,
                attempts=self.attempts,
            )
        except NotFoundError:
            return None
        return Answer(made.picture.rgb, made.raw, made.mask, made.evaluations)


def make_editor(name: str, *, steps: int | None = None) -> Editor:
    """Return who answers under a name: one of this module's constants, or a method's."""
    if name == PEER:
        return DiffEditPeer(weights_folder(), steps=steps)
    model = load("picturebook", device="cpu")
    if name == TRUE_CAPTIONS:
        return SceneEditor(model, true_captions=True, steps=steps)
    if name == ONE_ATTEMPT:
        return SceneEditor(model, steps=steps, attempts=1)
    return SceneEditor(model, None if name == DEFAULT else name, steps=steps)


def method_names() -> list[str]:
    """Return the names of the registered methods that can be used."""
    return [info.name for info in methods() if not info.error]
