"""The files that results become: what they are called, and what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from textseg.files import fitting
from textseg.images import Picture, png_bytes, to_uint8, to_uint16
from textseg.segmentation.export import file_scale, stems
from textseg.toolbox.create_facts import CreateFiles, CreateResult
from textseg.toolbox.segment_facts import FileNames, QueryFacts, SegmentResult

if TYPE_CHECKING:
    from PIL import Image

    from textseg.segmentation.mask import Mask
    from textseg.segmentation.result import Segmentation
    from textseg.toolbox.create import CreateAnswer
    from textseg.toolbox.segment import SegmentAnswer

FilesT = TypeVar("FilesT", FileNames, CreateFiles)


def segment_names(image: str, queries: list[str]) -> list[FileNames]:
    """Return the names of the files of each query, without folders."""
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


def with_files(result: SegmentResult, files: list[FileNames]) -> SegmentResult:
    """Return the result with the files of each query."""
    queries = [
        facts.model_copy(update={"files": each})
        for facts, each in zip(result.queries, files, strict=True)
    ]
    return result.model_copy(update={"queries": queries})


def segment_contents(result: SegmentResult, answer: SegmentAnswer) -> Iterator[tuple[str, bytes]]:
    """Yield each file when it is needed, so that not all of them are in memory at once."""
    selects = bool(result.exclude or result.invert or result.region)
    for facts, mask in zip(result.queries, answer.masks, strict=True):
        assert facts.files is not None
        item = answer.segmentations[facts.query]
        alone = result.model_copy(update={"queries": [facts]})
        yield facts.files.overlay, png_bytes(_overlay(item, mask, facts, selects=selects))
        yield facts.files.soft, png_bytes(to_uint16(mask.soft if selects else item.soft))
        yield facts.files.mask, png_bytes(mask.binary())
        yield facts.files.facts, (alone.model_dump_json(indent=2) + "\n").encode()


def _overlay(item: Segmentation, mask: Mask, facts: QueryFacts, *, selects: bool) -> Image.Image:
    """Return the picture with the mask lit up; what was narrowed shows what is left."""
    given = facts.threshold if facts.threshold_rule == "given" else None
    scale = file_scale(item.size)
    return mask.overlay(enlarge=scale) if selects else item.overlay(given, enlarge=scale)


def create_names(path: Path, changes: int, *, stages: bool) -> CreateFiles:
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


def create_contents(
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


def every_name(files: FileNames | CreateFiles) -> list[str]:
    """Return the names of all files, each once."""
    parts = [each if isinstance(each, list) else [each] for _, each in files]
    return list(dict.fromkeys(name for part in parts for name in part if name is not None))


def placed_in(folder: Path, files: FilesT) -> FilesT:
    """Return the files with their folder."""

    def placed(name: Any) -> Any:  # Any: a name, a list of them, or None
        if isinstance(name, list):
            return [placed(each) for each in name]
        return None if name is None else str(folder / name)

    return files.model_copy(update={part: placed(name) for part, name in files})
