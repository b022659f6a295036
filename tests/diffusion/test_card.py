from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from textseg.diffusion.card import (
    CARD_FILE,
    PRESENCE_FILE,
    Change,
    Looking,
    ModelCard,
    Precision,
    Sampling,
    card_of,
    read_card,
    read_precision,
)
from textseg.diffusion.generic import blur_of_maps, edits, generic_card, log_snr_range, masks
from textseg.diffusion.rivalry import Rivals
from textseg.errors import InvalidInputError, ModelError
from textseg.picturebook import known_words, weights_folder
from textseg.picturebook.captions import SYNONYMS
from textseg.picturebook.shapes import COLORS, KINDS
from textseg.registry.methods import METHODS, make_method, method_name
from textseg.segmentation.rivals import rivals_of
from textseg.testing import gaussian_card

PRECISION = Precision("bfloat16", found="nowhere")
GENERIC = generic_card(
    "generic",
    side=512,
    cells=4096,
    edits=edits("diffedit", {}),
    sampling=Sampling(50, 7.5, "euler", found="nowhere"),
    precision=PRECISION,
)
EMBEDDED = read_card(weights_folder(), GENERIC)
MASKS = GENERIC.as_json()["masks"]
CARDS = {"generic": GENERIC, "embedded": EMBEDDED, "gaussian": gaussian_card()}


def folder_with(folder: Path, facts: object, name: str = CARD_FILE) -> Path:
    (folder / name).write_text(json.dumps(facts), encoding="utf-8")
    return folder


# ---------------------------------------------------------------- read and written


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_a_card_comes_back_from_json_as_it_was(card: ModelCard, tmp_path: Path) -> None:
    assert card_of(card.as_json(), usual=None, source="here") == card
    assert read_card(folder_with(tmp_path, card.as_json()), GENERIC) == card


def test_a_folder_without_a_card_has_that_of_its_family(tmp_path: Path) -> None:
    assert read_card(tmp_path, GENERIC) is GENERIC


def test_what_a_card_leaves_out_is_the_familys(tmp_path: Path) -> None:
    own = {"sampling": {"steps": 8, "guidance": 2.0, "solver": "euler", "found": "tried"}}
    found = read_card(folder_with(tmp_path, own), GENERIC)
    assert found.sampling == Sampling(8, 2.0, "euler", "tried")
    assert replace(found, sampling=GENERIC.sampling, name=GENERIC.name) == GENERIC
    assert found.name == "generic, model_card.json"


def test_a_calibration_in_a_file_of_its_own_still_counts(tmp_path: Path) -> None:
    older = {"weights": {"ratio": 3.0}, "bias": -2.0, "threshold": 0.3}
    partial = {"weights": {"evidence": 1}, "bias": -1, "threshold": 0.4}
    folder_with(tmp_path, {**older, "partial": partial}, PRESENCE_FILE)
    found = read_card(tmp_path, GENERIC)
    assert (found.presence.weights, found.presence.bias) == ({"ratio": 3.0}, -2.0)
    assert found.presence.partial is not None
    assert found.presence.partial.threshold == 0.4
    assert found.name == "generic, presence_calibration.json"
    folder_with(tmp_path, {"name": "newer"})
    assert read_card(tmp_path, GENERIC) == replace(GENERIC, name="newer")


def test_a_card_from_before_there_were_rivals_is_read_by_its_evidence(tmp_path: Path) -> None:
    facts = EMBEDDED.as_json()
    del facts["language"]["contrasts"], facts["presence"]["rule"], facts["presence"]["rivals"]
    found = read_card(folder_with(tmp_path, facts), GENERIC)
    assert found.presence == replace(EMBEDDED.presence, rule="calibrated", rivals=Rivals())
    assert found.language.contrasts is None


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"presence": {"rivals": {"threshold": 0.0}}}, "presence.rivals: .*threshold must lie"),
        ({"presence": {"rivals": {"doubt": [0.9, 0.1]}}}, "presence.rivals: .*doubt rise"),
        ({"sampling": {"steps": 8}}, r"sampling\.guidance"),
        ({"sampling": "fast"}, "sampling"),
        ({"colour": "red"}, "colour"),
        ({"attempts": {**GENERIC.as_json()["attempts"], "count": "2"}}, r"attempts\.count"),
        ({"presence": {"threshold": 1.5}}, "presence.*threshold must lie inside"),
        ({"presence": {"bias": float("nan")}}, r"presence\.bias"),
        ({"name": 3}, "name"),
        ({"masks": {**MASKS, "soften": {"blurr": 1.0}}}, r"masks\.soften\.blurr"),
        ({"masks": {**MASKS, "refine": {"radius": -1.0}}}, "masks.refine: .*must be > 0"),
    ],
)
def test_a_broken_card_is_refused_with_the_place(
    wrong: dict[str, Any], match: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=rf"(?s)the model card .*{CARD_FILE} is broken: {match}"):
        read_card(folder_with(tmp_path, wrong), GENERIC)


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "\ud800"])
def test_a_file_that_is_no_card_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / CARD_FILE).write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(ModelError, match=CARD_FILE):
        read_card(tmp_path, GENERIC)


def test_precision_can_be_read_before_the_rest(tmp_path: Path) -> None:
    assert read_precision(tmp_path, PRECISION) == PRECISION
    folder_with(tmp_path, {"precision": {"accelerator": "float32", "found": "tried"}})
    assert read_precision(tmp_path, PRECISION) == Precision("float32", "tried")
    folder_with(tmp_path, {"precision": {"accelerator": "float8", "found": "tried"}})
    with pytest.raises(ModelError, match="precision is broken: accelerator"):
        read_precision(tmp_path, PRECISION)


# ---------------------------------------------------------------- levels


def test_levels_fall_and_have_thirds() -> None:
    assert Looking((3.5, -2.5), 10).band_edges == (1.5, -0.5)
    low, high = Looking((2.0, -2.0), 1).sigma_range
    assert 0 < low < 0.5 < high < 1
    assert low + high == pytest.approx(1)
    for wrong in (((1.0, 1.0), 10), ((-1.0, 1.0), 10), ((1.0, -1.0), 0)):
        with pytest.raises(InvalidInputError, match="log_snr falls and draws is at least 1"):
            Looking(*wrong)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [(4096, (2.2, -3.8)), (256, (3.5, -2.5)), (64, (3.5, -2.5)), (16384, (2.2, -3.8))],
)
def test_more_cells_are_looked_at_under_more_noise(
    cells: int, expected: tuple[float, float]
) -> None:
    """FLUX.1's mu is 0.5 at 256 tokens and 1.15 at 4096."""
    assert log_snr_range(cells) == pytest.approx(expected)
    assert 3.5 > log_snr_range(1024)[0] > 2.2


@pytest.mark.parametrize(
    ("cells", "blur"), [(1, 0.7), (256, 0.7), (1600, 1.35), (4096, 2.0), (16384, 2.0)]
)
def test_maps_of_more_cells_are_blurred_over_more_of_them(cells: int, blur: float) -> None:
    assert blur_of_maps(cells) == pytest.approx(blur)
    assert masks(cells).soften.blur == blur_of_maps(cells)


# ---------------------------------------------------------------- edits


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
@pytest.mark.parametrize("change", get_args(Change))
def test_habits_are_registered_methods_with_options_that_they_have(
    change: Change, card: ModelCard
) -> None:
    habit = card.edits.of(change)
    assert habit.method in METHODS.names()
    method = make_method(habit.method, habit.options)
    assert method_name(method) == habit.method
    assert {name: getattr(method, name) for name in habit.options} == habit.options
    assert 0 <= habit.grow <= 1


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_what_removes_or_adds_starts_from_pure_noise(card: ModelCard) -> None:
    for habit in (card.edits.remove, card.edits.add):
        assert make_method(habit.method, habit.options).strength == 1


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_another_thing_has_more_room_than_another_colour(card: ModelCard) -> None:
    assert card.edits.replace.grow > card.edits.alter.grow


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_every_group_says_where_it_comes_from(card: ModelCard) -> None:
    groups = [group for group in card.as_json().values() if isinstance(group, dict)]
    assert len(groups) == 8
    assert all(group["found"] for group in groups)


# ---------------------------------------------------------------- the embedded model


def test_the_embedded_model_has_a_whole_card_of_its_own() -> None:
    facts = json.loads((weights_folder() / CARD_FILE).read_text(encoding="utf-8"))
    assert card_of(facts, usual=None, source="here") == EMBEDDED
    assert EMBEDDED.name == "picturebook"


def test_the_words_of_the_embedded_model_are_those_of_its_captions() -> None:
    assert EMBEDDED.language.known_words == known_words()


def test_the_embedded_model_has_rivals_for_all_kinds_and_colours() -> None:
    contrasts = EMBEDDED.language.contrasts
    assert contrasts is not None
    assert [thing[0] for thing in contrasts.things] == list(KINDS)
    assert {thing[0]: set(thing) for thing in contrasts.things} == {
        kind: {kind, *SYNONYMS.get(kind, ())} for kind in KINDS
    }
    assert contrasts.qualities == (tuple((color,) for color in COLORS),)
    assert len(rivals_of("red house", contrasts, closed=True)) == 7 + 9 + 9
