"""Change one thing in a picture: ``edit_image``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_jsonable_python

from textseg.editing.options import METHOD_OPTIONS, EditOptions
from textseg.errors import InvalidInputError
from textseg.images import Picture, open_picture
from textseg.progress import CancelToken, Follow, ProgressCallback
from textseg.provenance import EDITED, GENERATED, Label, read_label
from textseg.registry.methods import make_method, method_name
from textseg.segmentation.places import place
from textseg.toolbox.changing import Changed, change_facts, change_scene, plan_change
from textseg.toolbox.common import EMBEDDED, Setup
from textseg.toolbox.edit_facts import EditArguments, EditResult, PlanResult
from textseg.toolbox.meaning import open_mask
from textseg.toolbox.running import Host
from textseg.toolbox.settings import with_setting
from textseg.version import __version__

if TYPE_CHECKING:
    from textseg.diffusion.model import DiffusionModel
    from textseg.editing.base import EditMethod
    from textseg.editing.planning import EditPlan
    from textseg.editing.result import Edit
    from textseg.scene import EditKeywords, Scene
    from textseg.segmentation.mask import Mask
    from textseg.segmentation.result import Segmentation


@dataclass(frozen=True)
class EditAnswer:
    """The facts of an edit together with the pictures they are about.

    Attributes:
        result: the facts.
        edit: the picture before and after, and the mask.
        label: how the edited picture came about.
        scene: of the edited picture, to go on from.
    """

    result: EditResult
    edit: Edit
    label: Label
    scene: Scene


@dataclass(frozen=True)
class PlanAnswer:
    """The facts of a plan, and the plan."""

    result: PlanResult
    plan: EditPlan


@dataclass(frozen=True, eq=False)
class Beside:
    """What an edit is made with, beside picture and words.

    Attributes:
        mask: where to change; None: where the query is, or where the words of ``region`` say.
        painter: who makes the edit where no method is named; None: the model.
        examples: pictures of a subject.
    """

    mask: NDArray[np.float32] | Mask | Segmentation | None = None
    painter: EditMethod | None = None
    examples: tuple[Picture, ...] = ()


def edit_image(
    arguments: EditArguments,
    *,
    setup: Setup = EMBEDDED,
    model: DiffusionModel | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> EditAnswer:
    """Return the picture with one thing changed. Writes nothing; ``save_edit`` does.

    Where half precision gives no numbers, the model is loaded again in float32, once.

    ``arguments`` say what to change; the others are those of ``segment_image``.

    Raises:
        ImageError: picture or mask cannot be read; found before a model is loaded.
        InvalidInputError: the mask has another size, a method has no such option ...
        NotFoundError: the query is not in the picture; knows the ``presence``.
        ModelError: the model cannot be loaded, or gives no numbers.
        OutOfMemoryError: the picture does not fit on the device.
        Cancelled: ``cancel`` was raised.
    """
    (picture, beside), label = _read(arguments, setup), label_of(read_label(arguments.image))
    work = partial(edit_scene, arguments=arguments, beside=beside, label=label)
    return Host(setup, model).look(picture, work, Follow(progress, cancel), kind="edit")


def plan_edit(
    arguments: EditArguments,
    *,
    setup: Setup = EMBEDDED,
    model: DiffusionModel | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> PlanAnswer:
    """Return what ``edit_image`` would do with the same arguments; makes nothing.

    Arguments and errors are those of ``edit_image``.
    """
    picture, beside = _read(arguments, setup)
    work = partial(plan_scene, arguments=arguments, beside=beside)
    return Host(setup, model).look(picture, work, Follow(progress, cancel))


def edit_scene(
    scene: Scene, arguments: EditArguments, beside: Beside, *, label: Label, follow: Follow
) -> EditAnswer:
    """Return the same as ``edit_image`` for a picture that a model has read already.

    Args:
        scene: of the picture.
        arguments: what to change; its ``image``, ``mask`` and ``examples`` are only told.
        beside: what else was read.
        label: how the edited picture will have come about.
        follow: who sees the work, and may stop it.
    """
    caption = scene.caption() if arguments.source is None else None
    arguments = with_setting(arguments, scene)
    changed = change_scene(
        scene,
        arguments.query,
        arguments.target,
        selecting=arguments,
        check=arguments.check,
        options=_options(arguments, scene, beside, follow),
    )
    result = _result(arguments, changed, caption)
    return EditAnswer(result, changed.edit, label, changed.scene)


def plan_scene(
    scene: Scene, arguments: EditArguments, beside: Beside, *, follow: Follow
) -> PlanAnswer:
    """Return what ``edit_scene`` would do; arguments as there."""
    arguments = with_setting(arguments, scene)
    options = _options(arguments, scene, beside, follow)
    query, target = arguments.query, arguments.target
    plan = plan_change(scene, query, target, selecting=arguments, options=options)
    return PlanAnswer(_plan_result(arguments, plan, scene), plan)


def _read(arguments: EditArguments, setup: Setup) -> tuple[Picture, Beside]:
    """Return what is read before a model is: the picture, and what it is edited with."""
    picture = open_picture(arguments.image, max_pixels=setup.max_pixels)
    mask = open_mask(arguments.mask, picture, setup, resize=arguments.resize_mask)
    check_method(arguments)
    examples = [open_picture(each, max_pixels=setup.max_pixels) for each in arguments.examples]
    return picture, Beside(mask, painter_of(setup, arguments), tuple(examples))


def _options(
    arguments: EditArguments, scene: Scene, beside: Beside, follow: Follow
) -> EditKeywords:
    """Return the keywords of ``Scene.edit``; a method that is made has its numbers already."""
    mask = beside.mask
    if mask is None and arguments.operation == "add" and arguments.region:
        mask = place(arguments.region, scene.picture.size)
    method = _method(arguments, scene, beside.painter)
    options = {name: getattr(arguments, name) for name in EditOptions.model_fields}
    options |= {} if method is None else dict.fromkeys(METHOD_OPTIONS)
    options |= {"method": method, "mask": mask, "examples": beside.examples}
    return cast("EditKeywords", {**options, "progress": follow.progress, "cancel": follow.cancel})


def _plan_result(arguments: EditArguments, plan: EditPlan, scene: Scene) -> PlanResult:
    from textseg.editing.base import options_of
    from textseg.editing.masks import box_around

    found, size = plan.segmentation, plan.before.size
    top, left, bottom, right = box_around(plan.region, margin=0, least=1)
    return PlanResult(
        image=arguments.image,
        width=size[1],
        height=size[0],
        query=plan.query,
        target=plan.target,
        kind=plan.kind,
        method=method_name(plan.method),
        options=to_jsonable_python(options_of(plan.method)),
        prompt=plan.words.target,
        source_prompt=plan.words.source,
        negative=plan.words.negative,
        seed=plan.seed,
        attempts=plan.attempts,
        present=None if found is None else found.present,
        presence=None if found is None else found.presence,
        share=plan.share,
        box=[left, top, right, bottom],
        why=list(plan.why),
        evaluations=plan.evaluations,
        notes=list(plan.notes),
        model=scene.model.name,
        card=plan.card,
        version=__version__,
    )


def _result(arguments: EditArguments, changed: Changed, caption: str | None) -> EditResult:
    facts, edit = change_facts(changed), changed.edit
    return EditResult(
        **facts.model_dump(exclude={"notes", "region"}),
        region=arguments.region or arguments.relative_to,
        notes=[*facts.notes, *mode_notes(edit.before.mode)],
        image=arguments.image,
        width=edit.size[1],
        height=edit.size[0],
        operation=arguments.operation,
        mask=arguments.mask,
        model=changed.scene.model.name,
        card=edit.card,
        caption=caption,
        version=__version__,
    )


def mode_notes(mode: str) -> list[str]:
    """Return remarks on what becomes of a picture of a PIL mode that is not RGB."""
    if mode in ("RGB", "RGBA", "RGBX", "RGBa"):
        return []
    if mode.endswith(";16") and not mode.startswith("I"):
        return ["its colours of 16 bits a channel become 8 bits a channel"]
    if mode == "F" or mode.startswith("I"):
        return [f"a grey picture of more than 8 bits ({mode}) becomes RGB of 8 bits a channel"]
    return [f"the picture's colours ({mode}) become RGB"]


def check_method(arguments: EditArguments, scene: Scene | None = None) -> EditMethod | None:
    """Return the method, checked before anything slow is done; None leaves it to the change.

    Args:
        arguments: which one, and its options.
        scene: what is edited, for the options that nobody gave; None before it is there.

    Raises:
        InvalidInputError: there is no such method, or it has no such option.
    """
    own = {name: getattr(arguments, name) for name in METHOD_OPTIONS}
    twice = [name for name in arguments.options if own.get(name) is not None]
    if twice:
        raise InvalidInputError(f"{twice[0]} is given twice, also among the options")
    if arguments.method is not None:
        usual = {} if scene is None else _usual_options(arguments.method, scene)
        said = {name: value for name, value in own.items() if value is not None}
        return make_method(arguments.method, {**usual, **said, **arguments.options})
    if arguments.options:
        raise InvalidInputError(
            f"{next(iter(arguments.options))} is an option of a method, and none is named",
            hint="name the method as well",
        )
    return None


def painter_of(setup: Setup, arguments: EditArguments) -> EditMethod | None:
    """Return the editor that a person chose, loaded; None where the edit is the model's own."""
    if setup.editor is None or arguments.method is not None:
        return None
    from textseg.editing.external import external
    from textseg.registry.editors import load_editor

    return external(load_editor(setup.editor, device=setup.device))


def _method(
    arguments: EditArguments, scene: Scene, painter: EditMethod | None
) -> EditMethod | None:
    named = check_method(arguments, scene)
    if named is not None or painter is None:
        return named
    return make_method(painter, {name: getattr(arguments, name) for name in METHOD_OPTIONS})


def _usual_options(method: str, scene: Scene) -> dict[str, object]:
    from textseg.editing.planning import usual_options

    return usual_options(
        method, card=scene.model.card, steps=scene.made.steps if scene.made else None
    )


def label_of(source: Label | None) -> Label:
    """Return the label of an edit of a picture that has a label already, or none.

    IPTC has one term for what a trained model made, and one for what was composed of that and of
    something else. A picture that a model made altogether stays so when a model edits it.
    """
    made = source is not None and source.source_type == GENERATED.source_type
    return GENERATED if made else EDITED
