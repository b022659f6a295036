from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.lab.bench.masks.made import (
    HOUSE,
    LEFT,
    SHAPE,
    TREE,
    draw,
    numbered,
    pack,
    runs_of,
    write,
    write_coco,
    write_editing_mask,
    write_imagenet_s,
    write_names,
    write_voc,
)
from textseg.errors import Cancelled, InvalidInputError
from textseg.images import png_bytes
from textseg.lab.bench.masks.folders import VOC_CLASSES
from textseg.lab.bench.masks.reading import read_mask_set
from textseg.lab.bench.masks.truth import MaskSet, Truth
from textseg.progress import CancelToken, Follow, Progress

BOX = [5.0, 3, 20, 3, 20, 15, 5, 15]  # the tree's place in pixels


def read(data: Path, names: Path | None = None, limit: int | None = None) -> MaskSet:
    return read_mask_set(data, names=names, limit=limit, follow=Follow())


def truths(found: MaskSet) -> dict[str, Truth]:
    return {key: picture.read() for key, picture in found.pictures.items()}


# -- the layouts


def test_voc_has_classes_by_number_and_leaves_out_what_nobody_judged(tmp_path: Path) -> None:
    numbers = numbered(TREE, HOUSE, ignored=255)
    found = read(write_voc(tmp_path, {"2008_000001": ((), numbers)}), write_names(tmp_path))
    assert (found.layout, found.categories, found.mean) == ("voc", ("tree", "house"), "classes")
    truth = truths(found)["2008_000001"]
    assert (truth.masks["tree"] == TREE).all()
    assert (truth.masks["house"] == HOUSE).all()
    assert np.argwhere(~truth.counted)[:, 1].tolist() == [39] * 24


def test_voc_names_its_twenty_classes_itself(tmp_path: Path) -> None:
    found = read(write_voc(tmp_path, {"a": ((), numbered(15 * TREE > 0) * 15)}))
    assert len(found.categories) == len(VOC_CLASSES) == 20
    assert list(truths(found)["a"].masks) == ["person"]


def test_voc_takes_the_pictures_of_its_list(tmp_path: Path) -> None:
    pictures = {name: ((), numbered(TREE)) for name in ("a", "b", "c")}
    data = write_voc(tmp_path, pictures)
    assert list(read(data).pictures) == ["a", "b", "c"]
    write(data / "ImageSets" / "Segmentation" / "val.txt", "c\nb\n")
    assert list(read(data).pictures) == ["c", "b"]
    assert list(read(data, limit=1).pictures) == ["c"]


def test_imagenet_s_has_classes_in_two_channels(tmp_path: Path) -> None:
    numbers = np.where(TREE, 300, 0)
    numbers[:, -1] = 1000
    data = write_imagenet_s(tmp_path, {"n01/val_1": ((), numbers)})
    write(tmp_path / "names.txt", "".join(f"class {k}\n" for k in range(1, 301)))
    found = read(data, tmp_path / "names.txt")
    assert (found.layout, found.mean) == ("imagenet-s", "classes")
    truth = truths(found)["n01/val_1"]
    assert {name: (mask == TREE).all() for name, mask in truth.masks.items()} == {"class 300": True}
    assert np.argwhere(~truth.counted)[:, 1].tolist() == [39] * 24


def test_editing_mask_asks_for_the_phrase_that_is_to_be_changed(tmp_path: Path) -> None:
    lines = [
        "12 <> A photo of a red tree. <> red tree <> a house",
        "ILSVRC2012_val_00028602.JPEG <> house <> Afghan hound",
    ]
    masks = {"12": TREE, "ILSVRC2012_val_00028602": HOUSE}
    data = write_editing_mask(tmp_path, lines, masks)
    mask = data / "mask" / "ILSVRC2012_val_00028602.png"
    mask.rename(mask.with_stem("28602"))
    found = read(data)
    assert (found.layout, found.categories, found.mean) == ("editing-mask", (), "pictures")
    first, second = truths(found).values()
    assert (first.masks["red tree"] == TREE).all()
    assert (second.masks["house"] == HOUSE).all()
    assert list(found.pictures) == ["1 12", "2 ILSVRC2012_val_00028602"]


def test_coco_takes_polygons_and_runs_packed_or_not(tmp_path: Path) -> None:
    size, runs = list(SHAPE), runs_of(HOUSE)
    for k, counts in enumerate((runs, pack(runs))):
        drawn = [(3, [BOX]), (90, {"size": size, "counts": counts})]
        found = read(write_coco(tmp_path / str(k), (), drawn))
        assert (found.layout, found.categories, found.mean) == (
            "coco",
            ("tree", "house"),
            "classes",
        )
        truth = truths(found)["a.png"]
        assert (truth.masks["tree"] == TREE).all()
        assert (truth.masks["house"] == HOUSE).all()
        assert truth.counted.all()


def test_instances_of_a_category_are_one_mask(tmp_path: Path) -> None:
    drawn = [(3, {"size": list(SHAPE), "counts": runs_of(part)}) for part in (TREE & LEFT, HOUSE)]
    truth = truths(read(write_coco(tmp_path, (), drawn)))["a.png"]
    assert (truth.masks["tree"] == ((TREE & LEFT) | HOUSE)).all()


def test_crowds_are_ignored_and_what_is_nothing_else_is_doubtful(tmp_path: Path) -> None:
    crowd = {"size": list(SHAPE), "counts": runs_of(LEFT)}
    truth = truths(read(write_coco(tmp_path, (), [(3, crowd, True), (90, [BOX])])))["a.png"]
    assert list(truth.masks) == ["house"]
    assert (truth.counted == ~LEFT).all()
    assert truth.doubtful == {"tree"}


def test_folder_of_coco_and_its_file_are_the_same_set(tmp_path: Path) -> None:
    path = write_coco(tmp_path, (), [(3, [BOX])])
    by_file, by_folder = read(path), read(tmp_path)
    assert by_file.fingerprint == by_folder.fingerprint
    assert by_file.pictures["a.png"].path == tmp_path / "val2017" / "a.png"


def test_every_picture_is_looked_at_and_told(tmp_path: Path) -> None:
    data = write_voc(tmp_path, {name: ((), numbered(TREE)) for name in "ab"})
    told: list[Progress] = []
    read_mask_set(data, names=None, limit=None, follow=Follow(told.append))
    assert told == [Progress("checking", k, 2) for k in range(3)]
    stopped = CancelToken()
    stopped.cancel()
    with pytest.raises(Cancelled):
        read_mask_set(data, names=None, limit=None, follow=Follow(cancel=stopped))


# -- what cannot be used


def one_voc(folder: Path) -> Path:
    return write_voc(folder, {"a": ((), numbered(TREE))})


def missing_picture(folder: Path) -> None:
    (one_voc(folder) / "JPEGImages" / "a.png").unlink()


def missing_mask(folder: Path) -> None:
    write(one_voc(folder) / "ImageSets" / "Segmentation" / "val.txt", "a b")
    draw(folder / "JPEGImages" / "b.png", ())


def empty_voc(folder: Path) -> None:
    (folder / "SegmentationClass").mkdir()


def turned_picture(folder: Path) -> None:
    draw(one_voc(folder) / "JPEGImages" / "a.png", (), shape=(40, 24))


def unnamed_class(folder: Path) -> None:
    write_voc(folder, {"a": ((), numbered(TREE) * 21)})


def coloured_mask(folder: Path) -> None:
    mask = one_voc(folder) / "SegmentationClass" / "a.png"
    write(mask, png_bytes(np.zeros((*SHAPE, 3), np.uint8)))


def damaged_mask(folder: Path) -> None:
    mask = one_voc(folder) / "SegmentationClass" / "a.png"
    write(mask, mask.read_bytes()[:60])


def nameless_imagenet_s(folder: Path) -> None:
    write_imagenet_s(folder, {"n01/a": ((), numbered(TREE))})


def short_line(folder: Path) -> None:
    write_editing_mask(folder, ["12 <> tree"], {"12": TREE})


def dark_mask(folder: Path) -> None:
    write_editing_mask(folder, ["12 <> a tree. <> tree <> house"], {"12": TREE & False})


def several_files(folder: Path) -> None:
    path = write_coco(folder, (), [])
    write(path.with_name("captions_val2017.json"), "{}")


def no_json(folder: Path) -> None:
    write(folder / "a.json", "[")


def captions(folder: Path) -> None:
    path = write_coco(folder, (), [])
    write(path, json.dumps({**json.loads(path.read_text()), "annotations": [{"id": 1}]}))


def one_name_for_two(folder: Path) -> None:
    path = write_coco(folder, (), [])
    found = json.loads(path.read_text())
    write(
        path, json.dumps({**found, "images": [*found["images"], {**found["images"][0], "id": 8}]})
    )


def lost_picture(folder: Path) -> None:
    write_coco(folder, (), [(3, [BOX])])
    (folder / "val2017" / "a.png").unlink()


CASES: list[tuple[Callable[[Path], object], str]] = [
    (missing_picture, r"JPEGImages/a\.\*: no such file"),
    (missing_mask, r"b: .*SegmentationClass/b.png: no such file"),
    (empty_voc, "has no picture with a mask"),
    (turned_picture, "a: a mask of 40 x 24 for a picture of 24 x 40"),
    (unnamed_class, "class 21 has no name; there are 20.*--names"),
    (coloured_mask, "a mask of mode RGB"),
    (damaged_mask, "a.png: not a PNG file that can be read"),
    (nameless_imagenet_s, "numbers only; give the names with --names"),
    (short_line, r"Editing-Mask_list.txt, line 1: '12 <> tree'"),
    (dark_mask, "12.png: the mask is empty"),
    (several_files, "captions_val2017.json, instances_val2017.json; name one with --data"),
    (no_json, "a.json is not JSON"),
    (captions, "annotations.0.image_id: is missing"),
    (one_name_for_two, "two pictures are called 'a.png'"),
    (lost_picture, "a.png: no such file"),
    (lambda folder: write_coco(folder, (), [(4, [BOX])]), "0 is of category 4.*not listed"),
    (lambda folder: write_coco(folder, (), [(3, [[1, 2, 3]])]), "a.png: annotation 0: .*3 numbers"),
    (lambda folder: write_coco(folder, (), [(3, [])]), "annotation 0: it has no polygon"),
    (
        lambda folder: write_coco(folder, (), [(3, {"size": [40, 24], "counts": [960]})]),
        "annotation 0: runs of 24 x 40 for 40 x 24",
    ),
    (lambda folder: None, "no layout that is known; expected: JPEGImages/"),
]


@pytest.mark.parametrize(("spoil", "said"), CASES, ids=[said for _, said in CASES])
def test_bad_data_is_refused_with_what_and_where(
    tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(tmp_path)
    with pytest.raises(InvalidInputError, match=said):
        read(tmp_path)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("tree\n\nhouse\n", "a line is empty"),
        ("tree\n Tree \n", "two categories are called 'tree'"),
    ],
)
def test_names_must_name_every_class_and_differ(tmp_path: Path, names: str, said: str) -> None:
    write(tmp_path / "names.txt", names)
    with pytest.raises(InvalidInputError, match=said):
        read(one_voc(tmp_path), tmp_path / "names.txt")


def test_names_are_refused_where_the_data_has_its_own(tmp_path: Path) -> None:
    write_coco(tmp_path, (), [(3, [BOX])])
    with pytest.raises(InvalidInputError, match="leave out --names"):
        read(tmp_path, write_names(tmp_path))


def test_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="nowhere: no such folder"):
        read(tmp_path / "nowhere")
