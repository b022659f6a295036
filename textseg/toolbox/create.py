"""Make a picture from text and change it, stage by stage: ``generate_and_edit``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from textseg.editing.options import MakingOptions
from textseg.editing.prompts import target_prompt
from textseg.errors import NotFoundError, TimeLimitError
from textseg.images import Picture
from textseg.progress import CancelToken, Follow, ProgressCallback
from textseg.registry.methods import make_method
from textseg.toolbox.changing import Changed, change_facts, change_scene
from textseg.toolbox.common import EMBEDDED, Setup
from textseg.toolbox.create_facts import Change, CreateArguments, CreateResult
from textseg.toolbox.running import Host
from textseg.version import __version__

if TYPE_CHECKING:
    from textseg.diffusion.model import DiffusionModel
    from textseg.editing.result import Edit
    from textseg.scene import EditKeywords, Scene


@dataclass(frozen=True)
class CreateAnswer:
    """The facts of a creation together with its pictures.

    Attributes:
        result: the facts.
        generated: the picture before the changes.
        edits: each change, with the mask that it was confined to.
        scenes: of the picture that was made, and of the picture after each change.
    """

    result: CreateResult
    generated: Picture
    edits: tuple[Edit, ...]
    scenes: tuple[Scene, ...]

    @property
    def picture(self) -> Picture:
        """The last picture."""
        return self.edits[-1].picture if self.edits else self.generated


class UnfinishedError(Exception):
    """A change that could not be made, or not in time.

    Attributes:
        so_far: the picture, and the changes before it.
    """

    def __init__(self, error: NotFoundError | TimeLimitError, so_far: CreateAnswer) -> None:
        """Keep why it could not be made, and what was made before."""
        super().__init__(str(error))
        self._error, self.so_far = error, so_far

    def explain(self, *kept: str) -> NotFoundError | TimeLimitError:
        """Return the error as a caller is told it: which change it was, what was ``kept``, why."""
        error, message = self._error, f"change {len(self.so_far.edits) + 1}: {self._error.message}"
        if isinstance(error, TimeLimitError):
            return TimeLimitError(message, hint="; ".join([*kept, error.hint]))
        advice = error.hint if error.presence is None else "another seed or other words may help"
        hint = "; ".join([*kept, advice])
        return NotFoundError(message, hint=hint, presence=error.presence)


def generate_and_edit(
    arguments: CreateArguments,
    *,
    setup: Setup = EMBEDDED,
    model: DiffusionModel | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> CreateAnswer:
    """Return a picture made from text, and each change of it. Writes nothing.

    Where half precision gives no numbers, the model is loaded again in float32, once.

    ``arguments`` say what to make and to change; the others are those of ``segment_image``.

    Raises:
        InvalidInputError: a method that does not exist, a size that the model cannot make.
        NotFoundError: what a change names is not in the picture that was made.
        ModelError: the model cannot be loaded, or gives no numbers.
        OutOfMemoryError: the picture does not fit on the device.
        Cancelled: ``cancel`` was raised.
    """
    if arguments.method is not None:
        make_method(arguments.method, {"steps": arguments.steps, "guidance": arguments.guidance})

    host = Host(setup, model)

    def work(follow: Follow) -> CreateAnswer:
        loaded = host.loaded(follow)
        return create_with(loaded, arguments, captioner=setup.captioner, follow=follow)

    try:
        return host.run(work, Follow(progress, cancel), kind="make")
    except UnfinishedError as unfinished:
        raise unfinished.explain() from None


def create_with(
    model: DiffusionModel, arguments: CreateArguments, *, captioner: str | None, follow: Follow
) -> CreateAnswer:
    """Return the same as ``generate_and_edit`` from a model that is loaded already.

    Raises:
        UnfinishedError: what a change names is not there, or the time was over before the change
            was made; knows what was made before.
    """
    from textseg.scene import Scene

    scene = Scene.generate(
        arguments.prompt,
        model,
        seed=arguments.seed,
        steps=arguments.steps,
        guidance=arguments.guidance,
        negative=arguments.negative,
        size=arguments.shape,
        captioner=captioner,
        progress=follow.progress,
        cancel=follow.cancel,
    )
    caption = scene.caption() if arguments.changes else None
    changes: list[Changed] = []
    try:
        for changed in _changed(scene, caption or arguments.prompt, arguments, follow=follow):
            changes.append(changed)
    except (NotFoundError, TimeLimitError) as error:
        raise UnfinishedError(error, _answer(scene, caption, changes)) from None
    return _answer(scene, caption, changes)


def _answer(scene: Scene, caption: str | None, changes: Sequence[Changed]) -> CreateAnswer:
    return CreateAnswer(
        _result(scene, caption, changes),
        scene.picture,
        tuple(changed.edit for changed in changes),
        (scene, *(changed.scene for changed in changes)),
    )


def _changed(
    scene: Scene, known: str, arguments: CreateArguments, *, follow: Follow
) -> Iterator[Changed]:
    """Yield the changes, each made on the picture that the one before left.

    ``known`` is the text for the first picture; each change is made in it too, which says more
    surely what is in the next picture than a captioner would.
    """
    for change in arguments.changes:
        options = _options(arguments, change, known)
        changed = change_scene(
            scene,
            change.query,
            change.target,
            selecting=change,
            check=arguments.check,
            options={**options, "progress": follow.progress, "cancel": follow.cancel},
        )
        yield changed
        scene, known = changed.scene, target_prompt(known, change.query, change.target)


def _options(arguments: CreateArguments, change: Change, known: str) -> EditKeywords:
    making = {name: getattr(arguments, name) for name in MakingOptions.model_fields}
    own = {} if change.target else {"negative": ""}  # of what is removed, that is led away from
    return cast("EditKeywords", {**making, "method": arguments.method, "source": known, **own})


def _result(scene: Scene, caption: str | None, changes: Sequence[Changed]) -> CreateResult:
    made = scene.made
    assert made is not None, "the scene was generated"
    facts = [change_facts(changed, scene.picture.notes) for changed in changes]
    return CreateResult(
        prompt=made.prompt,
        negative=made.negative,
        seed=made.seed,
        steps=made.steps,
        guidance=made.guidance,
        width=scene.picture.size[1],
        height=scene.picture.size[0],
        model=scene.model.name,
        card=made.card,
        caption=caption,
        changes=facts,
        evaluations=made.evaluations + sum(each.evaluations.total for each in facts),
        seconds=made.seconds + sum(each.seconds for each in facts),
        notes=list(scene.picture.notes),
        version=__version__,
    )
