from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from textseg.errors import Cancelled, InvalidInputError, UnknownNameError
from textseg.images import png_bytes
from textseg.lab.bench.editing_items import EditedPicture, EditItem, PhraseChange, change_between
from textseg.lab.bench.metrics.features import Judges
from textseg.lab.bench.metrics.pie import QUIRKS, measure
from textseg.lab.bench.metrics.pixels import blanked, ssim
from textseg.lab.bench.pie import check_entry, decode_mask, run_pie
from textseg.progress import CancelToken, Progress

# A flat picture of 12 x 16 pixels (grey 51 = .2); the mask is a block of 4 x 6 in its middle.
HEIGHT, WIDTH = 12, 16
PIXELS = HEIGHT * WIDTH
BLOCK = [(row * WIDTH) + 4 for row in range(4, 8)]
RUNS = [number for start in BLOCK for number in (start, 6)]
INSIDE = 24
FRAME = 2 * WIDTH + 2 * (HEIGHT - 2)
PIE, STRICT = QUIRKS["pie"], QUIRKS["strict"]

Mask = NDArray[np.bool_]


def block() -> Mask:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[4:8, 4:10] = True
    return mask


def entry(name: str, **changes: object) -> dict[str, object]:
    return {
        "image_path": f"1_change_object_80/{name}.png",
        "original_prompt": "a [cat] on grass",
        "editing_prompt": "a [dog] on grass",
        "editing_instruction": "change the cat into a dog",
        "editing_type_id": "1",
        "blended_word": "cat dog",
        "mask": RUNS,
        **changes,
    }


def write(folder: Path, entries: dict[str, dict[str, object]]) -> Path:
    (folder / "mapping_file.json").write_text(json.dumps(entries))
    grey = np.full((HEIGHT, WIDTH, 3), 51, np.uint8)
    for item in entries.values():
        path = folder / "annotation_images" / str(item.get("image_path", "nameless.png"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(grey))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path, {"000": entry("000"), "001": entry("001", editing_type_id="6")})


def asked(mask: Mask | None = None) -> EditItem:
    image = np.full((HEIGHT, WIDTH, 3), 0.2, np.float32)
    return EditItem(image, "source", "target", "cat", "dog", mask, 0)


def spoiling(item: EditItem) -> EditedPicture:
    """White inside the block, and .4 instead of .2 everywhere else."""
    rgb = np.where(block()[..., None], 1.0, 0.4) * np.ones_like(item.image)
    return EditedPicture(rgb.astype(np.float32), 7, 0.5)


def confined(item: EditItem) -> EditedPicture:
    """White inside the block, and the same as before everywhere else."""
    rgb = np.where(block()[..., None], np.float32(1), item.image)
    return EditedPicture(rgb, 3, 0.25)


class Brightness:
    """Pictures are (mean, 1), "target" is (1, 0) and every other text (0, 1)."""

    def image_features(self, rgb: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.array([rgb.mean(), 1], np.float32)

    def text_features(self, text: str) -> NDArray[np.float32]:
        return np.array([1, 0] if "target" in text or "dog" in text else [0, 1], np.float32)


def towards_target(mean: float) -> float:
    return 100 * mean / math.sqrt(mean**2 + 1)


class Brightest:
    """Two tokens whose cosine is p / sqrt(p^2 + 1) for the first pixel's value p."""

    def keys(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        value = float(pixels[0, 0, 0])
        return np.array([[1, 0], [value, 1]], np.float32)


def largest_difference(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    return float(np.abs(before - after).max())


EVERYTHING = Judges(Brightness(), Brightest(), largest_difference, {"clip": "brightness"})


def figures(quirks: str = "strict", **changes: Any) -> dict[str, float | None]:
    """The figures of the spoiling editor for its block, with some quirks changed."""
    chosen = replace(QUIRKS[quirks], **changes)
    mask = decode_mask(RUNS, (HEIGHT, WIDTH), quirks=chosen)
    after = spoiling(asked()).rgb
    return dict(measure(asked(), after, mask=mask, quirks=chosen, judges=EVERYTHING))


# -- masks


def test_runs_are_pairs_of_start_and_length_along_the_rows() -> None:
    np.testing.assert_array_equal(decode_mask(RUNS, (HEIGHT, WIDTH), quirks=STRICT), block())
    wrapped = decode_mask([14, 4], (HEIGHT, WIDTH), quirks=STRICT)
    assert np.argwhere(wrapped).tolist() == [[0, 14], [0, 15], [1, 0], [1, 1]]


def test_quirk_of_the_border_marks_the_frame_and_nothing_else() -> None:
    mask = decode_mask(RUNS, (HEIGHT, WIDTH), quirks=replace(STRICT, force_border=True))
    assert mask.sum() == INSIDE + FRAME
    np.testing.assert_array_equal(mask[1:-1, 1:-1], block()[1:-1, 1:-1])
    assert mask[0].all()
    assert mask[:, -1].all()


def test_quirk_of_cutting_runs_at_the_end_of_the_picture() -> None:
    runs = [PIXELS - 2, 10]
    mask = decode_mask(runs, (HEIGHT, WIDTH), quirks=replace(STRICT, cut_runs=True))
    assert mask.sum() == 2
    with pytest.raises(InvalidInputError, match=r"run of 10 from 190 .* 192 pixels .* 16 x 12"):
        decode_mask(runs, (HEIGHT, WIDTH), quirks=STRICT)


@pytest.mark.parametrize("runs", [[PIXELS, 1], [-1, 3], [3, -1]])
@pytest.mark.parametrize("quirks", [PIE, STRICT])
def test_runs_outside_the_picture_are_refused_always(runs: list[int], quirks: Any) -> None:
    with pytest.raises(InvalidInputError, match="does not lie in the 192 pixels"):
        decode_mask(runs, (HEIGHT, WIDTH), quirks=quirks)


def test_runs_without_a_length_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="3 numbers"):
        decode_mask([1, 2, 3], (HEIGHT, WIDTH), quirks=PIE)


# -- figures, by hand


def test_strict_background_figures_are_those_of_the_background_pixels() -> None:
    found = figures()
    assert found["mse_unedit_part"] == pytest.approx(0.04, rel=1e-5)
    assert found["psnr_unedit_part"] == pytest.approx(-10 * math.log10(0.04), rel=1e-5)
    assert found["lpips_unedit_part"] == pytest.approx(0.2)
    assert found["changed_pixels_background"] == PIXELS - INSIDE


def test_quirk_of_counting_what_was_blanked_raises_psnr_by_the_share_of_the_mask() -> None:
    strict, quirky = figures(), figures(count_blanked=True)
    share = INSIDE / PIXELS
    assert quirky["mse_unedit_part"] == pytest.approx(0.04 * (1 - share), rel=1e-5)
    gain = float(quirky["psnr_unedit_part"] or 0) - float(strict["psnr_unedit_part"] or 0)
    assert gain == pytest.approx(-10 * math.log10(1 - share), abs=1e-5)
    blank = [blanked(rgb, ~block()) for rgb in (asked().image, spoiling(asked()).rgb)]
    assert quirky["ssim_unedit_part"] == ssim(blank[0], blank[1])
    assert strict["ssim_unedit_part"] == ssim(blank[0], blank[1], where=~block())
    assert quirky["ssim_unedit_part"] != strict["ssim_unedit_part"]


def test_border_and_blanking_together_are_the_published_mse() -> None:
    background = PIXELS - INSIDE - FRAME
    assert figures("pie")["mse_unedit_part"] == pytest.approx(0.04 * background / PIXELS, rel=1e-5)
    assert figures("pie")["changed_pixels_background"] == background


def test_published_ssim_is_that_of_the_blanked_pictures_without_their_frame() -> None:
    from skimage.metrics import structural_similarity

    mask = decode_mask(RUNS, (HEIGHT, WIDTH), quirks=PIE)
    outside = (~mask)[..., None].astype(float)
    reference = structural_similarity(
        0.2 * outside * np.ones(3),
        0.4 * outside * np.ones(3),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        channel_axis=-1,
    )
    assert figures("pie")["ssim_unedit_part"] == pytest.approx(reference, rel=1e-5)
    other = figures("pie", ssim_edges="reflect")["ssim_unedit_part"]
    assert other != pytest.approx(reference, rel=1e-5)


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_quirk_of_the_range_decides_what_the_structure_distance_sees(top: float) -> None:
    cosines = [top * grey / math.sqrt((top * grey) ** 2 + 1) for grey in (0.2, 0.4)]
    expected = (cosines[0] - cosines[1]) ** 2 / 2  # two of four entries differ
    found = figures(structure_top=top)["structure_distance"]
    assert found == pytest.approx(expected, rel=1e-3)


def test_quirk_of_antialiasing_reaches_the_network() -> None:
    seen: list[NDArray[np.float32]] = []

    class Watching(Brightest):
        def keys(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
            seen.append(pixels)
            return super().keys(pixels)

    image = np.zeros((448, 448, 3), np.float32)
    image[:, ::4] = 1
    item = replace(asked(), image=image)
    mask = np.zeros((448, 448), bool)
    mask[100:200, 100:300] = True
    for flag in (True, False):
        quirks = replace(STRICT, structure_antialias=flag)
        judges = Judges(structure=Watching())
        measure(item, image, mask=mask, quirks=quirks, judges=judges)
    assert np.abs(seen[0] - seen[2]).max() > 0.05


def test_clip_figures_by_hand() -> None:
    found = figures()
    inside, outside = INSIDE / PIXELS, 1 - INSIDE / PIXELS
    after = inside + 0.4 * outside
    gain_inside = towards_target(inside) - towards_target(0.2 * inside)
    gain_outside = towards_target(0.4 * outside) - towards_target(0.2 * outside)
    assert found["clip_similarity_source_image"] == pytest.approx(100 / math.sqrt(1.04), rel=1e-5)
    assert found["clip_similarity_target_image"] == pytest.approx(towards_target(after), rel=1e-5)
    assert found["clip_similarity_target_image_edit_part"] == pytest.approx(
        towards_target(inside), rel=1e-5
    )
    assert found["clip_gain_foreground"] == pytest.approx(gain_inside, rel=1e-4)
    assert found["clip_gain_background"] == pytest.approx(gain_outside, rel=1e-4)
    assert 0 < float(found["clip_directional"] or 0) <= 1


@pytest.mark.parametrize("quirks", ["pie", "strict"])
def test_a_full_mask_has_no_background(quirks: str) -> None:
    found = measure(
        asked(),
        spoiling(asked()).rgb,
        mask=np.ones((HEIGHT, WIDTH), bool),
        quirks=QUIRKS[quirks],
        judges=EVERYTHING,
    )
    nothing = {name for name, value in found.items() if value is None}
    assert nothing == {
        "psnr_unedit_part",
        "lpips_unedit_part",
        "mse_unedit_part",
        "ssim_unedit_part",
        "changed_pixels_background",
        "clip_gain_foreground",
        "clip_gain_background",
    }


def test_an_empty_mask_has_no_edited_part() -> None:
    empty = np.zeros((HEIGHT, WIDTH), bool)
    found = measure(asked(), asked().image, mask=empty, quirks=STRICT, judges=EVERYTHING)
    assert found["clip_similarity_target_image_edit_part"] is None
    assert found["psnr_unedit_part"] == math.inf


# -- words


@pytest.mark.parametrize(
    ("source", "target", "blended", "query", "becomes"),
    [
        ("a [cat] on grass", "a [dog] on grass", "kitten puppy", "kitten", "puppy"),
        ("a bicycle", "a [rusty] bicycle", "bicycle bicycle", "bicycle", "bicycle"),
        ("a [cat] on grass", "a [dog] on grass", "", "cat", "dog"),
        ("a [cat] on [grass]", "a [dog] on [red sand]", "", "cat grass", "dog red sand"),
        ("a cat", "a cat [with a hat]", "", "", "with a hat"),
        ("a cat [with a hat]", "a cat", "", "with a hat", ""),
        ("a cat [with a hat]", "a cat", "hat", "with a hat", ""),
        ("a cat on grass", "a small dog on grass", "", "cat", "small dog"),
        ("A cat, asleep.", "a dog asleep", "", "cat", "dog"),
        ("a red red car", "a red car", "", "red", ""),
        ("a cat", "a cat", "", "", ""),
        ("photo of a cat", "an oil painting", "", "photo of a cat", "an oil painting"),
    ],
)
def test_query_and_target_come_from_words_marks_or_differences(
    source: str, target: str, blended: str, query: str, becomes: str
) -> None:
    assert change_between(source, target, blended=blended) == PhraseChange(query, becomes)


def test_prompts_reach_the_editor_without_marks(data: Path) -> None:
    seen: list[EditItem] = []

    def watching(item: EditItem) -> EditedPicture:
        seen.append(item)
        return confined(item)

    run_pie(data, watching, limit=1, seed=5)
    item = seen[0]
    assert (item.source_prompt, item.target_prompt) == ("a cat on grass", "a dog on grass")
    assert (item.query, item.target, item.seed, item.mask) == ("cat", "dog", 5, None)
    np.testing.assert_allclose(item.image, 0.2, atol=1e-6)


def test_the_editor_is_told_the_mask_only_on_request(data: Path) -> None:
    masks: list[Mask | None] = []

    def watching(item: EditItem) -> EditedPicture:
        masks.append(item.mask)
        return confined(item)

    run_pie(data, watching, limit=1, give_mask=True, compat="strict")
    np.testing.assert_array_equal(masks[0], block())


# -- runs


def test_json_holds_means_for_all_and_for_each_kind(data: Path) -> None:
    result = run_pie(data, spoiling, judges=EVERYTHING, about={"method": "spoiling"})
    found = json.loads(result.as_json())
    background = PIXELS - INSIDE - FRAME
    assert found["all"]["items"] == 2
    assert found["all"]["mse_unedit_part"] == {
        "value": pytest.approx(0.04 * background / PIXELS, rel=1e-5),
        "finite": pytest.approx(0.04 * background / PIXELS, rel=1e-5),
        "items": 2,
        "infinite": 0,
    }
    assert found["all"]["evaluations_per_item"] == 7
    assert found["all"]["seconds_per_item"] == 0.5
    assert list(found["groups"]) == ["1 change object", "6 change color"]
    assert found["groups"]["6 change color"]["items"] == 1
    assert found["compat"] == "pie"
    assert found["quirks"]["structure_top"] == 255
    assert found["about"] == {"method": "spoiling"}
    assert found["unavailable"] == {}


def test_leakage_is_made_of_the_means(data: Path) -> None:
    found = json.loads(run_pie(data, spoiling, judges=EVERYTHING).as_json())["all"]
    gains = [found[f"clip_gain_{part}"]["value"] for part in ("background", "foreground")]
    assert found["leakage"] == pytest.approx(gains[0] / gains[1])
    untouched = json.loads(run_pie(data, confined, judges=EVERYTHING).as_json())["all"]
    assert untouched["leakage"] == 0


def test_figures_without_a_network_are_null_and_say_why(data: Path) -> None:
    found = json.loads(run_pie(data, spoiling).as_json())
    missing = {name for name, value in found["all"].items() if value is None}
    assert missing == set(found["unavailable"])
    assert {"structure_distance", "lpips_unedit_part", "leakage"} < missing
    assert "CLIP" in found["unavailable"]["clip_directional"]
    assert found["all"]["psnr_unedit_part"]["items"] == 2


def test_an_exact_background_is_infinite_in_json_and_in_the_table(data: Path) -> None:
    result = run_pie(data, confined)
    mean = json.loads(result.as_json())["all"]["psnr_unedit_part"]
    assert mean == {"value": "inf", "finite": None, "items": 2, "infinite": 2}
    assert "inf (2 of 2)" in result.table()


def test_full_masks_are_dropped_without_a_word_or_counted(tmp_path: Path) -> None:
    full = entry("001", mask=[0, PIXELS])
    data = write(tmp_path, {"000": entry("000"), "001": full})
    silent, strict = (run_pie(data, spoiling, compat=name) for name in ("pie", "strict"))
    assert "(of 1)" not in silent.table()
    assert "13.98 (of 1)" in strict.table()  # -10 log10(.04)
    for result in (silent, strict):
        assert json.loads(result.as_json())["all"]["psnr_unedit_part"]["items"] == 1


def test_table_scales_as_the_published_ones_do(data: Path) -> None:
    lines = run_pie(data, spoiling, judges=EVERYTHING).table().splitlines()
    heads, row = (line.strip("| ").split(" | ") for line in (lines[0].lstrip("| "), lines[2]))
    cells = dict(zip(["", *heads], row, strict=True))
    assert cells[""] == "all"
    assert cells["MSE x10^4"] == f"{0.04 * (PIXELS - INSIDE - FRAME) / PIXELS * 1e4:.2f}"
    assert cells["LPIPS x10^3"] == "200.00"


def broken(change: Callable[[dict[str, object]], object]) -> dict[str, object]:
    made = entry("bad")
    change(made)
    return made


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (broken(lambda e: e.pop("mask")), "mask: is missing"),
        (broken(lambda e: e.update(mask=[0, "x"])), "mask.1"),
        (broken(lambda e: e.update(mask=[PIXELS + 5, 1])), "does not lie in"),
        (broken(lambda e: e.update(original_prompt=None)), "original_prompt"),
    ],
)
def test_one_bad_entry_is_listed_and_loses_no_other(
    tmp_path: Path, bad: dict[str, object], words: str
) -> None:
    result = run_pie(write(tmp_path, {"bad": bad, "000": entry("000")}), spoiling)
    assert [item.key for item in result.outcome.scored] == ["000"]
    assert [item.key for item in result.outcome.problems] == ["bad"]
    assert words in result.outcome.problems[0].reason
    assert "Left out: bad: " in result.table()
    assert json.loads(result.as_json())["problems"][0]["key"] == "bad"


def test_missing_pictures_are_listed(data: Path) -> None:
    (data / "annotation_images" / "1_change_object_80" / "000.png").unlink()
    (problem,) = run_pie(data, spoiling).outcome.problems
    assert "000.png: no such file" in problem.reason


def test_failures_of_the_editor_are_listed_with_their_kind(data: Path) -> None:
    answers = iter([ZeroDivisionError("by zero"), None])

    def failing(item: EditItem) -> EditedPicture:
        if error := next(answers):
            raise error
        return confined(item)

    (problem,) = run_pie(data, failing).outcome.problems
    assert problem.reason == "ZeroDivisionError: by zero"


def test_figures_that_are_no_numbers_are_listed(data: Path) -> None:
    distances = iter([math.nan, 0.5])
    judges = Judges(lpips=lambda before, after: next(distances))
    result = run_pie(data, spoiling, judges=judges)
    (problem,) = result.outcome.problems
    assert problem.reason == "lpips_unedit_part is not a number"
    assert json.loads(result.as_json())["all"]["lpips_unedit_part"]["value"] == 0.5


def test_numbers_of_numpy_are_taken_from_editors_too(data: Path, tmp_path: Path) -> None:
    def editor(item: EditItem) -> EditedPicture:
        return EditedPicture(item.image, np.int64(3), np.float32(0.5))  # type: ignore[arg-type]  # the point

    result = run_pie(data, editor, results=tmp_path / "results.jsonl")
    assert json.loads(result.as_json())["all"]["evaluations_per_item"] == 3


@pytest.mark.parametrize(
    ("rgb", "words"),
    [
        (np.zeros((WIDTH, HEIGHT, 3), np.float32), "cannot be compared"),
        (np.full((HEIGHT, WIDTH, 3), np.nan, np.float32), "NaN"),
    ],
)
def test_answers_of_the_wrong_size_or_without_numbers_are_listed(
    tmp_path: Path, rgb: NDArray[np.float32], words: str
) -> None:
    data = write(tmp_path, {"000": entry("000"), "001": entry("001")})
    answers = iter([EditedPicture(rgb, 1, 0.1), None])
    result = run_pie(data, lambda item: next(answers) or confined(item))
    assert words in result.outcome.problems[0].reason
    assert len(result.outcome.scored) == 1


def test_a_run_in_which_nothing_could_be_measured_fails(tmp_path: Path) -> None:
    data = write(tmp_path, {"000": entry("000", mask=[1])})
    with pytest.raises(InvalidInputError, match=r"none of the 1 items .* 000: mask"):
        run_pie(data, spoiling)


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "is not JSON"), ("[1]", "must be an object"), ("{}", "must be an object")],
)
def test_lists_that_are_no_lists_are_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "mapping_file.json").write_text(content)
    with pytest.raises(InvalidInputError, match=words):
        run_pie(tmp_path, spoiling)


def test_missing_folders_and_files_say_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"no such folder.*mapping_file\.json"):
        run_pie(tmp_path / "nowhere", spoiling)
    with pytest.raises(InvalidInputError, match=r"mapping_file\.json: no such file.*annotation"):
        run_pie(tmp_path, spoiling)


def test_wrong_options_are_refused(data: Path) -> None:
    with pytest.raises(UnknownNameError, match="pie, strict"):
        run_pie(data, spoiling, compat="loose")  # type: ignore[arg-type]  # the point
    with pytest.raises(InvalidInputError, match="at least 1, not 0"):
        run_pie(data, spoiling, limit=0)


def test_entries_say_what_is_wrong_with_them() -> None:
    with pytest.raises(InvalidInputError, match=r"image_path: is missing"):
        check_entry({})
    with pytest.raises(InvalidInputError, match=r"the entry: .*given: 'text'"):
        check_entry("text")


def test_progress_is_told_of_every_item_and_cancelling_stops(data: Path) -> None:
    reports: list[Progress] = []
    token = CancelToken()

    def editor(item: EditItem) -> EditedPicture:
        token.cancel()
        return confined(item)

    run_pie(data, confined, progress=reports.append)
    assert [report.step for report in reports] == [0, 1, 2]
    with pytest.raises(Cancelled):
        run_pie(data, editor, cancel=token)


# -- resuming


def test_finished_items_are_not_run_again(data: Path, tmp_path: Path) -> None:
    results = tmp_path / "out" / "results.jsonl"
    calls: list[str] = []

    def counting(item: EditItem) -> EditedPicture:
        calls.append(item.query)
        return confined(item)

    run_pie(data, counting, results=results, limit=1, judges=EVERYTHING)
    resumed = run_pie(data, counting, results=results, judges=EVERYTHING)
    assert len(calls) == 2
    fresh = run_pie(data, confined, judges=EVERYTHING)
    assert json.loads(resumed.as_json()) == json.loads(fresh.as_json())


def test_a_line_that_was_cut_short_is_measured_again(data: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    run_pie(data, confined, results=results)
    content = results.read_text()
    results.write_text(content[:-20])
    again = run_pie(data, confined, results=results)
    assert len(again.outcome.scored) == 2
    assert results.read_text() == content


def test_results_of_another_run_are_refused(data: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    run_pie(data, confined, results=results, seed=1)
    with pytest.raises(InvalidInputError, match="another run: seed was 1 and is 2 now"):
        run_pie(data, confined, results=results, seed=2)
    with pytest.raises(InvalidInputError, match="another run: compat"):
        run_pie(data, confined, results=results, seed=1, compat="strict")


@pytest.mark.parametrize("content", [b"Dear all\n", b"Dear all", b"", b"\xff\xd8\n\x00", b"[]\n"])
def test_files_that_hold_no_results_are_refused_and_left_alone(
    data: Path, tmp_path: Path, content: bytes
) -> None:
    results = tmp_path / "letter.txt"
    results.write_bytes(content)
    with pytest.raises(InvalidInputError, match="does not hold results"):
        run_pie(data, confined, results=results)
    assert results.read_bytes() == content


def test_items_with_a_problem_are_tried_again(data: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    picture = data / "annotation_images" / "1_change_object_80" / "000.png"
    content = picture.read_bytes()
    picture.unlink()
    assert len(run_pie(data, confined, results=results).outcome.problems) == 1
    picture.write_bytes(content)
    assert run_pie(data, confined, results=results).outcome.problems == ()
