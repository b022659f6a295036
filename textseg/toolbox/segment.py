"""Find things in a picture: ``segment_image``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from textseg.images import open_picture
from textseg.progress import CancelToken, Follow, Progress, ProgressCallback
from textseg.toolbox.common import EMBEDDED, Setup
from textseg.toolbox.hurrying import ask_in_time
from textseg.toolbox.running import Host
from textseg.toolbox.segment_facts import LookArguments, QueryFacts, SegmentArguments, SegmentResult
from textseg.toolbox.selecting import Narrowed, region_facts
from textseg.version import __version__

if TYPE_CHECKING:
    from textseg.diffusion.model import DiffusionModel
    from textseg.scene import Scene, SegmentOptions
    from textseg.segmentation.mask import Mask
    from textseg.segmentation.result import Segmentations


@dataclass(frozen=True)
class SegmentAnswer:
    """The facts of a call together with the masks they are about.

    Attributes:
        result: the facts.
        segmentations: what was found for each query.
        masks: the same, cut and narrowed as the arguments say; in the order of the queries.
    """

    result: SegmentResult
    segmentations: Segmentations
    masks: tuple[Mask, ...]


def segment_image(
    arguments: SegmentArguments,
    *,
    setup: Setup = EMBEDDED,
    model: DiffusionModel | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> SegmentAnswer:
    """Return where each query is in the picture. Writes nothing; ``save_segment`` does.

    Args:
        arguments: what to look for; checked already.
        setup: with which model, and where.
        model: a loaded model to use instead of the one that ``setup`` names.
        progress: called with the work done.
        cancel: looked at between the parts of the work.

    Raises:
        ImageError: the picture cannot be read; found before a model is loaded.
        ModelError: the model cannot be loaded.
        OutOfMemoryError: picture or batch do not fit on the device.
        Cancelled: ``cancel`` was raised.
    """
    picture = open_picture(arguments.image, max_pixels=setup.max_pixels)
    work = partial(segment_scene, arguments=arguments, batch_size=setup.batch_size)
    return Host(setup, model).look(picture, work, Follow(progress, cancel))


def segment_scene(
    scene: Scene,
    arguments: SegmentArguments,
    *,
    batch_size: int | None,
    follow: Follow,
    beside: Sequence[str] = (),
    some: bool = False,
) -> SegmentAnswer:
    """Return the same as ``segment_image`` for a picture that a model has read already.

    Args:
        scene: the picture.
        arguments: what to look for; their ``image`` is only told.
        batch_size: most rows in the network at once; None for the default.
        follow: who sees the work, and may stop it.
        beside: what others will ask next, in the same batches: the scene knows then.
        some: where the time is over, give what was found until then.
    """

    def ask(queries: Sequence[str], follow: Follow) -> Segmentations:
        return scene.segment_all(queries, **_options(arguments, batch_size, follow))

    spared = [arguments.exclude] if arguments.exclude else []
    asked = list(dict.fromkeys([*arguments.queries, *spared, *beside]))
    if some and not spared:
        found = ask_in_time(ask, asked, follow)
    else:
        found = ask(asked, follow)
    others = found[arguments.exclude] if arguments.exclude else None
    queries = [query for query in dict.fromkeys(arguments.queries) if query in found]
    narrowed = [Narrowed(found[query], others, arguments, arguments.threshold) for query in queries]
    facts, tell = [], follow.progress or (lambda _: None)
    tell(Progress("measuring", 0, len(narrowed)))
    for k, each in enumerate(narrowed, start=1):  # of large masks it takes a while
        facts.append(query_facts(each, scene))
        tell(Progress("measuring", k, len(narrowed)))
    masks = tuple(each.mask for each in narrowed)
    return SegmentAnswer(_result(arguments, scene, facts, found), found, masks)


def query_facts(narrowed: Narrowed, scene: Scene) -> QueryFacts:
    """Return what was found for one query; remarks on the picture are left out."""
    from textseg.segmentation.result import HALF

    item, mask, threshold = narrowed.found, narrowed.mask, narrowed.threshold
    matched = bool(mask.binary().any())
    why = None if matched else narrowed.why_empty(scene.model)
    rule = f"{item.threshold.rule} of {item.threshold.statistic}"
    return QueryFacts(
        query=item.query,
        matched=matched,
        present=item.present,
        presence=None if item.present is None else item.presence,
        rival="" if item.rivals is None else item.rivals.rival,
        reason="" if why is None else why.message,
        hint="" if why is None else why.hint,
        threshold=HALF if threshold is None else threshold,
        threshold_rule=rule if threshold is None else "given",
        area=float(mask.binary().mean()),
        regions=region_facts(mask),
        draws=item.raw.draws,
        evaluations=item.evaluations,
        seconds=item.seconds,
        notes=[note for note in item.notes if note not in scene.picture.notes],
    )


def _result(
    arguments: SegmentArguments, scene: Scene, facts: list[QueryFacts], found: Segmentations
) -> SegmentResult:
    return SegmentResult(
        image=arguments.image,
        width=scene.picture.size[1],
        height=scene.picture.size[0],
        model=scene.model.name,
        card=scene.model.card.name,
        reference=found[0].settings.reference,
        exclude=arguments.exclude,
        invert=arguments.invert,
        region=arguments.region,
        seed=arguments.seed,
        queries=facts,
        missing=[each for each in dict.fromkeys(arguments.queries) if each not in found],
        evaluations=found.evaluations,
        seconds=found.seconds,
        notes=list(scene.picture.notes),
        version=__version__,
    )


def _options(arguments: SegmentArguments, batch_size: int | None, follow: Follow) -> SegmentOptions:
    options = {name: getattr(arguments, name) for name in LookArguments.model_fields}
    options |= {} if batch_size is None else {"batch_size": batch_size}
    return cast("SegmentOptions", {**options, "progress": follow.progress, "cancel": follow.cancel})
