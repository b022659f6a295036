"""Find things in a picture: ``segment_image``, and the files that it gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textseg.files import fitting, refuse_existing, usable_folder, write_files
from textseg.images import open_picture, png_bytes, to_uint16
from textseg.progress import CancelToken, ProgressCallback
from textseg.segmentation.export import stems
from textseg.toolbox.common import EMBEDDED, Setup, open_scene, precise_enough, silent
from textseg.toolbox.segment_facts import FileNames, QueryFacts, SegmentArguments, SegmentResult
from textseg.toolbox.selecting import Narrowed, region_facts
from textseg.version import __version__

if TYPE_CHECKING:
    from PIL import Image

    from textseg.diffusion.model import DiffusionModel
    from textseg.scene import Scene, SegmentOptions
    from textseg.segmentation.mask import Mask
    from textseg.segmentation.result import Segmentation, Segmentations


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
    """Return where each query is in the picture. Writes nothing; ``save_answer`` does.

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

    def work(dtype: str) -> SegmentAnswer:
        scene = open_scene(picture, setup, model, dtype=dtype, report=progress or silent)
        return segment_scene(
            scene, arguments, batch_size=setup.batch_size, progress=progress, cancel=cancel
        )

    attempt = precise_enough(work, model)
    result = attempt.outcome.result
    noted = result.model_copy(update={"notes": [*result.notes, *attempt.notes]})
    return SegmentAnswer(noted, attempt.outcome.segmentations, attempt.outcome.masks)


def segment_scene(
    scene: Scene,
    arguments: SegmentArguments,
    *,
    batch_size: int | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> SegmentAnswer:
    """Return the same as ``segment_image`` for a picture that a model has read already."""
    asked = [*arguments.queries, *([arguments.exclude] if arguments.exclude else [])]
    found = scene.segment_all(asked, **_options(arguments, batch_size, progress, cancel))
    others = found[arguments.exclude] if arguments.exclude else None
    queries = list(dict.fromkeys(arguments.queries))
    narrowed = [Narrowed(found[query], others, arguments, arguments.threshold) for query in queries]
    facts = [query_facts(each, scene) for each in narrowed]
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
        evaluations=found.evaluations,
        seconds=found.seconds,
        notes=list(scene.picture.notes),
        version=__version__,
    )


def refuse_output(arguments: SegmentArguments, folder: Path, *, force: bool = False) -> None:
    """Raise what ``save_answer`` would raise for these arguments, before anything slow is done.

    Raises:
        OutputExistsError: a file would be overwritten and ``force`` is false.
        InvalidInputError: nothing can be written into ``folder``.
    """
    usable_folder(folder)
    names = [name for files in _names(arguments.image, arguments.queries) for name in _each(files)]
    refuse_existing([folder / name for name in names], force=force)


def save_answer(answer: SegmentAnswer, folder: Path, *, force: bool = False) -> SegmentResult:
    """Write overlay, soft mask, binary mask and facts of each query; return the result with paths.

    All files of the call are written, or none.

    Args:
        answer: what ``segment_image`` returned.
        folder: made when missing.
        force: replace files that exist.

    Raises:
        OutputExistsError: a file exists and ``force`` is false.
    """
    names = _names(answer.result.image, [facts.query for facts in answer.result.queries])
    write_files(folder, _contents(_with_files(answer.result, names), answer), force=force)
    paths = [
        FileNames(**{part: str(folder / name) for part, name in files.model_dump().items()})
        for files in names
    ]
    return _with_files(answer.result, paths)


def _options(
    arguments: SegmentArguments,
    batch_size: int | None,
    progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> SegmentOptions:
    options: SegmentOptions = {
        "reference": arguments.reference,
        "attention": arguments.attention,
        "seed": arguments.seed,
        "presence": arguments.presence,
        "progress": progress,
        "cancel": cancel,
    }
    if arguments.draws is not None:
        options["draws"] = arguments.draws
    if batch_size is not None:
        options["batch_size"] = batch_size
    return options


def _names(image: str, queries: list[str]) -> list[FileNames]:
    asked = stems(dict.fromkeys(queries))
    before = fitting(Path(image).stem, [f"_{stem}_overlay.png" for stem in asked])
    return [
        FileNames(
            overlay=f"{before}_{stem}_overlay.png",
            soft=f"{before}_{stem}_soft.png",
            mask=f"{before}_{stem}_mask.png",
            facts=f"{before}_{stem}.json",
        )
        for stem in asked
    ]


def _each(files: FileNames) -> list[str]:
    return [files.overlay, files.soft, files.mask, files.facts]


def _with_files(result: SegmentResult, files: list[FileNames]) -> SegmentResult:
    queries = [
        facts.model_copy(update={"files": each})
        for facts, each in zip(result.queries, files, strict=True)
    ]
    return result.model_copy(update={"queries": queries})


def _contents(result: SegmentResult, answer: SegmentAnswer) -> Iterator[tuple[str, bytes]]:
    """Yield each file when it is needed, so that not all of them are in memory at once."""
    selects = bool(result.exclude or result.invert or result.region)
    for facts, mask in zip(result.queries, answer.masks, strict=True):
        assert facts.files is not None
        item = answer.segmentations[facts.query]
        alone = result.model_copy(update={"queries": [facts]})
        yield facts.files.overlay, png_bytes(overlay_of(item, mask, facts, selects=selects))
        yield facts.files.soft, png_bytes(to_uint16(mask.soft if selects else item.soft))
        yield facts.files.mask, png_bytes(mask.binary())
        yield facts.files.facts, (alone.model_dump_json(indent=2) + "\n").encode()


def overlay_of(item: Segmentation, mask: Mask, facts: QueryFacts, *, selects: bool) -> Image.Image:
    """Return the picture with the mask lit up; what was narrowed shows what is left."""
    given = facts.threshold if facts.threshold_rule == "given" else None
    return mask.overlay() if selects else item.overlay(given)
