"""What is known of a picture and a query, as a row of a Parquet file.

A folder of labels has its rows in files ``part-<digest>.parquet``, each with all rows of some
pictures. Two runs give the same bytes: a row holds nothing of when and where it was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textseg.errors import InvalidInputError, WorkspaceError, needing_extra
from textseg.segmentation.picking import Region

if TYPE_CHECKING:
    import pyarrow as pa

    from textseg.segmentation.result import Segmentation, Segmentations

PARTS = "part-*.parquet"
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Origin:
    """Where rows come from: the same of two rows means that they were made in the same way.

    Attributes:
        model: its name.
        fingerprint: of its weights.
        settings: digest of the queries and of all that decides a mask.
        version: of textseg.
    """

    model: str
    fingerprint: str
    settings: str
    version: str


@dataclass(frozen=True)
class LabelRow:
    """A query and a picture. Where ``error`` says why there is no answer, the answer is ``None``.

    Attributes:
        id: of the picture.
        path: of the picture; relative to the folder that was labelled.
        query: what was looked for.
        present: whether it is in the picture; ``None``: the model does not know a word.
        presence: the probability of that.
        score: mean of the soft mask inside the mask; ``None`` where that is empty.
        rle: the mask, as the compressed run lengths of COCO; see ``mask``.
        box: (left, top, right, bottom) in pixels, end exclusive; ``None``: the mask is empty.
        area: pixels inside the mask.
        height: of the picture as it is displayed (upright, by its EXIF data), in pixels.
        width: the same.
        regions: the connected pieces of the mask, the largest first.
        evaluations: of the network, those that other queries of the picture share included.
        notes: remarks for people.
        error: why the picture could not be asked about; ``None``: it could.
        model: as in ``Origin``, and so are the rest.
        fingerprint: of the weights.
        settings: digest of what decides a mask.
        version: of textseg.
    """

    id: str
    path: str
    query: str
    present: bool | None
    presence: float | None
    score: float | None
    rle: str | None
    box: Box | None
    area: int | None
    height: int | None
    width: int | None
    regions: tuple[Region, ...]
    evaluations: int | None
    notes: tuple[str, ...]
    error: str | None
    model: str
    fingerprint: str
    settings: str
    version: str

    def mask(self) -> NDArray[np.bool_]:
        """Return the mask (H, W).

        Raises:
            InvalidInputError: there is none, because the picture could not be asked about.
        """
        if self.rle is None:
            raise InvalidInputError(f"{self.path} has no mask of {self.query!r}: {self.error}")
        from pycocotools import mask as coco

        counts = {"size": [self.height, self.width], "counts": self.rle.encode()}
        return np.asarray(coco.decode(counts), bool)


def schema() -> pa.Schema:
    """Return the columns of the files; raises ``MissingExtraError`` without pyarrow."""
    pa = arrow()
    box = pa.list_(pa.int32(), 4)
    region = [("box", box), ("area", pa.int64()), ("centroid", pa.list_(pa.float32(), 2))]
    kinds = {
        "present": pa.bool_(),
        "presence": pa.float32(),
        "score": pa.float32(),
        "box": box,
        "area": pa.int64(),
        "height": pa.int32(),
        "width": pa.int32(),
        "regions": pa.list_(pa.struct([*region, ("score", pa.float32())])),
        "evaluations": pa.int32(),
        "notes": pa.list_(pa.string()),
    }
    return pa.schema([(each.name, kinds.get(each.name, pa.string())) for each in fields(LabelRow)])


def rows_of(picture: str, path: str, found: Segmentations, *, origin: Origin) -> list[LabelRow]:
    """Return the rows of a picture, one for each query, in their order.

    Args:
        picture: its id.
        path: as the rows have it.
        found: the answers.
        origin: where they come from.
    """
    return [_row(picture, path, item, origin) for item in found]


def error_rows(
    picture: str, path: str, queries: Iterable[str], *, error: str, origin: Origin
) -> list[LabelRow]:
    """Return the rows of a picture that could not be asked about, one for each query."""
    answers = ("present", "presence", "score", "rle", "box", "area")
    nothing: dict[str, Any] = dict.fromkeys(  # Any: None for values of several types
        (*answers, "height", "width", "evaluations")
    )
    return [
        LabelRow(
            id=picture,
            path=path,
            query=query,
            **nothing,
            regions=(),
            notes=(),
            error=error,
            **asdict(origin),
        )
        for query in queries
    ]


def table_of(rows: Sequence[LabelRow]) -> pa.Table:
    """Return rows as the table that a file holds."""
    columns = {each.name: [getattr(row, each.name) for row in rows] for each in fields(LabelRow)}
    columns["regions"] = [[asdict(region) for region in row.regions] for row in rows]
    return arrow().table(columns, schema=schema())


def part_files(folder: Path) -> list[Path]:
    """Return the files with rows in a folder of labels, in the order of their names."""
    return sorted(folder.glob(PARTS))


def some_part_files(folder: Path) -> list[Path]:
    """Return the same; raises ``InvalidInputError`` where there are none."""
    files = part_files(folder)
    if not files:
        raise InvalidInputError(
            f"there are no labels in {folder}", hint="`textseg label` makes some"
        )
    return files


def read_part(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the rows in one file; raises ``WorkspaceError`` where it cannot be read."""
    arrow()
    from pyarrow import ArrowException, parquet

    try:
        with path.open("rb") as stream:
            # threads of pyarrow now and then abort a process that ends right afterwards
            file = parquet.ParquetFile(stream, pre_buffer=False)
            return file.read(columns, use_threads=False)
    except (ArrowException, OSError) as error:
        raise WorkspaceError(
            f"{path} cannot be read: {error}", hint="the same call of `textseg label` makes it anew"
        ) from error


def read_rows(folder: Path) -> Iterator[LabelRow]:
    """Yield all rows in a folder of labels, file by file.

    Where a picture and a query are in two files, as they may be after two jobs with other lists of
    pictures at a time, the first is yielded.

    Raises:
        InvalidInputError: there are none.
        WorkspaceError: one of the files cannot be read.
        MissingExtraError: pyarrow is not installed.
    """
    seen: set[tuple[str, str]] = set()
    for path in some_part_files(folder):
        for row in rows_from(read_part(path)):
            if (row.id, row.query) not in seen:
                yield row
            seen.add((row.id, row.query))


def read_errors(folder: Path) -> Iterator[str]:
    """Yield why pictures could not be asked about: a line for each, which names it."""
    for path in part_files(folder):
        table = read_part(path, ["id", "path", "error"])
        failed = table.filter(table["error"].is_valid()).to_pylist()
        for row in {row["id"]: row for row in failed}.values():
            named = row["path"] in row["error"]
            yield row["error"] if named else f"{row['path']}: {row['error']}"


def rows_from(table: pa.Table) -> Iterator[LabelRow]:
    """Yield the rows of a table."""
    for values in table.to_pylist():
        yield LabelRow(**{**values, **_tuples(values)})


def arrow() -> ModuleType:
    """Return pyarrow; raises ``MissingExtraError`` where it is not installed."""
    with needing_extra("labels need pyarrow and pycocotools", "label"):
        import pyarrow
        import pyarrow.parquet
        import pycocotools  # noqa: F401  # the masks in the rows need it
    library: ModuleType = pyarrow
    return library


def _row(picture: str, path: str, item: Segmentation, origin: Origin) -> LabelRow:
    from pycocotools import mask as coco

    binary = item.binary()
    inside = np.asfortranarray(binary.astype(np.uint8))
    known = item.present is not None
    return LabelRow(
        id=picture,
        path=path,
        query=item.query,
        present=item.present,
        presence=item.presence if known else None,
        score=float(item.soft[binary].mean()) if binary.any() else None,
        rle=coco.encode(inside)["counts"].decode(),
        box=_box(binary),
        area=int(binary.sum()),
        height=item.size[0],
        width=item.size[1],
        regions=tuple(item.regions()),
        evaluations=item.evaluations,
        notes=item.notes,
        error=None,
        **asdict(origin),
    )


def _box(binary: NDArray[np.bool_]) -> Box | None:
    rows, cols = np.flatnonzero(binary.any(1)), np.flatnonzero(binary.any(0))
    if not len(rows):
        return None
    return int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1


def _tuples(values: dict[str, Any]) -> dict[str, Any]:  # Any: the columns of a row
    """Return the values that a row has as tuples."""
    regions = [{**each, "box": tuple(each["box"])} for each in values["regions"]]
    return {
        "box": None if values["box"] is None else tuple(values["box"]),
        "notes": tuple(values["notes"]),
        "regions": tuple(
            Region(**{**each, "centroid": tuple(each["centroid"])}) for each in regions
        ),
    }
