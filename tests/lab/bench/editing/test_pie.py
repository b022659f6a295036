from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.lab.bench.editing.flat import (
    EVERYTHING,
    FRAME,
    HEIGHT,
    INSIDE,
    PIXELS,
    RUNS,
    WIDTH,
    Brightest,
    By,
    block,
    confined,
    entry,
    spoiling,
    write,
)
from textseg.errors import InvalidInputError
from textseg.lab.bench.editing.pie import decode_mask, run_pie
from textseg.lab.bench.editing.pie_figures import QUIRKS, PieTask, measure
from textseg.lab.bench.editing.tasks import Answer, EditTask
from textseg.lab.bench.metrics.features import Judges
from textseg.lab.bench.metrics.pixels import Mask, Rgb, blanked, ssim

PIE, STRICT = QUIRKS["pie"], QUIRKS["strict"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path, {"000": entry("000"), "001": entry("001", editing_type_id="6")})


def asked(region: Mask) -> PieTask:
    return PieTask(
        image=np.full((HEIGHT, WIDTH, 3), 0.2, np.float32),
        source_prompt="source",
        target_prompt="target",
        query="cat",
        target="dog",
        region=region,
    )


def figures(quirks: str = "strict", **changes: Any) -> dict[str, float | None]:
    """The figures of the spoiling editor for its block, with some quirks changed."""
    chosen = replace(QUIRKS[quirks], **changes)
    task = asked(decode_mask(RUNS, (HEIGHT, WIDTH), quirks=chosen))
    return dict(measure(task, spoiling(task).rgb, quirks=chosen, judges=EVERYTHING))


def towards_target(mean: float) -> float:
    return 100 * mean / math.sqrt(mean**2 + 1)


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
    task = asked(block())
    blank = [blanked(rgb, ~block()) for rgb in (task.image, spoiling(task).rgb)]
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
    seen: list[Rgb] = []

    class Watching(Brightest):
        def keys(self, pixels: Rgb) -> Rgb:
            seen.append(pixels)
            return super().keys(pixels)

    image = np.zeros((448, 448, 3), np.float32)
    image[:, ::4] = 1
    region = np.zeros((448, 448), bool)
    region[100:200, 100:300] = True
    task = replace(asked(region), image=image)
    for flag in (True, False):
        quirks = replace(STRICT, structure_antialias=flag)
        judges = Judges(structure=Watching())
        measure(task, image, quirks=quirks, judges=judges)
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
    task = asked(np.ones((HEIGHT, WIDTH), bool))
    found = measure(task, spoiling(task).rgb, quirks=QUIRKS[quirks], judges=EVERYTHING)
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
    task = asked(np.zeros((HEIGHT, WIDTH), bool))
    found = measure(task, task.image, quirks=STRICT, judges=EVERYTHING)
    assert found["clip_similarity_target_image_edit_part"] is None
    assert found["psnr_unedit_part"] == math.inf


def test_prompts_reach_the_editor_without_marks(data: Path) -> None:
    seen: list[EditTask] = []

    def watching(task: EditTask) -> Answer:
        seen.append(task)
        return confined(task)

    run_pie(data, By(watching), limit=1, seed=5)
    task = seen[0]
    assert (task.source_prompt, task.target_prompt) == ("a cat on grass", "a dog on grass")
    assert (task.query, task.target, task.seed, task.mask) == ("cat", "dog", 5, None)
    np.testing.assert_allclose(task.image, 0.2, atol=1e-6)


def test_the_editor_is_told_the_mask_only_on_request(data: Path) -> None:
    masks: list[Mask | None] = []

    def watching(task: EditTask) -> Answer:
        masks.append(task.mask)
        return confined(task)

    run_pie(data, By(watching), limit=1, give_mask=True, compat="strict")
    np.testing.assert_array_equal(masks[0], block())


# -- the report


def test_json_holds_means_for_all_and_for_each_kind(data: Path) -> None:
    result = run_pie(data, By(spoiling), judges=EVERYTHING, about={"method": "spoiling"})
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
    found = json.loads(run_pie(data, By(spoiling), judges=EVERYTHING).as_json())["all"]
    gains = [found[f"clip_gain_{part}"]["value"] for part in ("background", "foreground")]
    assert found["leakage"] == pytest.approx(gains[0] / gains[1])
    untouched = json.loads(run_pie(data, By(confined), judges=EVERYTHING).as_json())["all"]
    assert untouched["leakage"] == 0


def test_figures_without_a_network_are_null_and_say_why(data: Path) -> None:
    found = json.loads(run_pie(data, By(spoiling)).as_json())
    missing = {name for name, value in found["all"].items() if value is None}
    assert missing == set(found["unavailable"])
    assert {"structure_distance", "lpips_unedit_part", "leakage"} < missing
    assert "CLIP" in found["unavailable"]["clip_directional"]
    assert found["all"]["psnr_unedit_part"]["items"] == 2


def test_an_exact_background_is_infinite_in_json_and_in_the_table(data: Path) -> None:
    result = run_pie(data, By(confined))
    mean = json.loads(result.as_json())["all"]["psnr_unedit_part"]
    assert mean == {"value": "inf", "finite": None, "items": 2, "infinite": 2}
    assert "inf (2 of 2)" in result.table()


def test_full_masks_are_dropped_without_a_word_or_counted(tmp_path: Path) -> None:
    full = entry("001", mask=[0, PIXELS])
    data = write(tmp_path, {"000": entry("000"), "001": full})
    silent, strict = (run_pie(data, By(spoiling), compat=name) for name in ("pie", "strict"))
    assert "(of 1)" not in silent.table()
    assert "13.98 (of 1)" in strict.table()  # -10 log10(.04)
    for result in (silent, strict):
        assert json.loads(result.as_json())["all"]["psnr_unedit_part"]["items"] == 1


def test_table_scales_as_the_published_ones_do(data: Path) -> None:
    lines = run_pie(data, By(spoiling), judges=EVERYTHING).table().splitlines()
    heads, row = (line.strip("| ").split(" | ") for line in (lines[0].lstrip("| "), lines[2]))
    cells = dict(zip(["", *heads], row, strict=True))
    assert cells[""] == "all"
    assert cells["MSE x10^4"] == f"{0.04 * (PIXELS - INSIDE - FRAME) / PIXELS * 1e4:.2f}"
    assert cells["LPIPS x10^3"] == "200.00"
