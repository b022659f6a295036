"""`textseg edit`, `create`, `caption` and `methods` as a person or a script meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from typer.testing import Result

from tests.registering import register_model, share_captioner, share_editor
from textseg.backends.loading import choose_device
from textseg.errors import PrecisionError
from textseg.provenance import EDITED, GENERATED, read_label
from textseg.registry.methods import METHODS
from textseg.toolbox import CaptionResult, CreateResult, EditResult, PlanResult

DEVICE = str(choose_device("auto"))  # where captioners are loaded unless told otherwise

Command = Callable[..., Result]

EDIT = ("edit", "garden.png", "tree", "house", "--source", "a tree", "--model", "gaussian")
SHORT, METHOD = ("--steps", "4"), ("--method", "diffedit")
CREATE = ("create", "a tree", "--size", "40x24", "--model", "gaussian", "--steps", "8")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


# -- edit


def test_edit_writes_one_labelled_picture_and_says_what_changed(
    textseg: Command, folder: Path
) -> None:
    result = textseg(*EDIT, *SHORT)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    assert "'tree' -> 'house' by flowedit, seed 0" in result.stdout
    assert "pixels changed elsewhere: 0" in result.stdout
    assert "written: garden_edited.png" in result.stdout
    assert names(folder) == ["garden.png", "garden_edited.png"]
    assert read_label(folder / "garden_edited.png") == EDITED
    changed = (pixels(folder / "garden.png") != pixels(folder / "garden_edited.png")).any(-1)
    assert 0.05 < changed.mean() < 0.5


def test_a_plan_is_told_and_nothing_is_made(textseg: Command, folder: Path) -> None:
    result = textseg(*EDIT, *SHORT, "--plan")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "plan of 'tree' -> 'house': nothing is made" in result.stdout
    assert "replace: another thing in its place" in result.stdout
    assert names(folder) == ["garden.png"]
    shown = textseg(*EDIT, *SHORT, "--plan", "-o", "where.png", "--json")
    facts = PlanResult.model_validate_json(shown.stdout)
    assert (facts.kind, facts.file) == ("replace", "where.png")
    assert names(folder) == ["garden.png", "where.png"]
    assert textseg(*EDIT, *SHORT, "--plan", "-o", "where.png").exit_code == 2


def test_another_editor_paints_where_it_is_named(
    textseg: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def inverting(picture: Image.Image, words: str, mask: Image.Image) -> Image.Image:
        return ImageOps.invert(picture)

    (folder / "editor").mkdir()
    share_editor(monkeypatch, "./editor", inverting, DEVICE)
    result = textseg(*EDIT, "--editor", "./editor")
    assert result.exit_code == 0, result.stderr
    assert "'tree' -> 'house' by External, seed 0" in result.stdout
    assert "pixels changed elsewhere: 0" in result.stdout
    assert "made by inverting" in result.stdout


def test_json_of_an_edit_is_the_result_and_nothing_else(textseg: Command, folder: Path) -> None:
    result = textseg(*EDIT, *SHORT, "--json", "--seed", "3", "-o", "out/new.webp")
    facts = EditResult.model_validate_json(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (facts.query, facts.target, facts.seed) == ("tree", "house", 3)
    assert facts.file == "out/new.webp"
    assert names(folder / "out") == ["new.webp"]


def test_every_option_of_an_edit_reaches_it(textseg: Command, folder: Path) -> None:
    mask = np.zeros((12, 20), np.uint8)
    mask[:, :10] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    words = (
        "--mask mask.png --resize-mask --method blended --strength 0.5 --steps 6 --guidance 3 "
        "--seed 5 --prompt house --negative fog --threshold 0.4 --grow 1 --feather 2 --crop --soft "
        "--set solver=dpm_solver_2m --set differential=true --device cpu --max-pixels 2000 "
        "--no-label --json"
    )
    result = textseg(*EDIT, *words.split())
    assert result.exit_code == 0, result.stderr
    facts = EditResult.model_validate_json(result.stdout)
    assert (facts.method, facts.seed, facts.prompt) == ("blended", 5, "house")
    assert (facts.source_prompt, facts.negative, facts.mask) == ("a tree", "fog", "mask.png")
    assert facts.options == {
        "strength": 0.5,
        "steps": 6,
        "guidance": 3,
        "solver": "dpm_solver_2m",
        "differential": True,
    }
    assert read_label(folder / "garden_edited.png") is None


def test_the_best_of_several_attempts_is_told_with_its_seed(textseg: Command) -> None:
    words = "--method sdedit --strength 0.7 --steps 6 --seed 3 --attempts 2".split()
    told = textseg(*EDIT, *words, "-o", "told.png").stdout
    facts = EditResult.model_validate_json(textseg(*EDIT, *words, "--json").stdout)
    assert facts.attempts == 2
    assert facts.evaluations.choice > 0
    assert f"by sdedit, seed {facts.seed}, the best of 2 attempts" in told
    assert f"choice {facts.evaluations.choice}, check" in told


def test_what_is_added_is_worked_on_larger_unless_told_otherwise(
    textseg: Command, folder: Path
) -> None:
    mask = np.zeros((24, 40), np.uint8)
    mask[4:12, 6:16] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    command = ("edit", "garden.png", "", "house", "--mask", "mask.png", "--source", "tree")
    made = {}
    for option in ("", "--crop", "--no-crop"):
        where = f"new{option}.png"
        result = textseg(*command, "--model", "gaussian", *SHORT, "-o", where, *option.split())
        assert result.exit_code == 0, result.stderr
        made[option] = pixels(folder / where)
    assert np.array_equal(made[""], made["--crop"])
    assert not np.array_equal(made[""], made["--no-crop"])


def test_shape_of_a_found_mask_can_be_chosen(textseg: Command) -> None:
    def share(*options: str) -> float:
        result = textseg(*EDIT, *SHORT, "--json", "--force", *options)
        return EditResult.model_validate_json(result.stdout).share

    assert share("--grow", "0") < share("--grow", "3")
    assert share("--grow", "0", "--threshold", "0") > share("--grow", "0")


@pytest.mark.parametrize(
    "words", [("tree", "--remove"), ("tree", "")], ids=["by option", "by empty target"]
)
def test_removal_can_be_asked_for_in_two_ways(textseg: Command, words: tuple[str, ...]) -> None:
    command = ("edit", "garden.png", *words, "--source", "tree", "--model", "gaussian", *SHORT)
    facts = EditResult.model_validate_json(textseg(*command, "--json").stdout)
    assert (facts.operation, facts.target, facts.negative) == ("remove", "", "tree")


def test_adding_needs_a_mask_and_no_query(textseg: Command, folder: Path) -> None:
    Image.fromarray(np.full((24, 40), 255, np.uint8)).save(folder / "mask.png")
    command = ("edit", "garden.png", "", "house", "--source", "tree", "--model", "gaussian")
    refused = textseg(*command, *SHORT)
    assert refused.exit_code == 2
    assert "mask" in refused.stderr
    facts = EditResult.model_validate_json(
        textseg(*command, *SHORT, "--mask", "mask.png", "--json").stdout
    )
    assert (facts.operation, facts.share) == ("add", 1)


def test_lossy_output_says_so(textseg: Command) -> None:
    assert "note: JPEG as written here is lossy" in textseg(*EDIT, *SHORT, "-o", "new.jpg").stdout


def test_metadata_is_kept_when_asked_for(textseg: Command, folder: Path) -> None:
    exif = Image.Exif()
    exif[0x013B] = "Ada"
    Image.open(folder / "garden.png").save(folder / "garden.png", exif=exif)
    textseg(*EDIT, *SHORT, "--keep-metadata")
    with Image.open(folder / "garden_edited.png") as image:
        assert image.getexif()[0x013B] == "Ada"


def test_what_is_not_there_ends_with_one_and_its_presence_in_json(
    textseg: Command, folder: Path
) -> None:
    command = ("edit", "garden.png", "house", "tree", "--source", "tree", "--model", "gaussian")
    result = textseg(*command, "--json")
    assert result.exit_code == 1
    assert result.stderr.startswith("textseg: 'house' was not found")
    assert result.stderr.count("\n") == 1
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "not_found"
    assert 0 <= error["presence"] < 0.5
    assert names(folder) == ["garden.png"]
    assert textseg(*command).stdout == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--strength", "1.5"), "allowed: above 0, at most 1"),
        (("--steps", "0"), "allowed: 1 to 1000"),
        (("--guidance", "-2"), "allowed: 0 to 100"),
        (("--threshold", "2"), "allowed: 0 to 1"),
        (("--grow", "-1"), "allowed: at least 0"),
        (("--feather", "-1"), "allowed: at least 0"),
        (("--seed", "-1"), "allowed: at least 0"),
        (("--method", "photoshop"), "known: asyrp, blended"),
        (("--set", "solver"), "NAME=VALUE"),
        (("--set", "solver=euler", "--set", "solver=euler"), "set twice"),
        (("--set", "solver=euler"), "solver is an option of a method, and none is named"),
        ((*METHOD, "--set", "solver=magic"), "allowed: euler, reused_midpoint, dpm_solver_2m"),
        ((*METHOD, "--set", "strength=2"), "allowed: above 0, at most 1"),
        ((*METHOD, "--set", "heat=2"), "unknown option"),
        (("--remove",), "no target, got 'house'"),
        (("--mask", "nowhere.png"), "nowhere.png: no such file"),
        (("--mask", "small.png"), "the mask is 20 x 12 pixels, the picture 40 x 24"),
        (("--mask", "black.png"), "so nothing may change"),
        (("--mask", "labels.png"), "largest value is 1 of 255"),
        (("--max-pixels", "9"), "limit of 9"),
        (("-o", "garden.png", "--force"), "never replaced"),
        (("-o", "small.png", "--mask", "small.png", "--force"), "never replaced"),
        (("-o", "small.png"), "would be overwritten"),
        (("-o", "new.gif"), "writable: .png"),
        (("-o", "small.png/new.png"), "not a folder"),
        (("--sign", "nowhere.pem", "nowhere.key"), "nowhere"),
        (("--model", "no-such-model"), "picturebook"),
    ],
)
def test_wrong_edit_is_one_line_exit_code_two_and_no_file(
    textseg: Command, folder: Path, wrong: tuple[str, ...], said: str
) -> None:
    Image.fromarray(np.full((12, 20), 255, np.uint8)).save(folder / "small.png")
    Image.fromarray(np.zeros((24, 40), np.uint8)).save(folder / "black.png")
    Image.fromarray(np.ones((24, 40), np.uint8)).save(folder / "labels.png")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = textseg(*EDIT, *wrong)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_edit_without_a_target_says_what_is_missing(textseg: Command) -> None:
    result = textseg("edit", "garden.png", "tree")
    assert result.exit_code == 2
    assert "what 'tree' is to become" in result.stderr


def test_values_beyond_half_precision_are_one_line(
    textseg: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*, device: str, dtype: str, local_files_only: bool) -> None:
        raise PrecisionError(f"values that are not numbers, in {dtype}", hint="another model")

    register_model(monkeypatch, "shaky", load)
    result = textseg(*EDIT[:-1], "shaky", "--json")
    assert result.exit_code == 1
    assert result.stderr == "textseg: values that are not numbers, in float32; another model\n"
    assert json.loads(result.stdout)["error"]["code"] == "precision"
    assert names(folder) == ["garden.png"]


# -- create


def test_create_names_the_picture_after_its_prompt(textseg: Command, folder: Path) -> None:
    result = textseg(*CREATE)
    assert result.exit_code == 0, result.stderr
    assert "written: a-tree.png" in result.stdout
    assert pixels(folder / "a-tree.png").shape == (24, 40, 3)
    assert read_label(folder / "a-tree.png") == GENERATED


def test_changes_take_two_values_each_and_stages_are_kept(textseg: Command, folder: Path) -> None:
    command = ("create", "tree house", *CREATE[2:], "-o", "made.png", "--stages", "--json")
    result = textseg(*command, "--change", "tree", "-o fog", "--change", "house", "")
    assert result.exit_code == 0, result.stderr
    facts = CreateResult.model_validate_json(result.stdout)
    assert [(c.query, c.target) for c in facts.changes] == [("tree", "-o fog"), ("house", "")]
    assert names(folder) == [
        "garden.png",
        "made.json",
        "made.png",
        "made_1.png",
        "made_1_mask.png",
        "made_2_mask.png",
        "made_generated.png",
    ]


def test_every_option_of_a_creation_reaches_it(textseg: Command, folder: Path) -> None:
    words = "--seed 4 --guidance 2 --negative fog --method sdedit --device cpu --no-label --json"
    result = textseg(*CREATE, *words.split(), "--change", "tree", "fog", "-o", "made.webp")
    assert result.exit_code == 0, result.stderr
    facts = CreateResult.model_validate_json(result.stdout)
    assert (facts.seed, facts.steps, facts.guidance, facts.negative) == (4, 8, 2, "fog")
    assert (facts.changes[0].method, facts.changes[0].options["guidance"]) == ("sdedit", 2)
    assert read_label(folder / "made.webp") is None


def test_creation_describes_its_stages(textseg: Command) -> None:
    said = textseg(*CREATE, "--change", "tree", "fog").stdout
    assert "'a tree': 40 x 24, model gaussian, seed 0" in said
    assert "'tree' -> 'fog' by flowedit" in said
    assert "inversion 0" in said


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("segment", "garden.png", "tree", "--max-pixels", "9"), "or raise --max-pixels"),
        (
            ("segment", "garden.png", "tree", "--batch-size", "0"),
            "--batch-size: must be at least 1",
        ),
        (
            ("edit", "garden.png", "tree", "house", "--mask", "small.png"),
            "give a mask of the picture's size, or set --resize-mask",
        ),
    ],
)
def test_hints_speak_of_options(
    textseg: Command, folder: Path, command: tuple[str, ...], said: str
) -> None:
    Image.new("L", (20, 12), 255).save(folder / "small.png")
    result = textseg(*command, "--model", "gaussian")
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        (("--change", "tree"), 2, "--change takes two values"),
        (("--change", "", "fog"), 2, "the query is empty"),
        (("--change", "house", "fog"), 1, "change 1: 'house' was not found"),
        (("--change", "boat", "fog"), 1, "change 1: nothing can be said about 'boat'"),
        (("--size", "24"), 2, "a size is WxH"),
        (("--size", "0x9"), 2, "size"),
        (("--steps", "0"), 2, "allowed: 1 to 1000"),
        (("--guidance", "200"), 2, "allowed: 0 to 100"),
        (("-o", "garden.png"), 2, "would be overwritten"),
        (("-o", "made.bmp"), 2, "writable: .png"),
        (("--method", "photoshop"), 2, "known: asyrp, blended"),
    ],
)
def test_wrong_creation_is_explained_and_writes_nothing(
    textseg: Command, folder: Path, wrong: tuple[str, ...], code: int, said: str
) -> None:
    result = textseg(*CREATE, *wrong)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert names(folder) == ["garden.png"]


def test_words_after_two_dashes_are_no_options(textseg: Command, folder: Path) -> None:
    result = textseg("create", *CREATE[2:], "--", "--change")
    assert result.exit_code == 0, result.stderr
    assert names(folder) == ["change.png", "garden.png"]


# -- caption and methods


class Parrot:
    name = "parrot"

    def caption(self, rgb: np.ndarray) -> str:
        return f"a tree on {rgb.shape[1]} columns"


def test_caption_is_printed_for_people_and_programs(
    textseg: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_captioner(monkeypatch, "parrot", Parrot(), DEVICE)
    command = ("caption", "garden.png", "--captioner", "parrot")
    assert textseg(*command).stdout == "a tree on 40 columns\n"
    assert CaptionResult.model_validate_json(textseg(*command, "--json").stdout).width == 40


def test_captioner_of_an_edit_can_be_chosen(
    textseg: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_captioner(monkeypatch, "parrot", Parrot(), "cpu")
    command = ("edit", "garden.png", "tree", "house", "--model", "gaussian", *SHORT, "--json")
    facts = EditResult.model_validate_json(textseg(*command, "--captioner", "parrot").stdout)
    assert facts.caption == facts.source_prompt == "a tree on 40 columns"
    assert facts.prompt == "a house on 40 columns"


def test_methods_are_listed_with_their_options(textseg: Command) -> None:
    said = textseg("methods").stdout
    assert "diffedit: " in said
    assert "arXiv:2210.11427" in said
    assert "(above 0, at most 1)" in said
    assert "differential=false" in said
    listed = json.loads(textseg("methods", "--json").stdout)
    assert [method["name"] for method in listed] == METHODS.names()
    options = {option["name"]: option for option in listed[1]["options"]}
    assert (options["steps"]["minimum"], options["steps"]["maximum"]) == (1, 1000)


def test_method_that_cannot_be_used_is_listed_with_the_reason_in_one_line(
    textseg: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("bad", "no_such_module:Toy", METHODS.group)
    monkeypatch.setattr("textseg.registry.plugins.entry_points", lambda group: [point])
    lines = textseg("methods").stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("bad: ")]
    assert "cannot be used" in line
    assert "no_such_module" in line
    assert any(line.startswith("sdedit: ") for line in lines)
    refused = textseg("edit", "garden.png", "tree", "house", "--method", "bad", "--json")
    assert json.loads(refused.stdout)["error"]["code"] == "model_unavailable"


# -- the embedded model


def test_embedded_model_edits_what_it_made(textseg: Command, folder: Path) -> None:
    made = textseg(*"create --steps 6 --seed 1 -o made.png".split(), "a red house on a meadow")
    assert made.exit_code == 0, made.stderr
    before = pixels(folder / "made.png")
    Image.fromarray(np.repeat([[255], [0]], [64, 64], 0).repeat(128, 1).astype(np.uint8)).save(
        folder / "mask.png"
    )
    command = ("edit", "made.png", "sky", "blue sky", "--source", "a red house on a meadow")
    result = textseg(*command, "--mask", "mask.png", *SHORT, "--json")
    assert result.exit_code == 0, result.stderr
    after = pixels(folder / "made_edited.png")
    assert before.shape == after.shape == (128, 128, 3)
    np.testing.assert_array_equal(after[64:], before[64:])
    assert (after[:64] != before[:64]).any()
    assert read_label(folder / "made_edited.png") == GENERATED
