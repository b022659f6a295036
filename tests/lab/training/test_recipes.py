from __future__ import annotations

from dataclasses import fields, replace

import pytest

from textseg.lab.training import train as training
from textseg.lab.training.recipes import SIZES, Recipe
from textseg.lab.training.train import main


@pytest.mark.parametrize("size", SIZES)
def test_the_command_line_tells_a_size_and_single_fields(size, monkeypatch):
    told = []
    monkeypatch.setattr(training, "train", lambda recipe, *rest, **more: told.append(recipe))
    main(["--size", size])
    main(["--size", size, "--channels", "32,64", "--rate", "1e-3", "--precision", "bfloat16"])
    main(["--size", size, "--world", "1", "--seconds", "600", "--text-width", "64"])
    assert told == [
        SIZES[size],
        replace(SIZES[size], channels=(32, 64), rate=1e-3, precision="bfloat16"),
        replace(SIZES[size], world=1, seconds=600.0, text_width=64),
    ]


def test_every_field_of_a_recipe_has_an_option_with_its_description(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    for each in fields(Recipe):
        assert f"--{each.name.replace('_', '-')} " in said


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (["--side", "100"], "take a side that divides by 32"),
        (["--side", "96", "--halved", "0.3"], "take a side that divides by 64"),
        (["--halved", "2"], "halved lies from 0 to 1"),
        (["--share", "2"], "share lies from 0 to 1, got 2"),
        (["--steps", "0"], "steps is at least 1, got 0"),
        (["--world", "3"], "invalid choice"),
        (["--channels", "a,b"], "invalid whole_numbers value"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_drawn(
    told, says, capsys, tmp_path
):
    with pytest.raises(SystemExit):
        main(["--work", str(tmp_path / "work"), *told])
    assert says in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


def test_corpora_of_other_sizes_and_worlds_lie_beside_each_other():
    recipes = [Recipe(), Recipe(world=2), Recipe(side=256), SIZES["large"]]
    assert len({recipe.corpus_suffix for recipe in recipes}) == len(recipes)
    assert Recipe().corpus_suffix == ""  # the readers' corpus
