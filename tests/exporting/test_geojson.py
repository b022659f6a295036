from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.features import rasterize
from rasterio.transform import Affine
from rasterio.warp import transform_geom
from shapely.geometry import shape

from tests.exporting.samples import (
    MASKS,
    SIZE,
    SOURCE,
    ring,
    row_of,
    write_part,
)
from textseg.errors import MissingExtraError
from textseg.exporting.export import export_labels

UTM = "EPSG:32633"
PLACE = Affine(10, 0, 500_000, 0, -10, 5_400_000)  # 10 metres a pixel, north is up


def features(folder: Path, name: str) -> list[dict[str, Any]]:  # Any: JSON
    read = json.loads((folder / name).read_text("utf-8"))
    assert read["type"] == "FeatureCollection"
    return list(read["features"])


def write_raster(path: Path, size: tuple[int, int] = SIZE, crs: str | None = UTM) -> None:
    about = {"driver": "GTiff", "height": size[0], "width": size[1], "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", crs=crs, transform=PLACE, **about) as raster:
        raster.write(np.zeros((3, *size), np.uint8))


@pytest.fixture
def placed(tmp_path: Path) -> Path:
    """Labels of a raster that has coordinates."""
    (tmp_path / "photos").mkdir()
    write_raster(tmp_path / "photos" / "field.tif")
    write_part(tmp_path / "labels", "1", [row_of("field.tif", "tree", ring())])
    return tmp_path


def test_polygons_in_pixels_have_the_pixels_of_the_masks(labels: Path, tmp_path: Path) -> None:
    export_labels(labels, to="geojson", output=tmp_path / "out")
    assert features(tmp_path / "out", "map.geojson") == []
    read = {
        (each["properties"]["path"], each["properties"]["query"]): each
        for each in features(tmp_path / "out", "pixels.geojson")
    }
    assert read.keys() == MASKS.keys()
    for key, each in read.items():
        outline = shape(each["geometry"])
        assert outline.is_valid
        assert outline.area == MASKS[key].sum() == each["properties"]["pixels"]
        np.testing.assert_array_equal(rasterize([outline], SIZE), MASKS[key])


def test_holes_are_holes(labels: Path, tmp_path: Path) -> None:
    export_labels(labels, to="geojson", output=tmp_path / "out")
    first = features(tmp_path / "out", "pixels.geojson")[0]
    assert first["properties"]["path"] == SOURCE
    assert sorted(len(part.interiors) for part in shape(first["geometry"]).geoms) == [0, 0, 2]


def test_raster_with_coordinates_is_put_on_the_globe(placed: Path) -> None:
    facts = export_labels(
        placed / "labels", to="geojson", output=placed / "out", pictures=placed / "photos"
    )
    assert features(placed / "out", "pixels.geojson") == []
    (found,) = features(placed / "out", "map.geojson")
    west, south, east, north = shape(found["geometry"]).bounds
    assert 15 <= west < east < 15.01  # the meridian of the zone
    assert 48.7 < south < north < 48.8
    back = transform_geom("EPSG:4326", UTM, found["geometry"])
    np.testing.assert_array_equal(rasterize([back], SIZE, transform=PLACE), ring())
    assert "latitude, 1 picture; " in facts.notes[1]


@pytest.mark.parametrize("change", ["gone", "other size", "no system", "turned"])
def test_file_that_does_not_say_where_it_lies_gives_pixels(placed: Path, change: str) -> None:
    path = placed / "photos" / "field.tif"
    if change == "gone":
        path.unlink()
    elif change == "turned":
        path.write_bytes(turned(path.read_bytes()))
    else:
        write_raster(path, (24, 41) if change == "other size" else SIZE, None)
    export_labels(
        placed / "labels", to="geojson", output=placed / "out", pictures=placed / "photos"
    )
    assert features(placed / "out", "map.geojson") == []
    (found,) = features(placed / "out", "pixels.geojson")
    assert shape(found["geometry"]).area == ring().sum()


def turned(tiff: bytes) -> bytes:
    """The file with the tag of its orientation in the place of that of its planes."""
    planes = b"\x1c\x01\x03\x00\x01\x00\x00\x00\x01\x00"
    assert tiff.count(planes) == 1
    return tiff.replace(planes, b"\x12\x01\x03\x00\x01\x00\x00\x00\x03\x00")


def test_missing_rasterio_says_what_to_install(
    labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'textseg\[export\]'"):
        export_labels(labels, to="geojson", output=tmp_path / "out")
