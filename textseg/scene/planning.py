"""By which method an edit is made, and after which words."""

from __future__ import annotations

from collections.abc import Mapping

from textseg.diffusion.card import Change, ModelCard
from textseg.diffusion.model import DiffusionModel
from textseg.editing.base import EditMethod
from textseg.editing.prompts import region_prompt
from textseg.errors import InvalidInputError
from textseg.scene.options import Made


def chosen_method(
    method: str | EditMethod | None,
    asked: Mapping[str, float | None],
    *,
    change: Change,
    card: ModelCard,
    made: Made | None,
) -> EditMethod:
    """Return the method; what nobody set suits the change and the way the picture was made.

    Args:
        method: as ``Scene.edit`` takes it.
        asked: its options by name; None where the caller says nothing.
        change: what is asked for.
        card: of the model; says what suits the change, or the method that is named.
        made: how the picture was made, where a model made it.
    """
    from textseg.registry.methods import make_method

    options: dict[str, object] = {k: v for k, v in asked.items() if v is not None}
    if method is None:
        usual = card.edits.of(change)
        method, options = usual.method, {**usual.options, **options}
    elif isinstance(method, str):
        options = {**card.edits.methods.get(method, {}), **options}
    if isinstance(method, str) and made is not None and asked.get("steps") is None:
        options["steps"] = made.steps
    return make_method(method, options)


def checked_attempts(
    attempts: int | None, method: str | EditMethod | None, model: DiffusionModel
) -> int:
    """Return how many attempts to make; who names a method sees what it makes of one seed.

    Raises:
        InvalidInputError: a number out of its range.
    """
    from textseg.editing.kinds import MOST_ATTEMPTS

    if attempts is None:
        return model.card.attempts.count if method is None else 1
    if not 1 <= attempts <= MOST_ATTEMPTS:
        raise InvalidInputError(f"attempts lies from 1 to {MOST_ATTEMPTS}, got {attempts}")
    return attempts


def wording(
    source: str, query: str, target: str, *, prompt: str | None, negative: str
) -> list[str]:
    """Return source, target, negative and empty prompt; arguments as in ``Scene.edit``."""
    if prompt is not None:
        return [source, prompt, negative, ""]
    before, after = (region_prompt(source, query, text) for text in (query, target))
    return [before, after, negative or ("" if target else query), ""]
