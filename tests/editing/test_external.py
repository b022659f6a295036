"""Other editors behind ``external``: functions, and every kind of pipeline that can be built."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from PIL import Image, ImageOps

import textseg
from tests.editing.helpers import Exact, box
from tests.tiny import build_sd
from tests.tiny_editors import EDITORS, build_editor
from textseg.editing.base import options_of
from textseg.editing.external import Instructions, external
from textseg.editing.result import Edit
from textseg.errors import Cancelled, InvalidInputError, ModelError, UnsupportedError
from textseg.progress import CancelToken, Progress
from textseg.scene import Scene
from textseg.scene.keeping import Around, edit_bytes, read_edit

SIZE = (34, 50)  # no multiple of anything
MASK = box(SIZE, 4, 6, 20, 30)
MODEL = Exact(rate=0.3)
SCENE = Scene.open(MODEL.picture(("tree",), *SIZE, seed=1), MODEL)
SIDE, STEPS = 96, 2  # FLUX.2 refuses sides below 64
UNREPORTED = "LongCatImageEditPipeline"
LARGE = [name for name in EDITORS if "QwenImageEdit" in name or "LongCat" in name]
FILLING = [name for name in EDITORS if "Inpaint" in name or "Fill" in name]


def changed(editor: Any, target: str = "orange house", **options: Any) -> Edit:
    how = {
        name: options.pop(name) for name in ("register", "side", "instructions") if name in options
    }
    method = external(editor, **how)
    return SCENE.edit(
        "tree", target, method=method, **{"mask": MASK, "source": "a tree", **options}
    )


def by_pipeline(pipeline: DiffusionPipeline, **options: Any) -> Edit:
    with quiet():
        return changed(pipeline, **{"side": SIDE, "steps": STEPS, "register": False, **options})


@contextmanager
def quiet() -> Iterator[None]:
    """Whatever a pipeline of another library warns of is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def state_of(pipeline: DiffusionPipeline) -> dict[str, Any]:
    """The weights and modes of all networks, hooks, and the configuration."""
    networks = {k: v for k, v in pipeline.components.items() if isinstance(v, torch.nn.Module)}
    return {
        "weights": {
            (name, key): value.clone()
            for name, network in networks.items()
            for key, value in network.state_dict().items()
        },
        "modes": {name: network.training for name, network in networks.items()},
        "hooks": [  # readers of text get some of their own when they are first called
            len(module._forward_hooks)
            for name in ("unet", "transformer", "vae")
            if name in networks
            for module in networks[name].modules()
        ],
        "config": dict(pipeline.config),
    }


def turned(picture: Image.Image, words: str, mask: Image.Image) -> Image.Image:
    """An editor whose work is easily told."""
    return ImageOps.invert(picture)


def marked(name: str) -> Any:
    """Those that enlarge every picture to a million pixels take their time."""
    large = name in LARGE
    return pytest.param(name, marks=pytest.mark.slow if large else ())


@pytest.fixture(scope="module", params=map(marked, EDITORS))
def tried(request: pytest.FixtureRequest) -> tuple[DiffusionPipeline, dict[str, Any], Edit]:
    """A pipeline, its state before it was used, and what it made of the picture."""
    with quiet():
        pipeline = build_editor(request.param)
    before = state_of(pipeline)
    return pipeline, before, by_pipeline(pipeline, seed=3)


def test_every_pipeline_changes_the_inside_of_a_picture_of_any_size_alone(tried: Any) -> None:
    _, _, edit = tried
    assert edit.raw.shape == (*SIZE, 3)
    assert edit.changed_outside == 0
    assert edit.change_inside > 0.05


def test_the_seed_decides_what_a_pipeline_makes(tried: Any) -> None:
    pipeline, _, edit = tried
    again, other = (by_pipeline(pipeline, seed=seed) for seed in (3, 4))
    assert again.raw.tobytes() == edit.raw.tobytes()
    assert np.abs(other.raw - edit.raw).max() > 0.02


def test_a_pipeline_is_left_as_it_was(tried: Any) -> None:
    pipeline, before, _ = tried
    after = state_of(pipeline)
    assert all(
        torch.equal(after["weights"][key], value) for key, value in before["weights"].items()
    )
    assert {**after, "weights": 0} == {**before, "weights": 0}


def test_steps_are_counted_where_they_are_reported(tried: Any) -> None:
    pipeline, _, edit = tried
    reported = type(pipeline).__name__ != UNREPORTED
    assert (edit.evaluations.decode > 0) == reported
    assert any("steps" in note for note in edit.notes)


def test_who_follows_instructions_is_told_what_to_do_and_who_fills_what_is_there(
    tried: Any,
) -> None:
    pipeline, _, edit = tried
    told = "an orange house" if type(pipeline).__name__ in FILLING else None
    assert edit.prompt == (told or "turn the tree into an orange house")


@pytest.mark.parametrize(
    ("query", "target", "said"),
    [
        ("red house", "blue house", "turn the red house into a blue house"),
        ("the tree", "orange", "turn the tree into an orange"),
        ("tree", "", "remove the tree"),
        ("", "boat", "add a boat"),
        ("tree", "two trees", "turn the tree into two trees"),
        ("tree", "the moon", "turn the tree into the moon"),
    ],
)
def test_instructions_are_sentences(query: str, target: str, said: str) -> None:
    assert Instructions().say(query, target) == said


def test_own_instructions_and_an_own_prompt_are_told_as_they_are() -> None:
    form = Instructions(change="{query} -> {target}")
    assert changed(turned, instructions=form).prompt == "tree -> an orange house"
    assert changed(turned, prompt="do as you like").prompt == "do as you like"


def test_a_plan_says_what_the_editor_will_be_told() -> None:
    plan = SCENE.plan("tree", "boat", method=external(turned), mask=MASK, source="a tree")
    assert plan.words.target == "turn the tree into a boat"


def test_a_function_is_an_editor_whose_picture_shows_inside_the_mask() -> None:
    edit = changed(turned, register=False)
    assert edit.changed_outside == 0
    np.testing.assert_allclose(edit.picture.rgb[MASK], 1 - edit.before.rgb[MASK], atol=1 / 255)


def test_a_function_sees_the_picture_the_words_and_the_mask() -> None:
    seen: list[Any] = []

    def look(picture: Image.Image, words: str, mask: Image.Image) -> np.ndarray:
        seen.extend([np.asarray(picture), words, np.asarray(mask)])
        return np.asarray(picture)

    edit = changed(look)
    assert np.abs(seen[0] / 255 - edit.before.rgb).max() <= 0.5 / 255 + 1e-6
    assert seen[1] == "turn the tree into an orange house"
    assert np.array_equal(seen[2] > 0, MASK)


def test_noise_of_torch_in_a_function_is_decided_by_the_seed_and_leaves_no_trace() -> None:
    def noisy(picture: Image.Image, words: str, mask: Image.Image) -> np.ndarray:
        return torch.rand(*SIZE, 3).numpy()

    before = torch.get_rng_state()
    first, again, other = (changed(noisy, seed=seed, register=False) for seed in (1, 1, 2))
    assert first.raw.tobytes() == again.raw.tobytes() != other.raw.tobytes()
    assert torch.equal(torch.get_rng_state(), before)


def test_what_an_editor_moved_is_brought_back_and_told() -> None:
    rgb = np.random.default_rng(0).random((12, 17, 3)).repeat(8, 0).repeat(8, 1)
    scene, mask = Scene.open(rgb, MODEL), box((96, 136), 30, 40, 60, 90)

    def moved(picture: Image.Image, words: str, mask: Image.Image) -> np.ndarray:
        return np.roll(np.asarray(picture), (3, -4), (0, 1))

    given: dict[str, Any] = {"mask": mask, "source": "", "crop": False}
    edits = [
        scene.edit("tree", "boat", method=external(moved, register=each), **given)
        for each in (True, False)
    ]
    back, shifted = (float(np.abs(edit.raw - rgb)[mask].mean()) for edit in edits)
    assert back < shifted / 5
    assert "moved -4.0 right and +3.0 down" in edits[0].notes[1]


def test_what_cannot_be_brought_back_is_taken_as_it_came_and_told() -> None:
    edit = changed(turned, register=True)
    assert "taken in the frame in which turned made it" in edit.notes[1]


def test_attempts_are_compared_by_the_model_that_found_the_place() -> None:
    def coloured(picture: Image.Image, words: str, mask: Image.Image) -> np.ndarray:
        return np.broadcast_to(torch.rand(3).numpy(), (*SIZE, 3))

    edit = changed(coloured, attempts=3, register=False)
    scores = [each.score for each in edit.attempts]
    assert len(set(scores)) == 3
    assert edit.seed == edit.attempts[int(np.argmax(np.array(scores)))].seed


def test_a_crop_is_all_that_the_editor_sees() -> None:
    seen: list[tuple[int, int]] = []

    def look(picture: Image.Image, words: str, mask: Image.Image) -> Image.Image:
        seen.append(picture.size)
        return ImageOps.invert(picture)

    edit = changed(look, crop=True, register=False, mask=box(SIZE, 2, 3, 12, 14))
    assert seen[0][0] < SIZE[1]
    assert edit.changed_outside == 0


def test_progress_is_told_step_by_step_and_a_pipeline_is_stopped_between_steps() -> None:
    told: list[Progress] = []
    token = CancelToken()

    def watch(at: Progress) -> None:
        told.append(at)
        if at.step == 2:
            token.cancel()

    pipeline = build_editor("FluxKontextPipeline")
    with pytest.raises(Cancelled):
        by_pipeline(pipeline, steps=5, progress=watch, cancel=token)
    assert [(at.step, at.of) for at in told if at.stage == "editing"] == [(0, 1), (1, 5), (2, 5)]
    assert by_pipeline(pipeline).changed_outside == 0


def test_options_are_handed_on_or_refused() -> None:
    kontext = build_editor("FluxKontextPipeline")
    weak, strong = (by_pipeline(kontext, guidance=value).raw for value in (1.0, 9.0))
    assert np.abs(weak - strong).max() > 0.01
    with pytest.raises(InvalidInputError, match=r"FluxKontextPipeline has no strength, got 0\.5"):
        by_pipeline(kontext, strength=0.5)
    with pytest.raises(InvalidInputError, match="turned has no steps, got 4"):
        changed(turned, steps=4)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (np.full((*SIZE, 3), np.nan), "gave back no picture.*NaN"),
        ("words", "gave back no picture"),
        (None, "gave back no picture"),
        (np.zeros((*SIZE, 3)), "black all over"),
        (np.ones((50, 34, 3)), "was given 50 x 34 pixels and gave back 34 x 50: other proportions"),
    ],
)
def test_what_is_no_picture_of_the_frame_is_refused(answer: Any, words: str) -> None:
    def broken(picture: Image.Image, words: str, mask: Image.Image) -> Any:
        return answer

    with pytest.raises(ModelError, match=words):
        changed(broken)


def test_a_picture_of_another_size_in_the_same_proportions_is_scaled_back() -> None:
    def doubled(picture: Image.Image, words: str, mask: Image.Image) -> Image.Image:
        return ImageOps.invert(picture).resize((100, 68))

    edit = changed(doubled, register=False)
    assert np.abs(edit.raw - (1 - edit.before.rgb))[MASK].mean() < 0.02


def test_what_is_no_editor_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="a loaded pipeline or a function, got str"):
        external("kontext")
    with pytest.raises(UnsupportedError, match=r"StableDiffusionPipeline takes .*: no pic"):
        external(build_sd())
    with pytest.raises(InvalidInputError, match="side is at least 1"):
        external(turned, side=0)


def test_records_name_the_editor_and_hold_no_pipeline() -> None:
    method = external(build_editor("FluxKontextPipeline"))
    assert options_of(method)["name"] == "FluxKontextPipeline"
    assert "editor" not in options_of(method)


def test_an_edit_that_was_kept_knows_how_it_was_made_but_has_no_editor() -> None:
    edit = changed(turned, attempts=2)
    kept = read_edit(edit_bytes(edit), Around(edit.before, edit.picture, None))
    assert options_of(kept.method) == options_of(edit.method)
    assert kept.notes == edit.notes
    with pytest.raises(InvalidInputError, match="turned is not loaded"):
        SCENE.edit("tree", "boat", method=kept.method, mask=MASK, source="a tree")


def test_it_is_a_public_name() -> None:
    assert textseg.external is external
    assert textseg.Instructions is Instructions
