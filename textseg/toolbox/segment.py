"""Find things in a picture: arguments, facts and files of ``segment_image``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from textseg import __version__
from textseg.files import refuse_existing, usable_folder, write_files
from textseg.images import MAX_PIXELS, Picture, open_picture, png_bytes, to_uint16
from textseg.progress import CancelToken, ProgressCallback
from textseg.segmentation.export import stems
from textseg.toolbox.common import (
    DeviceName,
    Facts,
    ModelName,
    PixelLimit,
    Query,
    open_scene,
    precise_enough,
    silent,
)

if TYPE_CHECKING:
    from textseg.diffusion.model import DiffusionModel
    from textseg.scene import SegmentOptions
    from textseg.segmentation.result import Region, Segmentation, Segmentations


class SegmentArguments(Facts):
    """What to look for in which picture, and how."""

    image: str = Field(min_length=1, description="path of the picture")
    queries: list[Query] = Field(
        min_length=1, max_length=100, description="what to look for, one mask each"
    )
    model: ModelName = "picturebook"
    device: DeviceName = "auto"
    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="where to cut the soft masks; null cuts where each map divides best, and "
        "leaves the mask of a query that is not present empty",
    )
    reference: str = Field(
        default="", description="text the queries are compared with; empty: no text"
    )
    draws: int | None = Field(
        default=None, ge=1, le=1000, description="noised copies of the picture; null: the default"
    )
    seed: int = Field(
        default=0, ge=0, lt=2**63, description="decides the noise: same seed, same masks"
    )
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description="most rows in the network at once; null: the default",
    )
    max_pixels: PixelLimit = MAX_PIXELS


class RegionFacts(Facts):
    """One connected piece of a mask."""

    index: int = Field(ge=1, description="1 for the largest")
    box: tuple[int, int, int, int] = Field(
        description="left, top, right, bottom in pixels; right and bottom lie just outside"
    )
    area: int = Field(ge=1, description="pixels")
    centroid: tuple[float, float] = Field(description="row, column in pixels")
    score: float = Field(ge=0, le=1, description="mean of the soft mask inside")


class FileNames(Facts):
    """Where the files of one query lie."""

    overlay: str = Field(description="PNG for people: the query lit up, the rest grey")
    soft: str = Field(description="16-bit grey PNG, 65535 = 1")
    mask: str = Field(description="8-bit grey PNG, 255 = inside")
    facts: str = Field(description="JSON: the result, with this query only")


class QueryFacts(Facts):
    """What was found for one query."""

    query: str
    matched: bool = Field(description="the mask has at least one pixel")
    present: bool = Field(description="the decision whether it is in the picture at all")
    presence: float = Field(ge=0, le=1, description="probability behind that decision")
    threshold: float = Field(ge=0, le=1, description="where the soft mask was cut")
    threshold_rule: str = Field(description='"given", or the rule that found the threshold')
    area: float = Field(ge=0, le=1, description="share of the picture inside the mask")
    regions: list[RegionFacts] = Field(description="connected pieces, the largest first")
    draws: int = Field(ge=1, description="noised copies of the picture that were used")
    evaluations: int = Field(ge=0, description="network evaluations, shared ones included")
    seconds: float = Field(ge=0, description="its equal share of the call")
    notes: list[str] = Field(description="remarks for people, e.g. words the model cannot read")
    files: FileNames | None = Field(default=None, description="null before anything is saved")


class SegmentResult(Facts):
    """What a call found: facts about the picture and about each query, in the order asked."""

    image: str
    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")
    model: str
    reference: str
    seed: int
    queries: list[QueryFacts]
    evaluations: int = Field(ge=0, description="of the whole call: what was shared counts once")
    seconds: float = Field(ge=0, description="from the picture read to the last mask")
    notes: list[str] = Field(description="remarks on the picture, e.g. that only a frame is used")
    version: str = Field(description="of textseg")


@dataclass(frozen=True)
class SegmentAnswer:
    """The facts of a call together with the masks they are about."""

    result: SegmentResult
    segmentations: Segmentations


def segment_image(
    arguments: SegmentArguments,
    *,
    model: DiffusionModel | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> SegmentAnswer:
    """Return where each query is in the picture. Writes nothing; ``save_answer`` does.

    Args:
        arguments: what to look for; checked already.
        model: a loaded model to use instead of ``arguments.model``.
        progress: called with the work done.
        cancel: looked at between the parts of the work.

    Raises:
        ImageError: the picture cannot be read; found before a model is loaded.
        ModelError: the model cannot be loaded.
        OutOfMemoryError: picture or batch do not fit on the device.
        Cancelled: ``cancel`` was raised.
    """
    picture = open_picture(arguments.image, max_pixels=arguments.max_pixels)

    def work(dtype: str) -> SegmentAnswer:
        scene = open_scene(
            picture,
            model or arguments.model,
            device=arguments.device,
            dtype=dtype,
            report=progress or silent,
        )
        found = scene.segment_all(arguments.queries, **_options(arguments, progress, cancel))
        return SegmentAnswer(_result(arguments, picture, scene.model.name, found), found)

    attempt = precise_enough(work, model)
    result = attempt.outcome.result
    noted = result.model_copy(update={"notes": [*result.notes, *attempt.notes]})
    return SegmentAnswer(noted, attempt.outcome.segmentations)


def _result(
    arguments: SegmentArguments, picture: Picture, model: str, found: Segmentations
) -> SegmentResult:
    return SegmentResult(
        image=arguments.image,
        width=picture.size[1],
        height=picture.size[0],
        model=model,
        reference=arguments.reference,
        seed=arguments.seed,
        queries=[_facts(item, arguments.threshold, picture.notes) for item in found],
        evaluations=found.evaluations,
        seconds=found.seconds,
        notes=list(picture.notes),
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
    arguments: SegmentArguments, progress: ProgressCallback | None, cancel: CancelToken | None
) -> SegmentOptions:
    options: SegmentOptions = {
        "reference": arguments.reference,
        "seed": arguments.seed,
        "progress": progress,
        "cancel": cancel,
    }
    if arguments.draws is not None:
        options["draws"] = arguments.draws
    if arguments.batch_size is not None:
        options["batch_size"] = arguments.batch_size
    return options


def _facts(
    item: Segmentation, threshold: float | None, about_picture: tuple[str, ...]
) -> QueryFacts:
    from textseg.segmentation.result import HALF

    binary = item.binary(threshold)
    rule = f"{item.threshold.rule} of {item.threshold.statistic}"
    return QueryFacts(
        query=item.query,
        matched=bool(binary.any()),
        present=item.present,
        presence=item.presence,
        threshold=HALF if threshold is None else threshold,
        threshold_rule=rule if threshold is None else "given",
        area=float(binary.mean()),
        regions=[_region(k, region) for k, region in enumerate(item.regions(threshold), start=1)],
        draws=item.raw.draws,
        evaluations=item.evaluations,
        seconds=item.seconds,
        notes=[note for note in item.notes if note not in about_picture],
    )


def _region(index: int, region: Region) -> RegionFacts:
    return RegionFacts(
        index=index,
        box=region.box,
        area=region.area,
        centroid=region.centroid,
        score=min(max(region.score, 0.0), 1.0),
    )


def _names(image: str, queries: list[str]) -> list[FileNames]:
    before = Path(image).stem
    return [
        FileNames(
            overlay=f"{before}_{stem}_overlay.png",
            soft=f"{before}_{stem}_soft.png",
            mask=f"{before}_{stem}_mask.png",
            facts=f"{before}_{stem}.json",
        )
        for stem in stems(dict.fromkeys(queries))
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
    for facts, item in zip(result.queries, answer.segmentations, strict=True):
        assert facts.files is not None
        given = facts.threshold if facts.threshold_rule == "given" else None
        alone = result.model_copy(update={"queries": [facts]})
        yield facts.files.overlay, png_bytes(item.overlay(given))
        yield facts.files.soft, png_bytes(to_uint16(item.soft))
        yield facts.files.mask, png_bytes(item.binary(given))
        yield facts.files.facts, (alone.model_dump_json(indent=2) + "\n").encode()
