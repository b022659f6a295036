from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from tests.lab.bench.masks.made import (
    HEIGHT,
    HOUSE,
    LEFT,
    MODEL,
    TREE,
    WIDTH,
    draw,
    numbered,
    runs_of,
    write_coco,
    write_editing_mask,
    write_names,
    write_voc,
)
from tests.registering import register_model
from textseg.errors import InvalidInputError, UnknownNameError
from textseg.images import png_bytes, to_uint8
from textseg.lab.bench.masks.asking import MaskBenchSettings, choose_questions
from textseg.lab.bench.masks.report import MaskReport
from textseg.lab.bench.masks.running import measure_masks
from textseg.lab.bench.masks.truth import Truth
from textseg.lab.bench.segment import THRESHOLDS
from textseg.progress import Follow
from textseg.scene import Scene
from textseg.testing import GaussianModel, GaussianThing
from textseg.toolbox import Setup


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact model, whose masks are right in every pixel, under the name "gaussian"."""
    register_model(monkeypatch, "gaussian", lambda **_: MODEL)


def measure(data: Path, **options: Any) -> MaskReport:  # Any: fields of different types
    setup = Setup(model=options.pop("model", "gaussian"))
    settings = MaskBenchSettings(data, setup, **options)
    return measure_masks(settings, follow=Follow())


def row_of(report: MaskReport, name: str = "default") -> dict[str, Any]:  # Any: numbers or None
    found = json.loads(report.as_json())[name]
    assert isinstance(found, dict)
    return found


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """A tree of which half is true; both, all true; nothing. The last column is ignored."""
    return write_voc(
        tmp_path / "voc",
        {
            "a": (["tree"], numbered(TREE & LEFT & (np.arange(WIDTH) < 12), ignored=255)),
            "b": (["tree", "house"], numbered(TREE, HOUSE, ignored=255)),
            "c": ([], numbered(ignored=255)),
        },
    )


def test_exact_model_gets_the_figures_worked_out_by_hand(voc: Path) -> None:
    report = measure(voc, names=write_names(voc))
    row, half, tree = row_of(report), TREE[:, :12].sum(), TREE.sum()
    assert row["iou"] == pytest.approx(((half + tree) / (2 * tree) + 1) / 2)
    rest = (39 * HEIGHT - tree) / (39 * HEIGHT - half)  # 39 columns count
    assert row["single_class_iou"] == pytest.approx((half / tree + rest) / 2)
    assert (row["pictures"], row["questions"], row["single_class_pictures"]) == (3, 6, 1)
    assert (row["presence_auroc"], row["false_present"], row["missed"]) == (1, 0, 0)
    assert row["best_iou"] >= row["iou"] - 1e-9
    assert report.outcome.problems == ()


def test_everything_asked_everywhere_agrees_with_a_confusion_matrix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Things that lie over one another are both found there; a pixel has one of them."""
    things: Mapping[str, GaussianThing] = {
        "tree": GaussianThing(colour=(0.2, 0.7, 0.3), box=(0.125, 0.125, 0.75, 0.625)),
        "house": GaussianThing(colour=(0.3, 0.6, 0.4), box=(0.375, 0.25, 0.875, 0.875)),
    }
    model = GaussianModel(things=things)
    register_model(monkeypatch, "overlapping", lambda **_: model)
    truths = {"a": numbered(TREE, HOUSE, 255), "b": numbered(TREE, ignored=255)}
    data = write_voc(tmp_path, {name: ((), numbers) for name, numbers in truths.items()})
    expected, said, overlap = [], [], 0
    cut: dict[float, list[int]] = {level: [] for level in THRESHOLDS.tolist()}
    for name, numbers in truths.items():
        path = data / "JPEGImages" / f"{name}.png"
        picture = model.picture(["tree", "house"], HEIGHT, WIDTH, seed=4)
        path.write_bytes(png_bytes(to_uint8(picture)))
        found = Scene.open(path, model).segment_all(["tree", "house"])
        overlap += int((found[0].binary() & found[1].binary()).sum())
        expected += numbers[numbers != 255].tolist()
        said += found.exclusive().labels[numbers != 255].tolist()
        softs = np.stack([item.soft for item in found])[:, numbers != 255]
        for level, labels in cut.items():
            labels += np.where(softs.max(0) > level, softs.argmax(0) + 1, 0).tolist()
    assert overlap > 0
    report = measure(data, model="overlapping", ask="all", names=write_names(data))
    row, of = row_of(report), partial(jaccard_score, expected, average="macro", zero_division=0)
    assert row["iou"] == pytest.approx(of(said))
    assert row["best_iou"] == pytest.approx(max(of(labels) for labels in cut.values()))
    assert row["questions"] == 4
    assert report.unavailable["peer"].startswith("of two hard masks")


def test_mean_of_editing_mask_is_over_pictures(tmp_path: Path) -> None:
    masks = {"1": TREE, "2": np.ones_like(TREE), "3": HOUSE}
    asked = {"1": "tree", "2": "tree", "3": "house"}
    lines = [f"{number} <> a {word}. <> {word} <> x" for number, word in asked.items()]
    report = measure(write_editing_mask(tmp_path, lines, masks))
    assert row_of(report)["iou"] == pytest.approx((1 + TREE.mean() + 1) / 3)
    assert row_of(report)["presence_auroc"] is None
    assert "mean over pictures" in report.table()
    assert "InstDiffEdit" in report.table()


def test_crowds_of_coco_count_nowhere(tmp_path: Path) -> None:
    first = np.broadcast_to(np.arange(WIDTH) < 12, TREE.shape)
    tree, crowd = (
        {"size": [HEIGHT, WIDTH], "counts": runs_of(mask)} for mask in (TREE & first, ~first)
    )
    row = row_of(measure(write_coco(tmp_path, ["tree"], [(3, tree), (90, crowd, True)])))
    assert row["iou"] == pytest.approx(1)
    assert (row["questions"], row["single_class_pictures"]) == (1, 0)


def test_absent_categories_are_chosen_by_seed_and_picture() -> None:
    names = [f"thing {k}" for k in range(30)]
    some = np.ones((2, 3), bool)
    truth = Truth({"thing 3": some, "thing 4": ~some}, some, frozenset(["thing 5"]))

    def chosen(key: str, seed: int, absent: int = 4) -> list[str]:
        settings = MaskBenchSettings(Path(), seed=seed, absent=absent)
        return choose_questions(truth, names, key, settings=settings)

    assert chosen("a", 0) == chosen("a", 0)
    assert len({tuple(chosen(*asked)) for asked in (("a", 0), ("b", 0), ("a", 1))}) == 3
    assert set(chosen("a", 0, absent=99)) == set(names) - {"thing 4", "thing 5"}
    assert chosen("a", 0, absent=0) == ["thing 3"]


def test_picture_of_which_nothing_is_asked_is_left_out_with_the_reason(voc: Path) -> None:
    report = measure(voc, names=write_names(voc), absent=0)
    assert [problem.key for problem in report.outcome.problems] == ["c"]
    assert "Left out: c: nothing to ask" in report.table()
    assert row_of(report)["pictures"] == 2


def test_query_is_the_category_in_the_words_of_the_prompt(voc: Path) -> None:
    said = measure(voc, names=write_names(voc), prompt="there is a {}")
    plain = measure(voc, names=write_names(voc))
    assert row_of(said)["iou"] == pytest.approx(row_of(plain)["iou"])
    with pytest.raises(InvalidInputError, match=r"no place for the category: 'a tree'; write \{\}"):
        MaskBenchSettings(voc, prompt="a tree")


def test_finished_pictures_are_not_asked_again(voc: Path, tmp_path: Path) -> None:
    options = {"names": write_names(voc), "results": tmp_path / "done.jsonl"}
    first = measure(voc, **options, limit=2)
    kept = (tmp_path / "done.jsonl").read_text()
    assert row_of(measure(voc, **options, limit=2)) == row_of(first)
    assert (tmp_path / "done.jsonl").read_text() == kept
    assert row_of(measure(voc, **options))["pictures"] == 3
    with pytest.raises(InvalidInputError, match="another run: absent was 2 and is 1 now"):
        measure(voc, **options, absent=1)


def test_peer_answers_the_same_questions_about_what_is_there(
    voc: Path, tiny_folders: Mapping[str, Path]
) -> None:
    report = measure(voc, model=str(tiny_folders["sd1"]), limit=2, names=write_names(voc))
    ours, peer = row_of(report), row_of(report, "peer")
    assert report.unavailable == {}
    assert (ours["questions"], peer["questions"]) == (4, 3)
    assert peer["evaluations_per_question"] == 40
    assert 0 <= peer["iou"] <= 1
    assert (peer["presence_auroc"], peer["best_iou"]) == (None, None)


def test_peer_sees_what_the_model_sees_and_its_mask_comes_at_the_size_of_the_picture(
    tmp_path: Path, tiny_folders: Mapping[str, Path]
) -> None:
    shape = (37, 150)  # larger than the model likes, and no multiple of its cells
    data = write_editing_mask(tmp_path, ["1 <> a tree. <> tree <> x"], {"1": TREE})
    draw(data / "image" / "1.jpg", ["tree"], shape)
    (data / "mask" / "1.png").write_bytes(png_bytes(np.ones(shape, bool)))
    report = measure(data, model=str(tiny_folders["sd1"]))
    assert report.outcome.problems == ()
    assert row_of(report, "peer")["pictures"] == 1


def test_peer_that_cannot_take_the_model_is_left_out_with_the_reason(
    voc: Path, tiny_folders: Mapping[str, Path]
) -> None:
    names = write_names(voc)
    assert "needs a folder of weights" in measure(voc, names=names).unavailable["peer"]
    assert measure(voc, names=names, peer=False).unavailable == {"peer": "not asked for"}
    report = measure(voc, names=names, limit=1, model=str(tiny_folders["xl"]))
    assert "one text encoder" in report.unavailable["peer"]
    assert "Not measured: peer (diffusers' DiffEdit pipeline" in report.table()


def test_published_rows_stand_beside_what_was_measured_alike(voc: Path) -> None:
    names = write_names(voc)
    given, every = (measure(voc, names=names, ask=ask) for ask in ("present", "all"))
    assert {row.column for row in given.published} == {"single-class IoU"}
    assert {row.column for row in every.published} == {"mIoU"}
    assert "| ConceptAttention (Flux) | single-class IoU | 0.765 | 0.902 |" in given.table()
    assert "VOC21" in every.table()
    assert "is background, which is a class too" in every.table()


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"ask": "some"}, UnknownNameError, "known: all, present"),
        ({"model": "no-such-model"}, InvalidInputError, "picturebook"),
        ({"limit": 0}, InvalidInputError, "limit must be at least 1"),
    ],
)
def test_wrong_options_are_refused(
    voc: Path, options: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        measure(voc, **options)


def test_bad_data_is_found_before_the_model_is_loaded(
    voc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(**_: object) -> None:
        raise AssertionError("loaded")

    register_model(monkeypatch, "gaussian", load)
    draw(voc / "JPEGImages" / "c.png", [], (40, 24))
    with pytest.raises(InvalidInputError, match="c: a mask of 40 x 24 for a picture of 24 x 40"):
        measure(voc, names=write_names(voc))
    lines = write_editing_mask(voc / "edits", ["1 <> a tree. <> tree <> x"], {"1": TREE})
    with pytest.raises(InvalidInputError, match="a text of its own"):
        measure(lines, ask="all")
