"""Editing as an operation: arguments, facts and the file, on a model whose answers are exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from pydantic import ValidationError

from tests.registering import register_model, share_captioner
from tests.toolbox.helpers import Loads, Parrot, take_setup
from textseg.errors import (
    Cancelled,
    ImageError,
    InvalidInputError,
    NotFoundError,
    OutputExistsError,
    PrecisionError,
    QueryError,
    UnknownNameError,
)
from textseg.images import to_uint8
from textseg.progress import CancelToken, Progress
from textseg.provenance import EDITED, GENERATED, Label, read_label
from textseg.saving import save_picture
from textseg.testing import GaussianModel
from textseg.toolbox import (
    EditAnswer,
    EditArguments,
    EditResult,
    Setup,
    edit_image,
    error_facts,
    explain,
    plan_edit,
    refuse_edit_output,
    save_edit,
    save_plan,
)

HEIGHT, WIDTH = 24, 40
MODEL = GaussianModel()
PIXELS = to_uint8(MODEL.picture(["tree"], HEIGHT, WIDTH, seed=4))


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "garden.png"
    Image.fromarray(PIXELS).save(path)
    return path


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mask: white on the left, black on the right, a grey column between."""
    return paint(tmp_path_factory.mktemp("masks") / "mask.png", (HEIGHT, WIDTH))


def paint(path: Path, size: tuple[int, int]) -> Path:
    mask = np.zeros(size, np.uint8)
    mask[:, : size[1] // 2] = 255
    mask[:, size[1] // 2] = 51
    Image.fromarray(mask).save(path)
    return path


def arguments(picture: Path, **settings: object) -> EditArguments:
    values = {
        "image": str(picture),
        "query": "tree",
        "target": "house",
        "source": "a tree",
        "steps": 4,
        **settings,
    }
    return EditArguments.model_validate(
        {name: value for name, value in values.items() if value is not None}
    )


def ask(picture: Path, **settings: object) -> EditAnswer:
    setup = take_setup(settings)
    return edit_image(arguments(picture, **settings), setup=setup, model=MODEL)


@pytest.fixture(scope="module")
def answer(picture: Path) -> EditAnswer:
    return ask(picture)


def pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


# -- facts


def test_facts_agree_with_the_edit(answer: EditAnswer) -> None:
    result, edit = answer.result, answer.edit
    assert (result.width, result.height) == (WIDTH, HEIGHT)
    assert (result.model, result.method, result.seed) == ("gaussian", "flowedit", 0)
    assert (result.source_prompt, result.prompt) == ("a tree", "a house")
    assert result.caption is None
    assert result.share == pytest.approx((edit.mask > 0).mean())
    assert result.check.changed_outside == 0
    assert result.check.change_inside == edit.change_inside > 0
    assert edit.segmentation is not None
    assert result.presence == edit.segmentation.presence > 0.5
    assert result.evaluations.total == (
        result.evaluations.mask
        + result.evaluations.inversion
        + result.evaluations.decode
        + result.evaluations.check
    )
    assert min(result.evaluations.mask, result.evaluations.decode) > 0


def test_only_the_thing_changes(picture: Path) -> None:
    edit = ask(picture, method="blended", strength=1, steps=16, guidance=1).edit
    after, outside = to_uint8(edit.picture.rgb), edit.mask == 0
    np.testing.assert_array_equal(after[outside], PIXELS[outside])
    truth = MODEL.region("tree", HEIGHT, WIDTH)
    core = edit.picture.rgb[truth & (edit.mask == 1)].mean(0)
    from_tree = np.abs(core - MODEL.things["tree"].colour).max()
    assert np.abs(core - MODEL.background).max() < from_tree / 3


def test_result_survives_json(answer: EditAnswer) -> None:
    assert EditResult.model_validate_json(answer.result.model_dump_json()) == answer.result


def test_options_of_the_method_are_taken_and_told(picture: Path) -> None:
    given = {"solver": "euler", "differential": True}
    result = ask(picture, method="diffedit", strength=0.5, guidance=2, options=given).result
    assert result.options == {
        "strength": 0.5,
        "steps": 4,
        "guidance": 2,
        "solver": "euler",
        "inversion_solver": "reused_midpoint",
        "inversion_prompt": "empty",
        "differential": True,
    }


def test_strength_steps_and_guidance_need_no_method(picture: Path) -> None:
    result = ask(picture, strength=0.5, guidance=2).result
    assert result.method == "flowedit"
    assert [result.options[name] for name in ("strength", "steps", "guidance")] == [0.5, 4, 2]


def test_method_suits_the_change_unless_it_is_named(picture: Path) -> None:
    removal = {"operation": "remove", "target": ""}
    assert ask(picture, **removal).result.method == "blended"
    assert ask(picture, **removal).result.options["strength"] == 1
    assert ask(picture, method="diffedit", **removal).result.options["strength"] == 0.8


def test_seed_decides_what_noise_decides(picture: Path) -> None:
    first, again, other = (
        ask(picture, method="sdedit", seed=seed, strength=0.5).edit.picture.rgb
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_best_of_several_attempts_is_what_its_seed_makes(picture: Path) -> None:
    best = ask(picture, method="sdedit", strength=0.7, attempts=3, seed=2)
    facts = best.result
    assert facts.attempts == len(best.edit.attempts) == 3
    assert facts.seed == best.edit.seed
    assert facts.evaluations.total == best.edit.evaluations.total + facts.evaluations.check
    assert facts.evaluations.choice > 0
    alone = ask(picture, method="sdedit", strength=0.7, seed=facts.seed)
    assert (alone.result.attempts, alone.result.evaluations.choice) == (1, 0)
    np.testing.assert_array_equal(best.edit.picture.rgb, alone.edit.picture.rgb)


def test_prompt_source_and_negative_reach_the_model(picture: Path) -> None:
    result = ask(picture, prompt="a house", source="a tree here", negative="fog").result
    assert (result.prompt, result.source_prompt) == ("a house", "a tree here")
    assert result.negative == "fog"
    assert any("fog" in note for note in result.notes)


def test_shape_of_the_mask_can_be_chosen(picture: Path) -> None:
    narrow = ask(picture, grow=0, feather=0).edit.mask
    wide = ask(picture, grow=3, feather=0).edit.mask
    soft = ask(picture, grow=0, feather=2).edit.mask
    assert set(np.unique(narrow)) == {0, 1}
    assert (wide > 0).sum() > (narrow > 0).sum()
    assert ((soft > 0) & (soft < 1)).any()


def test_threshold_and_softness_decide_the_mask(picture: Path) -> None:
    found = ask(picture, grow=0, feather=0).edit.mask
    more = ask(picture, threshold=0, grow=0, feather=0).edit.mask
    assert more.mean() > found.mean()
    doubtful = ask(picture, threshold=0, grow=0, feather=0, soft=True).edit.mask
    assert doubtful.mean() < more.mean()


def test_crop_changes_the_thing_too(picture: Path) -> None:
    result = ask(picture, crop=True).result
    assert result.check.changed_outside == 0
    assert result.check.change_inside > 0


# -- operations


def test_removal_is_asked_for_by_its_name(picture: Path) -> None:
    result = ask(picture, target="", operation="remove").result
    assert (result.operation, result.target, result.negative) == ("remove", "", "tree")
    assert result.prompt == ""


def test_adding_puts_the_target_where_the_mask_is(picture: Path, painted: Path) -> None:
    result = ask(picture, query="", target="tree", operation="add", mask=str(painted)).result
    assert (result.query, result.presence) == ("", None)
    assert result.mask == str(painted)
    assert result.evaluations.mask == 0


def test_adding_goes_beside_a_thing(picture: Path) -> None:
    where = {"query": "", "operation": "add", "relative_to": "to the right of the tree"}
    found = ask(picture, **where)
    assert found.result.region == "to the right of the tree"
    assert found.result.evaluations.mask > 0
    tree = ask(picture, target="house").edit.segmentation
    assert tree is not None
    assert np.nonzero(found.edit.mask.max(0))[0].min() >= tree.regions()[0].box[2]
    with pytest.raises(NotFoundError, match="boat"):
        ask(picture, **{**where, "relative_to": "next to the boat"})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"target": ""}, "what 'tree' is to become"),
        ({"operation": "remove"}, "no target, got 'house'"),
        ({"operation": "remove", "query": "", "target": "", "mask": "m.png"}, "what to remove"),
        ({"operation": "add"}, "mask"),
        ({"operation": "add", "mask": "m.png"}, "no query"),
        ({"operation": "add", "mask": "m.png", "query": "", "target": " "}, "what is to be there"),
        ({"query": " "}, "no query and no mask"),
        ({"relative_to": "left of the boat"}, "is to 'replace'"),
        (
            {"query": "", "operation": "add", "region": "left", "relative_to": "on the boat"},
            "takes one of",
        ),
    ],
)
def test_arguments_that_contradict_each_other_say_what_to_do(
    picture: Path, wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        arguments(picture, **wrong)
    error = explain(caught.value)
    assert isinstance(error, QueryError)
    assert said in str(error)
    assert error.hint


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"strength": 0}, "strength.*allowed: above 0, at most 1"),
        ({"steps": 2000}, "steps.*allowed: 1 to 1000"),
        ({"guidance": -1}, "guidance.*allowed: 0 to 100"),
        ({"threshold": 7}, "threshold.*allowed: 0 to 1"),
        ({"grow": float("nan")}, "grow"),
        ({"feather": float("inf")}, "feather"),
        ({"seed": -1}, "seed.*allowed: at least 0, below 9223372036854775808"),
        ({"operation": "paint"}, "'replace', 'remove', 'add' or 'setting'"),
        ({"target": "tr\0ee"}, r"the target holds the control character U\+0000"),
        ({"prompt": "x" * 20_001}, "the prompt has 20,001 characters"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
def test_wrong_arguments_name_what_is_allowed(
    picture: Path, wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        arguments(picture, **wrong)
    with pytest.raises(InvalidInputError, match=said):
        raise explain(caught.value, EditArguments)


def test_every_field_is_described_for_those_who_only_see_the_schema() -> None:
    properties = EditArguments.model_json_schema()["properties"]
    assert [name for name, field in properties.items() if "description" not in field] == []


# -- what is refused before a model is looked for


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"method": "photoshop"}, "unknown method 'photoshop'; known: .*blended.*diffedit"),
        ({"options": {"steps": 5}}, "steps is given twice"),
        (
            {"method": "diffedit", "options": {"heat": 5}},
            "unknown option of DiffEdit 'heat'; known: .*solver",
        ),
        (
            {"method": "diffedit", "options": {"solver": "magic"}},
            "allowed: euler, reused_midpoint, dpm_solver_2m",
        ),
        (
            {"options": {"solver": "euler"}},
            "solver is an option of a method, and none is named; name the method",
        ),
        ({"method": "mdp", "options": {"reuse_share": 2}}, "allowed: 0 to 1"),
        ({"mask": "nowhere.png"}, "nowhere.png: no such file"),
    ],
)
def test_wrong_method_option_or_mask_is_found_before_a_model_is_looked_for(
    picture: Path, wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        edit_image(arguments(picture, **wrong), setup=Setup(model="no-such-model"))


def test_bad_picture_is_found_before_a_model_is_looked_for() -> None:
    with pytest.raises(ImageError, match=r"nowhere\.png"):
        edit_image(arguments(Path("nowhere.png")), setup=Setup(model="no-such-model"))


def test_mask_of_another_size_is_resized_only_when_asked(picture: Path, tmp_path: Path) -> None:
    small = str(paint(tmp_path / "small.png", (HEIGHT // 2, WIDTH // 2)))
    with pytest.raises(InvalidInputError, match="the mask is 20 x 12 pixels, the picture 40 x 24"):
        edit_image(arguments(picture, mask=small), setup=Setup(model="no-such-model"))
    mask = ask(picture, mask=small, resize_mask=True).edit.mask
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask[:, :15].min() == 1
    assert mask[:, 30:].max() == 0


# -- masks from files


def test_painted_mask_is_taken_as_it_is(picture: Path, painted: Path) -> None:
    mask = ask(picture, mask=str(painted)).edit.mask
    assert set(np.unique(mask)) == {np.float32(0), np.float32(51 / 255), np.float32(1)}


def test_transparent_parts_of_a_mask_stay_as_they_are(picture: Path, tmp_path: Path) -> None:
    rgba = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    rgba[:, 10:, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "mask.png")
    mask = ask(picture, mask=str(tmp_path / "mask.png")).edit.mask
    assert mask[:, :10].min() == 1
    assert mask[:, 10:].max() == 0


def test_mask_in_colour_counts_by_its_brightness(picture: Path, tmp_path: Path) -> None:
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[:, :10] = (0, 255, 0)
    Image.fromarray(rgb).save(tmp_path / "mask.png")
    mask = ask(picture, mask=str(tmp_path / "mask.png")).edit.mask
    assert mask[0, 0] == pytest.approx(0.587)
    assert mask[0, 10] == 0


@pytest.mark.parametrize(
    ("mode", "inside", "said"),
    [
        ("L", 0, "nothing may change"),
        ("L", 1, "largest value is 1 of 255"),
        ("L", 20, "largest value is 20 of 255"),
        ("I;16", 4095, "largest value is 4095 of 65535"),
        ("RGBA", 0, "nothing may change"),
    ],
)
def test_mask_file_that_lets_nothing_change_is_an_error(
    picture: Path, tmp_path: Path, mode: str, inside: int, said: str
) -> None:
    values = np.zeros((HEIGHT, WIDTH), np.uint16)
    values[4:12, 6:16] = inside
    path = tmp_path / "mask.png"
    if mode == "RGBA":  # white, and nowhere opaque
        Image.new("RGBA", (WIDTH, HEIGHT), (255, 255, 255, 0)).save(path)
    else:
        Image.fromarray(values if mode == "I;16" else values.astype(np.uint8)).save(path)
    with pytest.raises(InvalidInputError, match=said):
        edit_image(arguments(picture, mask=str(path)), setup=Setup(model="no-such-model"))


def test_mask_with_a_palette_counts_by_brightness_and_not_by_labels(
    picture: Path, tmp_path: Path
) -> None:
    labels = Image.new("P", (WIDTH, HEIGHT), 0)
    labels.paste(1, (6, 4, 16, 12))
    labels.putpalette([0, 0, 0, 128, 0, 0])  # as data sets have it
    labels.save(tmp_path / "mask.png")
    with pytest.raises(InvalidInputError, match=r"palette of colours, .* brightness counts"):
        edit_image(
            arguments(picture, mask=str(tmp_path / "mask.png")), setup=Setup(model="no-such-model")
        )
    labels.putpalette([0, 0, 0, 255, 255, 255])
    labels.save(tmp_path / "mask.png")
    mask = ask(picture, mask=str(tmp_path / "mask.png")).edit.mask
    assert mask.sum() == mask[4:12, 6:16].sum() == 80


def test_mask_of_one_bit_is_taken(picture: Path, tmp_path: Path) -> None:
    binary = np.zeros((HEIGHT, WIDTH), bool)
    binary[4:12, 6:16] = True
    Image.fromarray(binary).save(tmp_path / "mask.png")
    assert np.array_equal(ask(picture, mask=str(tmp_path / "mask.png")).edit.mask, binary)


def test_given_mask_is_used_exactly_in_the_written_file(
    picture: Path, painted: Path, tmp_path: Path
) -> None:
    save_edit(ask(picture, mask=str(painted)), tmp_path / "out.png")
    changed = (pixels(tmp_path / "out.png") != PIXELS).any(-1)
    assert changed.any()
    assert not changed[:, WIDTH // 2 + 1 :].any()


# -- not found


def test_what_is_not_there_is_an_error_that_knows_the_presence(picture: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        ask(picture, query="house", target="tree")
    facts = error_facts(caught.value)
    assert facts.code == "not_found"
    assert facts.presence == caught.value.presence < 0.5
    assert facts.hint


def test_other_errors_have_no_presence() -> None:
    facts = error_facts(UnknownNameError("no", hint="yes"))
    assert facts.model_dump() == {
        "code": "unknown_name",
        "message": "no",
        "hint": "yes",
        "presence": None,
    }


# -- captions


def test_caption_is_the_source_unless_one_is_given(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parrot = Parrot("a tree")
    share_captioner(monkeypatch, "parrot", parrot, "cpu")
    result = ask(picture, source=None, captioner="parrot").result
    assert result.caption == result.source_prompt == "a tree"
    assert result.prompt == "a house"
    assert parrot.asked == 1

    assert ask(picture, source="tree", captioner="parrot").result.caption is None
    assert parrot.asked == 1


# -- precision


def test_half_precision_without_numbers_is_answered_in_float32(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = Loads()
    register_model(monkeypatch, "shaky", loads)
    found = edit_image(arguments(picture), setup=Setup(model="shaky"))
    assert loads.dtypes == ["auto", "float32"]
    assert found.result.notes[-1].endswith("so it was done again in float32")
    np.testing.assert_array_equal(found.edit.picture.rgb, ask(picture).edit.picture.rgb)


def test_second_failure_and_a_loaded_model_are_clear_errors(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = Loads(broken=True)
    register_model(monkeypatch, "shaky", loads)
    with pytest.raises(PrecisionError, match="use float32"):
        edit_image(arguments(picture), setup=Setup(model="shaky"))
    assert loads.dtypes == ["auto", "float32"]
    with pytest.raises(PrecisionError):
        edit_image(
            arguments(picture), model=loads(device="cpu", dtype="auto", local_files_only=True)
        )
    assert loads.dtypes == ["auto", "float32", "auto"]


# -- progress, cancel


def test_progress_ends_each_stage_complete(picture: Path) -> None:
    reports: list[Progress] = []
    edit_image(arguments(picture, method="diffedit"), model=MODEL, progress=reports.append)
    last = {report.stage: report for report in reports}
    assert {"loading the model", "inverting", "editing", "decoding"} <= set(last)
    assert [r for r in last.values() if r.step != r.of and r.stage != "editing"] == []


def test_cancel_stops_the_call(picture: Path) -> None:
    cancel = CancelToken()

    def stop(report: Progress) -> None:
        if report.stage == "editing":
            cancel.cancel()

    with pytest.raises(Cancelled):
        edit_image(arguments(picture), model=MODEL, cancel=cancel, progress=stop)


# -- files


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_lossless_file_keeps_every_pixel_outside_the_mask(
    answer: EditAnswer, tmp_path: Path, suffix: str
) -> None:
    result = save_edit(answer, tmp_path / f"out{suffix}")
    assert result.file == str(tmp_path / f"out{suffix}")
    outside = answer.edit.mask == 0
    np.testing.assert_array_equal(pixels(result.file)[outside], PIXELS[outside])
    assert read_label(result.file) == EDITED
    assert result.notes == answer.result.notes


def test_lossy_file_says_so(answer: EditAnswer, tmp_path: Path) -> None:
    result = save_edit(answer, tmp_path / "out.jpg")
    assert "lossy" in result.notes[-1]
    assert read_label(tmp_path / "out.jpg") == EDITED


def test_label_can_be_left_out(answer: EditAnswer, tmp_path: Path) -> None:
    save_edit(answer, tmp_path / "out.png", label=False)
    assert read_label(tmp_path / "out.png") is None


@pytest.mark.parametrize(("before", "after"), [(GENERATED, GENERATED), (EDITED, EDITED)])
def test_generated_picture_stays_one_when_a_model_edits_it(
    tmp_path: Path, before: Label, after: Label
) -> None:
    made = save_picture(tmp_path / "made.png", PIXELS, label=before)
    save_edit(ask(made), tmp_path / "out.png")
    assert read_label(tmp_path / "out.png") == after


def test_personal_metadata_is_dropped_unless_asked_for(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x013B] = "Ada"
    Image.fromarray(PIXELS).save(tmp_path / "photo.png", exif=exif)
    found = ask(tmp_path / "photo.png")
    save_edit(found, tmp_path / "without.png")
    save_edit(found, tmp_path / "with.png", keep_metadata=True)
    with Image.open(tmp_path / "without.png") as image:
        assert 0x013B not in image.getexif()
    with Image.open(tmp_path / "with.png") as image:
        assert image.getexif()[0x013B] == "Ada"


def test_transparency_and_colour_profile_are_kept(tmp_path: Path) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    alpha = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    alpha[:3] = 7
    rgba = np.concatenate([PIXELS, alpha], 2)
    Image.fromarray(rgba).save(tmp_path / "glass.png", icc_profile=profile)
    save_edit(ask(tmp_path / "glass.png", grow=0), tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        assert image.info["icc_profile"] == profile
        np.testing.assert_array_equal(np.asarray(image)[..., 3], alpha[..., 0])


@pytest.mark.parametrize(
    ("mode", "said"), [("L", "(L) become RGB"), ("P", "(P) become RGB"), ("I;16", "8 bits")]
)
def test_what_a_picture_loses_is_said(tmp_path: Path, painted: Path, mode: str, said: str) -> None:
    grey = Image.fromarray(PIXELS).convert("L")
    image = Image.fromarray(np.asarray(grey, np.uint16) * 257) if mode == "I;16" else grey
    (image if mode == "I;16" else image.convert(mode)).save(tmp_path / "grey.png")
    result = ask(tmp_path / "grey.png", mask=str(painted)).result
    assert any(said in note for note in result.notes)


def test_colours_of_sixteen_bits_come_in_whole_and_the_loss_on_the_way_out_is_said(
    tmp_path: Path, painted: Path
) -> None:
    deep = PIXELS.astype(np.uint16) * 257 - (PIXELS > 0)
    tifffile.imwrite(tmp_path / "deep.tiff", deep, photometric="rgb")
    answer = ask(tmp_path / "deep.tiff", mask=str(painted))
    outside = answer.edit.mask == 0
    np.testing.assert_allclose(answer.edit.picture.rgb[outside] * 65535, deep[outside], atol=0.01)
    assert "its colours of 16 bits a channel become 8 bits a channel" in answer.result.notes


def test_remark_on_the_picture_is_made_once(picture: Path, tmp_path: Path) -> None:
    (tmp_path / "garden.jpg").write_bytes(picture.read_bytes())
    result = ask(tmp_path / "garden.jpg").result
    assert result.notes.count("garden.jpg holds PNG data in spite of its suffix") == 1


def test_neither_picture_nor_mask_is_ever_replaced(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "garden.png")
    mask = paint(tmp_path / "mask.png", (HEIGHT, WIDTH))
    (tmp_path / "same.png").symlink_to("garden.png")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    given = arguments(tmp_path / "garden.png", mask=str(mask))
    found = edit_image(given, model=MODEL)
    for name in before:
        with pytest.raises(InvalidInputError, match="never replaced"):
            refuse_edit_output(given, tmp_path / name, force=True)
        with pytest.raises(InvalidInputError, match="never replaced"):
            save_edit(found, tmp_path / name, force=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_other_files_are_replaced_only_by_force(
    answer: EditAnswer, picture: Path, tmp_path: Path
) -> None:
    taken = tmp_path / "out.png"
    taken.write_text("precious")
    with pytest.raises(OutputExistsError):
        refuse_edit_output(arguments(picture), taken)
    with pytest.raises(OutputExistsError):
        save_edit(answer, taken)
    assert taken.read_text() == "precious"
    refuse_edit_output(arguments(picture), taken, force=True)
    save_edit(answer, taken, force=True)
    assert pixels(taken).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("out.bmp", "writable: .png"),
        ("out", "no suffix"),
        ("garden.png/out.png", "not a folder"),
        ("glass.jpg", "no transparency"),
    ],
)
def test_output_that_cannot_be_written_is_refused_before_the_slow_part(
    tmp_path: Path, name: str, said: str
) -> None:
    Image.fromarray(PIXELS).convert("RGBA").save(tmp_path / "garden.png")
    with pytest.raises(InvalidInputError, match=said):
        refuse_edit_output(arguments(tmp_path / "garden.png"), tmp_path / name)


# -- plans


def test_a_plan_says_what_the_edit_does_and_makes_nothing(
    picture: Path, answer: EditAnswer, tmp_path: Path
) -> None:
    planned = plan_edit(arguments(picture), model=MODEL)
    plan, edit = planned.result, answer.result
    for name in ("query", "target", "method", "options", "prompt", "source_prompt", "negative"):
        assert getattr(plan, name) == getattr(edit, name), name
    assert (plan.kind, plan.share, plan.presence) == ("replace", edit.share, edit.presence)
    assert plan.evaluations == edit.evaluations.mask
    assert plan.why == list(planned.plan.why)
    np.testing.assert_array_equal(planned.plan.region, answer.edit.mask)
    saved = save_plan(planned, tmp_path / "where.png")
    assert saved.file == str(tmp_path / "where.png")
    assert pixels(tmp_path / "where.png").shape == (HEIGHT, WIDTH, 3)
    assert read_label(tmp_path / "where.png") is None
    with pytest.raises(OutputExistsError):
        save_plan(planned, tmp_path / "where.png")


def test_a_plan_of_a_part_is_that_of_the_part(picture: Path) -> None:
    narrowed = {"invert": True, "source": "a tree"}
    planned = plan_edit(arguments(picture, **narrowed), model=MODEL).result
    edit = ask(picture, **narrowed).result
    assert (planned.query, planned.share) == (edit.query, edit.share)
    assert (planned.presence, planned.prompt) == (edit.presence, edit.prompt)


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"invert": True, "source": "a tree"}, "where it is not tree"),
        ({"region": "largest"}, "where it is tree (largest)"),
        ({"query": "", "operation": "add", "region": "bottom left"}, "at the bottom left"),
    ],
)
def test_a_plan_of_a_part_says_which(picture: Path, said: dict[str, object], where: str) -> None:
    place = plan_edit(arguments(picture, **said), model=MODEL).result.why[1]
    assert place.endswith(f"of the picture, {where}")


def test_what_cannot_be_edited_cannot_be_planned(picture: Path) -> None:
    with pytest.raises(NotFoundError):
        plan_edit(arguments(picture, query="house", source="a tree"), model=MODEL)
