"""What an edit is to do, decided before anything slow: method, attempts, words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textseg.diffusion.card import EditHabit, ModelCard
from textseg.editing.base import EditMethod
from textseg.editing.kinds import MOST_ATTEMPTS, kind_of_change
from textseg.editing.prompts import region_prompt
from textseg.errors import InvalidInputError, QueryError


@dataclass(frozen=True)
class EditPlan:
    """An edit with all its numbers.

    Attributes:
        query: what is to change, "" where a mask says where.
        target: what it becomes; "" to remove it.
        name: what is to be there in the end, by which attempts are compared; "" if nothing is.
        method: how it is made.
        usual: what suits this kind of change, by the card of the model.
        seed: of the first attempt.
        attempts: how many.
        crop: work on the box around the mask only.
    """

    query: str
    target: str
    name: str
    method: EditMethod
    usual: EditHabit
    seed: int
    attempts: int
    crop: bool

    def texts(self, source: str, *, prompt: str | None, negative: str) -> list[str]:
        """Return source, target, negative and empty prompt; arguments as in ``Scene.edit``."""
        if prompt is not None:
            return [source, prompt, negative, ""]
        before, after = (
            region_prompt(source, self.query, text) for text in (self.query, self.target)
        )
        return [before, after, negative or ("" if self.target else self.query), ""]


def plan_edit(
    query: str,
    target: str,
    *,
    method: str | EditMethod | None,
    options: Mapping[str, float | None],
    seed: int,
    attempts: int | None,
    prompt: str | None,
    crop: bool | None,
    card: ModelCard,
    steps: int | None,
) -> EditPlan:
    """Return the plan; what nobody set suits the change and the way the picture was made.

    Args:
        query: as ``Scene.edit`` takes it, and so are target, method, seed, attempts, prompt, crop.
        target: as above.
        method: as above.
        options: of the method, by name; None where the caller says nothing.
        seed: as above.
        attempts: as above.
        prompt: as above.
        crop: as above.
        card: of the model; says what suits the change, or the method that is named.
        steps: those that made the picture, where a model made it.

    Raises:
        QueryError: there is nothing to do.
        InvalidInputError: a number out of its range.
        UnknownNameError: no such method.
    """
    query, target = query.strip(), target.strip()
    usual = card.edits.of(kind_of_change(query, target))
    times = check_attempts(attempts, usual=card.attempts.count if method is None else 1)
    if not query and not target and prompt is None:
        raise QueryError("neither a query nor a target nor a prompt: nothing to do")
    return EditPlan(
        query=query,
        target=target,
        name=target or prompt or "",
        method=choose_method(method, options, usual=usual, card=card, steps=steps),
        usual=usual,
        seed=seed,
        attempts=times,
        crop=usual.crop if crop is None else crop,
    )


def choose_method(
    method: str | EditMethod | None,
    asked: Mapping[str, float | None],
    *,
    usual: EditHabit,
    card: ModelCard,
    steps: int | None,
) -> EditMethod:
    """Return the method with its options; arguments as in ``plan_edit``."""
    from textseg.registry.methods import make_method

    options: dict[str, object] = {k: v for k, v in asked.items() if v is not None}
    if method is None:
        method, options = usual.method, {**usual.options, **_own_steps(steps), **options}
    elif isinstance(method, str):
        options = {**usual_options(method, card=card, steps=steps), **options}
    return make_method(method, options)


def usual_options(name: str, *, card: ModelCard, steps: int | None) -> dict[str, object]:
    """Return the options of a method that is asked for by name, as far as nobody gives them.

    A picture that a model made is walked through in the steps that made it.
    """
    return {**card.edits.named(name), **_own_steps(steps)}


def _own_steps(steps: int | None) -> dict[str, object]:
    return {} if steps is None else {"steps": steps}


def check_attempts(attempts: int | None, *, usual: int) -> int:
    """Return how many attempts to make; None are the usual ones.

    Raises:
        InvalidInputError: a number out of its range.
    """
    if attempts is None:
        return usual
    if not 1 <= attempts <= MOST_ATTEMPTS:
        raise InvalidInputError(f"attempts lies from 1 to {MOST_ATTEMPTS}, got {attempts}")
    return attempts
