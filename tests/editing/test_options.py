"""Options of an edit are written once; what has to repeat them agrees."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_type_hints

import pytest

from textseg.editing.options import METHOD_OPTIONS, EditOptions, OptionKeywords
from textseg.toolbox import EditArguments


def test_the_keywords_for_type_checkers_are_the_fields() -> None:
    hints = get_type_hints(EditOptions)
    fields = {name: hints[name] for name in EditOptions.model_fields}
    assert list(get_type_hints(OptionKeywords).items()) == list(fields.items())


def test_what_tools_are_asked_has_every_option_as_it_is_described() -> None:
    for name, field in EditOptions.model_fields.items():
        assert EditArguments.model_fields[name].description == field.description


def test_options_that_every_method_has_are_options_of_an_edit() -> None:
    assert set(METHOD_OPTIONS) < set(EditOptions.model_fields)


# -- adding an option touches four files: where it is said, where it is used, and one or two more

ROOT = Path(__file__).parents[2]
MOST = 4
SURFACES = ("textseg/toolbox", "textseg/cli", "textseg/panels", "agent_tools")
FOR_OTHER_THINGS = {
    "seed": "of searches, pictures and benchmarks",
    "attempts": "those that were made, which results have",
    "steps": "of samplers",
    "guidance": "of samplers, and an option of each method",
    "negative": "of samplers and methods",
    "strength": "an option of each method",
    "prompt": "of samplers, and what a picture is made from",
    "source": "of methods, and where anything comes from",
    "threshold": "of segmentation",
    "soft": "of masks",
    "crop": "one of the ways to retouch, too",
    "relative_to": "of paths",
}
"""Words whose modules cannot be counted; their surfaces can, where they are in ``NAMED``."""

NAMED = {
    "attempts": {
        "textseg/toolbox/edit_facts.py": "how many were made is a fact",
        "textseg/toolbox/changing.py": "fills in that fact",
        "textseg/toolbox/edit.py": "and how many a plan has",
        "textseg/cli/edit.py": "tells it",
    },
    "guidance": {
        "textseg/toolbox/create_facts.py": "that of the picture that was made is a fact",
        "textseg/toolbox/create.py": "makes the picture",
    },
    "negative": {
        "textseg/toolbox/edit_facts.py": "what was led away from is a fact",
        "textseg/toolbox/changing.py": "fills in that fact",
        "textseg/toolbox/edit.py": "and that of a plan",
        "textseg/toolbox/create_facts.py": "likewise of the picture that was made",
        "textseg/toolbox/create.py": "makes the picture",
    },
    "strength": {
        "textseg/toolbox/inputs.py": "one of the few that assistants may say",
        "agent_tools/commands/calls.py": "which the embedded reader understands",
        "agent_tools/commands/clauses.py": "likewise",
        "agent_tools/commands/reading.py": "and says",
    },
    "resize_mask": {
        "textseg/toolbox/box.py": "takes masks from a workspace",
        "textseg/toolbox/edit.py": "takes masks from files",
    },
    "relative_to": {
        "textseg/toolbox/edit_facts.py": "one of the ways to say where to add something",
        "textseg/toolbox/edit.py": "which is told",
        "textseg/toolbox/inputs.py": "assistants say it as the region",
    },
    "grow": {"agent_tools/commands/lexicon.py": "a verb of commands"},
    "feather": {},
    "blend": {},
}
"""The modules of surfaces that name an option all the same, and why."""

NOT_COUNTED = ("textseg/lab", "textseg/diffusion/card.py", "textseg/diffusion/generic.py")
"""What measures options, and the numbers that models have for them."""


def words_of(source: str) -> set[str]:
    """Names, attributes, keywords, parameters and strings of a module."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        for part in ("id", "attr", "arg", "value"):
            word = getattr(node, part, None)
            if isinstance(word, str):
                found.add(word)
    return found


WORDS = {
    path.relative_to(ROOT).as_posix(): words_of(path.read_text(encoding="utf-8"))
    for package in ("textseg", "agent_tools")
    for path in (ROOT / package).rglob("*.py")
}


def modules_naming(option: str) -> set[str]:
    return {path for path, words in WORDS.items() if option in words}


@pytest.mark.parametrize("option", NAMED)
def test_surfaces_draw_an_option_and_do_not_name_it(option: str) -> None:
    assert {name for name in modules_naming(option) if name.startswith(SURFACES)} == set(
        NAMED[option]
    )


@pytest.mark.parametrize("option", sorted(set(EditOptions.model_fields) - set(FOR_OTHER_THINGS)))
def test_an_option_is_said_once_and_used_in_few_places(option: str) -> None:
    explained = (*NOT_COUNTED, *NAMED.get(option, ()))
    counted = {name for name in modules_naming(option) if not name.startswith(explained)}
    assert "textseg/editing/options.py" in counted
    assert len(counted) <= MOST, counted


def test_every_option_is_counted_or_a_word_for_other_things() -> None:
    assert set(EditOptions.model_fields) == set(FOR_OTHER_THINGS) | set(NAMED)
