"""GeoJSON (RFC 7946): polygons in longitude and latitude where a picture has coordinates.

The outlines run along the sides of pixels, so that they have the area of the mask, holes and all.
Pictures without coordinates get polygons in pixels: x to the right, y down, (0, 0) the upper left
corner of the picture; no map shows these.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from textseg.errors import needing_extra
from textseg.exporting.labels import Labels, PictureLabels
from textseg.exporting.writing import JsonList, counted, text_file
from textseg.images import opened
from textseg.labelling.rows import LabelRow

# GDAL's drivers by Pillow's formats; those that lead on to other files are not among them
DRIVERS = {"TIFF": "GTiff", "JPEG2000": "JP2OpenJPEG", "PNG": "PNG", "JPEG": "JPEG"}
WGS84 = "EPSG:4326"
ORIENTATION, UPRIGHT = 0x0112, 1  # of EXIF
HEAD, TAIL = '{"type": "FeatureCollection", "features": [', "]}\n"

Place = tuple[Any, Any]  # Any: the transform and the reference system of rasterio


def write(labels: Labels, pictures: Iterable[PictureLabels], folder: Path) -> list[str]:
    """Write ``map.geojson`` and ``pixels.geojson``; see ``Writer``."""
    _rasterio()
    placed, others = 0, 0
    with ExitStack() as open_files:
        streams = (
            open_files.enter_context(text_file(folder / name))
            for name in ("map.geojson", "pixels.geojson")
        )
        on_map, in_pixels = (JsonList(stream, HEAD, TAIL) for stream in streams)
        for picture in pictures:
            if picture.size is None:
                continue
            place = _place(labels.root, picture)
            placed, others = placed + (place is not None), others + (place is None)
            features = in_pixels if place is None else on_map
            for row in picture.found:
                features.add(_feature(row, place))
        on_map.close()
        in_pixels.close()
    return [
        f"map.geojson: longitude and latitude, {counted(placed, 'picture')}; pixels.geojson: "
        f"pixels, x to the right and y down, {counted(others, 'picture')} without coordinates"
        + ("" if labels.root else ", as nobody knows where the pictures are"),
        "there is no place for what is not in a picture",
    ]


def _feature(row: LabelRow, place: Place | None) -> dict[str, object]:
    from rasterio.features import shapes
    from rasterio.transform import IDENTITY
    from rasterio.warp import transform_geom

    inside = row.mask()
    transform = IDENTITY if place is None else place[0]
    found = shapes(inside.astype("uint8"), mask=inside, connectivity=4, transform=transform)
    geometry = {"type": "MultiPolygon", "coordinates": [shape["coordinates"] for shape, _ in found]}
    about = {
        "path": row.path,
        "query": row.query,
        "presence": row.presence,
        "score": row.score,
        "pixels": row.area,
    }
    return {
        "type": "Feature",
        "geometry": geometry if place is None else transform_geom(place[1], WGS84, geometry),
        "properties": about,
    }


def _place(root: Path | None, picture: PictureLabels) -> Place | None:
    """Return where a picture lies; ``None`` where its file does not say, or is not what it was."""
    if root is None:
        return None
    path = root / picture.path
    try:
        with path.open("rb") as stream, opened(stream, list(DRIVERS)) as image:
            turned = image.getexif().get(ORIENTATION, UPRIGHT) != UPRIGHT
            driver = DRIVERS[str(image.format)]
        size, place = _read_place(path, driver)
    except Exception:  # a decoder meeting a damaged file raises nearly anything
        return None
    known = place[1] is not None and not place[0].is_identity
    return place if known and size == picture.size and not turned else None


def _read_place(path: Path, driver: str) -> tuple[tuple[int, int], Place]:
    """Return the size (H, W) that a file has on disk, and where it says that it lies."""
    rasterio = _rasterio()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path, driver=driver) as raster:
            return (raster.height, raster.width), (raster.transform, raster.crs)


def _rasterio() -> Any:  # Any: a library without types
    with needing_extra("outlines on a map need rasterio", "export"):
        import rasterio
        import rasterio.errors
    return rasterio
