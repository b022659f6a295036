"""The operation that people and programs share, on a model whose true masks are known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from tests.toolbox.helpers import take_setup
from textseg.errors import Cancelled, ImageError, OutputExistsError, QueryError
from textseg.images import open_picture, to_uint8
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render
from textseg.progress import CancelToken, Progress
from textseg.testing import GaussianModel
from textseg.toolbox import (
    SegmentAnswer,
    SegmentArguments,
    SegmentResult,
    Setup,
    check_arguments,
    explain,
    refuse_segment_output,
    save_segment,
    segment_image,
)

HEIGHT, WIDTH = 24, 40
MODEL = GaussianModel()


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "garden.png"
    Image.fromarray(to_uint8(MODEL.picture(["tree"], HEIGHT, WIDTH, seed=4))).save(path)
    return path


def ask(picture: Path, *queries: str, **settings: object) -> SegmentAnswer:
    setup = take_setup(settings)
    arguments = SegmentArguments.model_validate(
        {"image": str(picture), "queries": list(queries), "draws": 4, **settings}
    )
    return segment_image(arguments, setup=setup, model=MODEL)


@pytest.fixture(scope="module")
def answer(picture: Path) -> SegmentAnswer:
    return ask(picture, "tree", "house")


def test_facts_agree_with_the_masks(answer: SegmentAnswer) -> None:
    result = answer.result
    assert (result.width, result.height) == (WIDTH, HEIGHT)
    assert result.model == "gaussian"
    assert result.evaluations == 4 * (2 + 1)
    for facts, item in zip(result.queries, answer.segmentations, strict=True):
        binary = item.binary()
        assert facts.query == item.query
        assert facts.present == item.present
        assert facts.presence == item.presence
        assert facts.matched == binary.any()
        assert facts.area == pytest.approx(binary.mean())
        assert sum(region.area for region in facts.regions) == binary.sum()


def test_what_decides_presence_can_be_said_and_its_rival_is_told(picture: Path) -> None:
    for presence, rival in (("calibrated", ""), ("rivals", "tree")):
        result = ask(picture, "house", presence=presence).result
        assert result.queries[0].rival == rival
        assert result.queries[0].present is False


def test_the_thing_that_is_there_is_found_where_it_is(answer: SegmentAnswer) -> None:
    facts = answer.result.queries[0]
    truth = MODEL.region("tree", HEIGHT, WIDTH)
    rows, cols = np.nonzero(truth)
    box = (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
    assert facts.matched
    assert facts.present
    assert facts.area == pytest.approx(truth.mean(), rel=0.15)
    assert facts.regions[0].box == pytest.approx(box, abs=1)
    assert facts.regions[0].centroid == pytest.approx((rows.mean(), cols.mean()), abs=1)


def test_the_thing_that_is_not_there_matches_nothing(answer: SegmentAnswer) -> None:
    facts = answer.result.queries[1]
    assert not facts.present
    assert not facts.matched
    assert facts.area == 0
    assert facts.regions == []


def test_given_threshold_cuts_the_soft_mask_and_is_named(picture: Path) -> None:
    answer = ask(picture, "tree", threshold=0.9)
    facts = answer.result.queries[0]
    assert (facts.threshold, facts.threshold_rule) == (0.9, "given")
    assert facts.area == pytest.approx((answer.segmentations["tree"].soft > 0.9).mean())


def test_found_threshold_is_named_by_its_rule(answer: SegmentAnswer) -> None:
    item = answer.segmentations["tree"]
    facts = answer.result.queries[0]
    assert facts.threshold == 0.5
    assert facts.threshold_rule == f"{item.threshold.rule} of {item.threshold.statistic}"


@pytest.mark.parametrize(
    ("attention", "rule"), [(True, "head of cells"), (False, "otsu of difference")]
)
def test_attention_can_be_left_out(tmp_path: Path, attention: bool, rule: str) -> None:
    path = tmp_path / "meadow.png"
    Image.fromarray(render(PICTURES["meadow"][0]).image).save(path)
    values = {"image": str(path), "queries": ["tree"], "draws": 4, "attention": attention}
    found = segment_image(check_arguments(SegmentArguments, values))
    assert found.result.queries[0].threshold_rule == rule


def test_seed_decides_the_maps_and_the_soft_mask(picture: Path) -> None:
    first, again, other = (
        ask(picture, "tree", seed=seed).segmentations["tree"] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.soft, again.soft)
    assert not np.array_equal(first.raw.difference, other.raw.difference)


def test_reference_text_is_handed_on(picture: Path) -> None:
    answer = ask(picture, "tree", reference="tree")
    assert answer.result.reference == "tree"
    assert answer.segmentations["tree"].raw.evidence.max() == 0


def test_batch_size_changes_neither_mask_nor_presence(picture: Path) -> None:
    one, many = (ask(picture, "tree", batch_size=size) for size in (1, 8))
    np.testing.assert_allclose(
        one.segmentations["tree"].soft, many.segmentations["tree"].soft, atol=1e-4
    )
    assert one.result.queries[0].presence == pytest.approx(many.result.queries[0].presence)
    assert one.result.evaluations == many.result.evaluations


def test_result_survives_json(answer: SegmentAnswer) -> None:
    text = answer.result.model_dump_json()
    assert SegmentResult.model_validate_json(text) == answer.result
    assert json.loads(text)["queries"][0]["query"] == "tree"


def test_repeated_query_is_answered_once(picture: Path) -> None:
    queries = [facts.query for facts in ask(picture, "tree", " tree ", "house").result.queries]
    assert queries == ["tree", "house"]


def test_unknown_word_is_said_in_the_facts_of_its_query_only(picture: Path) -> None:
    result = ask(picture, "zebra", "tree").result
    assert any("zebra" in note for note in result.queries[0].notes)
    assert result.queries[1].notes == []
    assert result.notes == []


def test_remark_on_the_picture_is_made_once_for_the_call(picture: Path, tmp_path: Path) -> None:
    misnamed = tmp_path / "garden.jpg"
    misnamed.write_bytes(picture.read_bytes())
    result = ask(misnamed, "tree").result
    assert result.notes == ["garden.jpg holds PNG data in spite of its suffix"]
    assert result.queries[0].notes == []


@pytest.mark.parametrize("query", ["árbol 🌳", "дерево", "木", "x" * 10_000, "red\thouse\nhere"])
def test_any_script_and_length_passes_through(picture: Path, query: str) -> None:
    assert ask(picture, query).result.queries[0].query == " ".join(query.split())


def test_progress_ends_each_stage_complete(picture: Path) -> None:
    reports: list[Progress] = []
    arguments = SegmentArguments(image=str(picture), queries=["tree"], draws=4)
    segment_image(arguments, model=MODEL, progress=reports.append)
    last = {report.stage: report for report in reports}
    assert next(iter(last)) == "loading the model"
    assert len(last) > 1
    assert all(report.step == report.of for report in last.values())


def test_cancel_stops_the_call(picture: Path) -> None:
    cancel = CancelToken()
    arguments = SegmentArguments(image=str(picture), queries=["tree"], draws=4)
    with pytest.raises(Cancelled):
        segment_image(
            arguments, model=MODEL, cancel=cancel, progress=lambda report: cancel.cancel()
        )


# -- arguments


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"queries": []}, "queries"),
        ({"queries": [""]}, "the query is empty"),
        ({"queries": ["tree", " \t\n"]}, "the query is empty"),
        ({"queries": ["tr\0ee"]}, "U+0000"),
        ({"queries": ["tr\x1bee"]}, "U+001B"),
        ({"queries": ["tr\udcffee"]}, "U+DCFF"),
        ({"queries": ["x" * 20_001]}, "20,001"),
        ({"queries": "tree"}, "queries"),
        ({"image": ""}, "image"),
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"draws": 0}, "draws"),
        ({"seed": -1}, "seed"),
        ({"presence": "guessed"}, "presence"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
def test_wrong_arguments_are_explained_in_one_line(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SegmentArguments.model_validate({"image": "garden.png", "queries": ["tree"], **wrong})
    line = str(explain(caught.value))
    assert said in line
    assert "\n" not in line


def test_wrong_query_keeps_its_kind_of_error() -> None:
    with pytest.raises(ValidationError) as caught:
        SegmentArguments(image="garden.png", queries=[" "])
    assert isinstance(explain(caught.value), QueryError)


def test_every_field_is_described_for_those_who_only_see_the_schema() -> None:
    schema = SegmentArguments.model_json_schema()
    assert [
        name for name, field in schema["properties"].items() if "description" not in field
    ] == []


def test_bad_picture_is_found_before_a_model_is_looked_for() -> None:
    arguments = SegmentArguments(image="nowhere.png", queries=["tree"])
    with pytest.raises(ImageError, match=r"nowhere\.png"):
        segment_image(arguments, setup=Setup(model="no-such-model"))


def test_limit_on_pixels_is_handed_on(picture: Path) -> None:
    with pytest.raises(ImageError, match="more than the limit of 100"):
        ask(picture, "tree", max_pixels=100)


# -- files


def test_saved_files_hold_what_the_masks_are(answer: SegmentAnswer, tmp_path: Path) -> None:
    saved = save_segment(answer, tmp_path)
    files = saved.queries[0].files
    assert files is not None
    assert files.overlay == str(tmp_path / "garden_tree_overlay.png")
    item = answer.segmentations["tree"]
    assert open_picture(files.overlay).size == (HEIGHT, WIDTH)
    np.testing.assert_allclose(open_picture(files.soft).rgb[..., 0], item.soft, atol=1e-5)
    np.testing.assert_array_equal(open_picture(files.mask).rgb[..., 0] == 1, item.binary())
    assert len(list(tmp_path.iterdir())) == 8


def test_facts_file_is_a_result_that_names_its_neighbours(
    answer: SegmentAnswer, tmp_path: Path
) -> None:
    save_segment(answer, tmp_path)
    facts = SegmentResult.model_validate_json((tmp_path / "garden_house.json").read_text())
    assert [query.query for query in facts.queries] == ["house"]
    files = facts.queries[0].files
    assert files is not None
    assert (tmp_path / files.overlay).is_file()


def test_given_threshold_decides_the_saved_mask(picture: Path, tmp_path: Path) -> None:
    answer = ask(picture, "tree", threshold=0.9)
    files = save_segment(answer, tmp_path).queries[0].files
    assert files is not None
    binary = open_picture(files.mask).rgb[..., 0] == 1
    np.testing.assert_array_equal(binary, answer.segmentations["tree"].soft > 0.9)


def test_queries_that_look_alike_in_a_file_name_are_told_apart(
    picture: Path, tmp_path: Path
) -> None:
    save_segment(ask(picture, "a tree", "a-tree", "🌳"), tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 3


def test_one_taken_name_keeps_the_whole_call_from_writing(
    answer: SegmentAnswer, picture: Path, tmp_path: Path
) -> None:
    taken = tmp_path / "garden_house_mask.png"
    taken.write_text("precious")
    arguments = SegmentArguments(image=str(picture), queries=["tree", "house"])
    with pytest.raises(OutputExistsError, match="garden_house_mask"):
        refuse_segment_output(arguments, tmp_path)
    with pytest.raises(OutputExistsError, match="garden_house_mask"):
        save_segment(answer, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [taken.name]
    assert taken.read_text() == "precious"

    refuse_segment_output(arguments, tmp_path, force=True)
    save_segment(answer, tmp_path, force=True)
    assert open_picture(taken).size == (HEIGHT, WIDTH)


def test_refusal_looks_at_exactly_the_files_that_are_written(
    answer: SegmentAnswer, picture: Path, tmp_path: Path
) -> None:
    arguments = SegmentArguments(image=str(picture), queries=["tree", "house", "tree "])
    save_segment(answer, tmp_path)
    for path in sorted(tmp_path.iterdir()):
        others = tmp_path.with_name(f"{tmp_path.name}-{path.name}")
        others.mkdir()
        path.rename(others / path.name)
        with pytest.raises(OutputExistsError):
            refuse_segment_output(arguments, others)


def test_importing_the_toolbox_loads_no_torch() -> None:
    code = "import sys, textseg.toolbox; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
