"""Making and changing pictures as an operation, on a model whose answers are exact."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from tests.registering import register_model, share_captioner
from tests.toolbox.helpers import Loads, Parrot, take_setup
from textseg.errors import (
    Cancelled,
    InvalidInputError,
    NotFoundError,
    OutputExistsError,
    QueryError,
    UnknownNameError,
)
from textseg.images import to_uint8
from textseg.progress import CancelToken, Progress
from textseg.provenance import GENERATED, read_label
from textseg.testing import GaussianModel
from textseg.toolbox import (
    CreateAnswer,
    CreateArguments,
    CreateResult,
    Setup,
    created_name,
    explain,
    generate_and_edit,
    refuse_create_output,
    save_create,
)
from textseg.toolbox.changing import as_stored

HEIGHT, WIDTH = 24, 40
MODEL = GaussianModel()
CHANGES = [{"query": "tree", "target": "flowers"}, {"query": "house", "target": ""}]


def arguments(**settings: object) -> CreateArguments:
    return CreateArguments.model_validate(
        {
            "prompt": "a tree and a house",
            "size": [HEIGHT, WIDTH],
            "steps": 8,
            "guidance": 1,
            **settings,
        }
    )


def ask(**settings: object) -> CreateAnswer:
    setup = take_setup(settings)
    return generate_and_edit(arguments(**settings), setup=setup, model=MODEL)


@pytest.fixture(scope="module")
def answer() -> CreateAnswer:
    return ask(changes=CHANGES)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_picture_shows_what_was_asked_for() -> None:
    found = ask(prompt="a tree")
    truth = MODEL.region("tree", HEIGHT, WIDTH)
    np.testing.assert_allclose(
        found.picture.rgb[truth].mean(0), MODEL.things["tree"].colour, atol=0.05
    )
    assert (found.result.width, found.result.height) == (WIDTH, HEIGHT)
    assert (found.result.steps, found.result.guidance) == (8, 1)
    assert found.result.evaluations >= 8
    assert found.result.changes == []
    assert found.result.caption is None
    assert found.picture is found.generated


def test_changes_are_made_one_after_the_other(answer: CreateAnswer) -> None:
    first, second = answer.edits
    assert first.before is answer.generated
    np.testing.assert_array_equal(second.before.rgb, as_stored(first.picture).rgb)
    np.testing.assert_array_equal(to_uint8(second.before.rgb), to_uint8(first.picture.rgb))
    assert answer.picture is second.picture
    for edit in answer.edits:
        assert edit.changed_outside == 0
        assert edit.change_inside > 0


def test_facts_tell_every_stage(answer: CreateAnswer) -> None:
    result = answer.result
    assert [change.query for change in result.changes] == ["tree", "house"]
    first, second = result.changes
    assert (first.source_prompt, first.prompt) == ("a tree", "a flowers")
    assert (second.source_prompt, second.prompt, second.negative) == ("a house", "", "house")
    assert (first.method, second.method) == ("flowedit", "blended")
    making = result.evaluations - sum(c.evaluations.total for c in result.changes)
    assert making == ask().result.evaluations
    assert CreateResult.model_validate_json(result.model_dump_json()) == result


def test_each_change_is_made_in_the_text_that_the_one_before_left() -> None:
    changes = [{"query": "tree", "target": "wood"}, {"query": "house", "target": "old house"}]
    first, second = ask(prompt="a house in a tree", changes=changes).result.changes
    assert (first.source_prompt, first.prompt) == ("in a tree", "in a wood")
    assert (second.source_prompt, second.prompt) == ("a house in a wood", "an old house in a wood")


def test_first_change_needs_no_inversion() -> None:
    changes = ask(changes=CHANGES, method="diffedit").result.changes
    assert [c.evaluations.inversion > 0 for c in changes] == [False, True]


def test_steps_seed_and_negative_serve_the_changes_too() -> None:
    found = ask(
        changes=[{"query": "tree", "target": "flowers"}], seed=3, negative="fog", method="blended"
    ).result
    change = found.changes[0]
    assert (change.method, change.seed, change.negative) == ("blended", 3, "fog")
    assert (change.options["steps"], change.options["guidance"]) == (8, 1)


def test_attempts_are_made_at_each_change() -> None:
    changes = [{"query": "tree", "target": "flowers"}]
    answer = ask(changes=changes, attempts=2, method="blended")
    assert [len(edit.attempts) for edit in answer.edits] == [2]
    assert [facts.attempts for facts in answer.result.changes] == [2]


def test_seed_decides_the_picture() -> None:
    first, again, other = (ask(seed=seed).picture.rgb for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_caption_is_where_the_changes_start_from(monkeypatch: pytest.MonkeyPatch) -> None:
    parrot = Parrot("one tree")
    share_captioner(monkeypatch, "parrot", parrot, "cpu")
    found = ask(changes=CHANGES, captioner="parrot").result
    assert found.caption == "one tree"
    assert found.changes[0].source_prompt == "one tree"
    assert parrot.asked == 1


def test_change_of_what_is_not_there_says_which_and_how_sure() -> None:
    with pytest.raises(NotFoundError, match="change 1: 'house' was not found") as caught:
        ask(prompt="a tree", changes=[{"query": "house", "target": "tree"}])
    assert caught.value.presence < 0.5
    assert "another seed" in caught.value.hint


def test_change_of_an_unknown_thing_says_which_words_are_known() -> None:
    with pytest.raises(NotFoundError, match="change 2: nothing can be said about 'boat'") as caught:
        ask(changes=[CHANGES[0], {"query": "boat", "target": "tree"}])
    assert caught.value.presence is None
    assert caught.value.hint.startswith("say it in words that it knows: a, an")


def test_remark_on_the_prompt_is_made_once() -> None:
    found = ask(prompt="tree zebra", changes=[CHANGES[0]]).result
    assert found.notes == ["this model does not know 'zebra'"]


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        ({"prompt": " "}, QueryError, "the prompt is empty"),
        ({"changes": [{"query": "", "target": "x"}]}, QueryError, "the query is empty"),
        ({"changes": [{"target": "x"}]}, InvalidInputError, "changes.0.query"),
        ({"steps": 0}, InvalidInputError, "allowed: 1 to 1000"),
        ({"guidance": 101}, InvalidInputError, "allowed: 0 to 100"),
        ({"size": (0, 8)}, InvalidInputError, "size.0"),
        ({"size": (8, 8, 3)}, InvalidInputError, "size"),
    ],
)
def test_wrong_arguments_are_explained(
    wrong: dict[str, object], kind: type[Exception], said: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        arguments(**wrong)
    with pytest.raises(kind, match=said):
        raise explain(caught.value, CreateArguments)


def test_unknown_method_is_found_before_a_model_is_looked_for() -> None:
    with pytest.raises(UnknownNameError, match="photoshop"):
        generate_and_edit(arguments(method="photoshop"), setup=Setup(model="no-such-model"))


def test_half_precision_without_numbers_is_answered_in_float32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads = Loads()
    register_model(monkeypatch, "shaky", loads)
    found = generate_and_edit(arguments(), setup=Setup(model="shaky"))
    assert loads.dtypes == ["auto", "float32"]
    assert "float32" in found.result.notes[-1]
    np.testing.assert_array_equal(found.picture.rgb, ask().picture.rgb)


def test_progress_tells_the_stages_and_cancel_stops_them() -> None:
    reports: list[Progress] = []
    generate_and_edit(arguments(changes=CHANGES[:1]), model=MODEL, progress=reports.append)
    assert [s for s in dict.fromkeys(r.stage for r in reports) if s in ("generating", "editing")]
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        generate_and_edit(
            arguments(), model=MODEL, cancel=cancel, progress=lambda report: cancel.cancel()
        )


# -- files


def test_the_picture_alone_is_written_unless_stages_are_kept(
    answer: CreateAnswer, tmp_path: Path
) -> None:
    result = save_create(answer, tmp_path / "made.png")
    assert names(tmp_path) == ["made.png"]
    assert result.files is not None
    assert result.files.picture == str(tmp_path / "made.png")
    with Image.open(tmp_path / "made.png") as image:
        np.testing.assert_array_equal(np.asarray(image), to_uint8(answer.picture.rgb))


def test_stages_lie_beside_the_picture(answer: CreateAnswer, tmp_path: Path) -> None:
    result = save_create(answer, tmp_path / "new" / "made.webp", stages=True)
    files = result.files
    assert files is not None
    assert names(tmp_path / "new") == [
        "made.json",
        "made.webp",
        "made_1.webp",
        "made_1_mask.png",
        "made_2_mask.png",
        "made_generated.webp",
    ]
    shown = [answer.generated, answer.edits[0].picture, answer.picture]
    for path, picture in zip([files.generated, *files.changed], shown, strict=True):
        assert path is not None
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), to_uint8(picture.rgb))
    for path, edit in zip(files.masks, answer.edits, strict=True):
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), to_uint8(edit.mask))
    facts = json.loads((tmp_path / "new" / "made.json").read_text())
    assert facts["files"]["masks"] == ["made_1_mask.png", "made_2_mask.png"]


def test_without_changes_the_stage_is_the_picture_itself(tmp_path: Path) -> None:
    files = save_create(ask(), tmp_path / "made.png", stages=True).files
    assert files is not None
    assert files.generated == files.picture
    assert names(tmp_path) == ["made.json", "made.png"]


def test_every_picture_is_labelled_as_made_by_a_model(answer: CreateAnswer, tmp_path: Path) -> None:
    save_create(answer, tmp_path / "made.png", stages=True)
    for name in ("made.png", "made_1.png", "made_generated.png"):
        assert read_label(tmp_path / name) == GENERATED
    save_create(answer, tmp_path / "plain.png", label=False)
    assert read_label(tmp_path / "plain.png") is None


def test_lossy_format_says_so_where_something_was_changed(
    answer: CreateAnswer, tmp_path: Path
) -> None:
    assert "lossy" in save_create(answer, tmp_path / "made.jpg").notes[-1]
    assert save_create(ask(prompt="tree"), tmp_path / "plain.jpg").notes == []


def test_one_taken_name_keeps_the_whole_call_from_writing(
    answer: CreateAnswer, tmp_path: Path
) -> None:
    asked = arguments(changes=CHANGES)
    save_create(answer, tmp_path / "made.png", stages=True)
    for name in names(tmp_path):
        folder = tmp_path / f"only-{name}"
        folder.mkdir()
        (folder / name).write_text("precious")
        with pytest.raises(OutputExistsError):
            refuse_create_output(asked, folder / "made.png", stages=True)
        with pytest.raises(OutputExistsError):
            save_create(answer, folder / "made.png", stages=True)
        assert names(folder) == [name]
        assert (folder / name).read_text() == "precious"
        refuse_create_output(asked, folder / "made.png", stages=True, force=True)


def test_size_that_a_format_cannot_hold_is_refused_early(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="writable"):
        refuse_create_output(arguments(), tmp_path / "made.gif")


def test_default_name_is_made_of_the_prompt() -> None:
    assert created_name(arguments(prompt="A red house, at night!")) == "a-red-house-at-night.png"
