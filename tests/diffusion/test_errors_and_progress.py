from __future__ import annotations

import pickle
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from textseg import errors
from textseg.checking import clean_query
from textseg.errors import TextsegError, UnknownNameError
from textseg.progress import CancelToken, Deadline


def all_errors(kind: type[TextsegError] = TextsegError) -> list[type[TextsegError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in all_errors(child))]


class Asked(BaseModel, extra="forbid"):
    steps: int = Field(default=1, ge=1, le=9)
    share: float = Field(default=0.5, gt=0, lt=1, allow_inf_nan=False)
    kind: Literal["replace", "remove"] = "remove"
    words: list[Annotated[str, AfterValidator(clean_query)]] = Field([], max_length=2)
    name: str = Field(min_length=1)
    soft: bool = False


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"steps": 0}, "must be at least 1"),
        ({"steps": 10}, "must be at most 9"),
        ({"steps": 1.5}, "must be a whole number"),
        ({"steps": "many"}, "must be a whole number"),
        ({"share": 0}, "must be above 0"),
        ({"share": 1}, "must be below 1"),
        ({"share": float("inf")}, "must be a finite number"),
        ({"share": "half"}, "must be a number"),
        ({"kind": "change"}, "must be 'replace' or 'remove'"),
        ({"words": ["a", "b", "c"]}, "must have at most 2 entries"),
        ({"words": [" "]}, 'the query is empty; name what is meant, e.g. "tree"'),
        ({"name": ""}, "must have at least 1 characters"),
        ({"name": 3}, "must be a text"),
        ({"name": None}, "must be a text"),
        ({"soft": "perhaps"}, "must be true or false"),
        ({"colour": "red"}, "is not known here"),
    ],
)
def test_wrong_values_are_told_in_our_words(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Asked.model_validate({"name": "a", **values})
    assert errors.problem_words(caught.value.errors()[0]) == said


def test_what_is_missing_is_told_as_missing() -> None:
    with pytest.raises(ValidationError) as caught:
        Asked.model_validate({})
    assert errors.problem_words(caught.value.errors()[0]) == "is missing"


@pytest.mark.parametrize("kind", all_errors())
def test_errors_survive_a_process_border(kind: type[TextsegError]) -> None:
    error = pickle.loads(pickle.dumps(kind("too  large:\n9 > 8", hint="use 8")))
    assert type(error) is kind
    assert str(error) == "too large: 9 > 8; use 8"
    assert error.hint == "use 8"


def test_an_error_without_a_hint_is_its_message() -> None:
    assert str(TextsegError("no")) == "no"
    assert TextsegError("no").hint == ""


def test_codes_tell_kinds_apart() -> None:
    codes = [kind.code for kind in all_errors()]
    assert len(set(codes)) == len(codes) == 19


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.QueryError, ValueError),
        (errors.MissingExtraError, ImportError),
        (errors.OutOfMemoryError, MemoryError),
        (errors.OutputExistsError, FileExistsError),
    ],
)
def test_errors_are_caught_by_the_builtin_they_stand_for(
    kind: type[TextsegError], builtin: type[Exception]
) -> None:
    with pytest.raises(builtin, match="why"):
        raise kind("why")


def test_an_unknown_name_lists_the_known_ones_in_order() -> None:
    error = UnknownNameError.among("model", "x", ["b", "a"])
    assert str(error) == "unknown model 'x'; known: a, b"


def test_a_cancelled_token_raises_and_a_fresh_one_does_not() -> None:
    token = CancelToken()
    token.raise_if_cancelled()
    assert not token.cancelled
    token.cancel()
    assert token.cancelled
    with pytest.raises(errors.Cancelled):
        token.raise_if_cancelled()


def test_deadline_passes_a_cancel_on_and_ends_by_itself() -> None:
    asked = CancelToken()
    patient = Deadline(1000, cancel=asked)
    patient.raise_if_cancelled()
    asked.cancel()
    assert patient.cancelled
    with pytest.raises(errors.Cancelled):
        patient.raise_if_cancelled()
    late = Deadline(0)
    assert not late.cancelled
    with pytest.raises(errors.TimeLimitError, match="0 seconds"):
        late.raise_if_cancelled()
