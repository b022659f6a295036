"""Options of an edit are written once; what has to repeat them agrees."""

from __future__ import annotations

from typing import get_type_hints

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
