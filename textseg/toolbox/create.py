"""Make a picture from text and change it, stage by stage: ``create_image``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from textseg.editing.prompts import target_prompt
from textseg.errors import InvalidInputError, NotFoundError, TimeLimitError
from textseg.files import fitting, refuse_existing, usable_folder, write_files
from textseg.images import Picture, png_bytes, to_uint8
from textseg.progress import CancelToken, ProgressCallback
from textseg.provenance import GENERATED, Credentials, sign
from textseg.registry.methods import make_method
from textseg.saving import check_writable, format_of, loss_note, picture_bytes
from textseg.segmentation.export import stems
from textseg.toolbox.changing import Changed, change_facts, change_scene
from textseg.toolbox.common import EMBEDDED, Setup, open_model, precise_enough, silent
from textseg.toolbox.create_facts import Change, CreateArguments, CreateFiles, CreateResult
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


def create_image(
    arguments: CreateArguments,
    *,
    setup: Setup = EMBEDDED,
    model: DiffusionModel | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> CreateAnswer:
    """Return a picture made from text, and each change of it. Writes nothing.

    Where half precision gives no numbers, the model is loaded again in float32, once.

    Args:
        arguments: what to make and to change; checked already.
        setup: with which model, and where.
        model: a loaded model to use instead of the one that ``setup`` names.
        progress: called with the work done.
        cancel: looked at between the parts of the work.

    Raises:
        InvalidInputError: a method that does not exist, a size that the model cannot make.
        NotFoundError: what a change names is not in the picture that was made.
        ModelError: the model cannot be loaded, or gives no numbers.
        OutOfMemoryError: the picture does not fit on the device.
        Cancelled: ``cancel`` was raised.
    """
    if arguments.method is not None:
        make_method(arguments.method, {"steps": arguments.steps, "guidance": arguments.guidance})

    def work(dtype: str) -> CreateAnswer:
        loaded = open_model(setup, model, dtype=dtype, report=progress or silent)
        return create_with(
            loaded, arguments, captioner=setup.captioner, progress=progress, cancel=cancel
        )

    try:
        attempt = precise_enough(work, model)
    except UnfinishedError as unfinished:
        raise unfinished.explain() from None
    result = attempt.outcome.result
    noted = result.model_copy(update={"notes": [*result.notes, *attempt.notes]})
    return replace(attempt.outcome, result=noted)


def create_with(
    model: DiffusionModel,
    arguments: CreateArguments,
    *,
    captioner: str | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> CreateAnswer:
    """Return the same as ``create_image`` from a model that is loaded already.

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
        size=None if arguments.size is None else size_of(arguments.size),
        captioner=captioner,
        progress=progress,
        cancel=cancel,
    )
    caption = scene.caption() if arguments.changes else None
    changes: list[Changed] = []
    try:
        for changed in _changed(
            scene, caption or arguments.prompt, arguments, progress=progress, cancel=cancel
        ):
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


def created_name(arguments: CreateArguments) -> str:
    """Return a file name for the picture, made of its prompt."""
    return f"{stems([arguments.prompt])[0]}.png"


def refuse_create_output(
    arguments: CreateArguments, path: Path, *, stages: bool = False, force: bool = False
) -> None:
    """Raise what ``save_create`` would raise for these arguments, as far as it is known before.

    Raises:
        OutputExistsError: a file would be overwritten and ``force`` is false.
        InvalidInputError: the suffix belongs to no format, the format holds no picture of this
            size, or nothing can be written there.
    """
    format = format_of(path)
    if arguments.size is not None:
        check_writable(format, size=size_of(arguments.size), transparent=False)
    usable_folder(path.parent)
    names = _names(path, len(arguments.changes), stages=stages)
    refuse_existing([path.parent / name for name in _each(names)], force=force)


def save_create(
    answer: CreateAnswer,
    path: Path,
    *,
    stages: bool = False,
    force: bool = False,
    label: bool = True,
    credentials: Credentials | None = None,
) -> CreateResult:
    """Write the last picture, and with ``stages`` all others; return the result with paths.

    All files are written, or none. Every picture is labelled as made by a model altogether, also
    those that were changed: IPTC's other term is for a composition with something that no model
    made, and there is nothing of that kind in them.

    Args:
        answer: what ``create_image`` returned.
        path: of the last picture; PNG, TIFF, WebP or JPEG, by its suffix. The stages lie beside
            it: ``<stem>_generated``, and for each change ``<stem>_1_mask.png`` and ``<stem>_1``,
            and the facts in ``<stem>.json``.
        stages: keep them.
        force: replace files that exist.
        label: false writes no labels, which is for a person to decide: no tool may offer it.
        credentials: who signs the labels; None signs nothing.

    Raises:
        OutputExistsError: a file exists and ``force`` is false.
        InvalidInputError: a picture cannot be written so.
        MissingExtraError: credentials are given, and c2pa-python is not installed.
    """
    if credentials is not None and not label:
        raise InvalidInputError("a signature vouches for a label, and there is to be none")
    names = _names(path, len(answer.edits), stages=stages)
    loss = loss_note(format_of(path))
    result = answer.result.model_copy(
        update={"notes": [*answer.result.notes, *([loss] if loss and answer.edits else [])]}
    )

    def content(picture: Picture) -> bytes:
        return _content(picture, path, label=label, credentials=credentials)

    named = result.model_copy(update={"files": names})
    write_files(path.parent, _contents(answer, named, content), force=force)
    return result.model_copy(update={"files": _under(path.parent, names)})


def size_of(sides: list[int]) -> tuple[int, int]:
    """Return height and width."""
    height, width = sides
    return height, width


def _changed(
    scene: Scene,
    known: str,
    arguments: CreateArguments,
    *,
    progress: ProgressCallback | None,
    cancel: CancelToken | None,
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
            options={**options, "progress": progress, "cancel": cancel},
        )
        yield changed
        scene, known = changed.scene, target_prompt(known, change.query, change.target)


def _options(arguments: CreateArguments, change: Change, known: str) -> EditKeywords:
    return {
        "method": arguments.method,
        "steps": arguments.steps,
        "guidance": arguments.guidance,
        "seed": arguments.seed,
        "attempts": arguments.attempts,
        "source": known,
        "negative": arguments.negative if change.target else "",
    }


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


def _names(path: Path, changes: int, *, stages: bool) -> CreateFiles:
    """Return the names of the files, without folders."""
    if not stages:
        return CreateFiles(picture=path.name)
    stem = fitting(path.stem, [f"_generated{path.suffix}", f"_{changes}_mask.png"])
    between = [f"{stem}_{k}{path.suffix}" for k in range(1, changes)]
    return CreateFiles(
        picture=path.name,
        generated=f"{stem}_generated{path.suffix}" if changes else path.name,
        masks=[f"{stem}_{k}_mask.png" for k in range(1, changes + 1)],
        changed=[*between, path.name] if changes else [],
        facts=f"{stem}.json",
    )


def _each(names: CreateFiles) -> list[str]:
    every = [names.picture, names.generated, *names.masks, *names.changed, names.facts]
    return list(dict.fromkeys(name for name in every if name is not None))


def _under(folder: Path, names: CreateFiles) -> CreateFiles:
    def placed(name: str | None) -> str | None:
        return None if name is None else str(folder / name)

    return CreateFiles(
        picture=str(folder / names.picture),
        generated=placed(names.generated),
        masks=[str(folder / name) for name in names.masks],
        changed=[str(folder / name) for name in names.changed],
        facts=placed(names.facts),
    )


def _contents(
    answer: CreateAnswer, result: CreateResult, content: Callable[[Picture], bytes]
) -> Iterator[tuple[str, bytes]]:
    """Yield each file when it is needed, so that not all of them are in memory at once."""
    names = result.files
    assert names is not None
    yield names.picture, content(answer.picture)
    if names.generated is not None and answer.edits:
        yield names.generated, content(answer.generated)
    for name, edit in zip(names.masks, answer.edits, strict=False):
        yield name, png_bytes(to_uint8(edit.mask))
    for name, edit in zip(names.changed[:-1], answer.edits, strict=False):
        yield name, content(edit.picture)
    if names.facts is not None:
        yield names.facts, (result.model_dump_json(indent=2) + "\n").encode()


def _content(
    picture: Picture, path: Path, *, label: bool, credentials: Credentials | None
) -> bytes:
    found = picture_bytes(
        to_uint8(picture.rgb), format_of(path), label=GENERATED if label else None
    )
    return sign(found, label=GENERATED, credentials=credentials) if credentials else found
