"""By which method an edit is made, and after which words."""

from __future__ import annotations

from collections.abc import Mapping

from textseg.editing.base import EditMethod
from textseg.editing.kinds import Defaults
from textseg.editing.prompts import region_prompt
from textseg.scene.options import Made


def chosen_method(
    method: str | EditMethod | None,
    asked: Mapping[str, float | None],
    *,
    usual: Defaults,
    made: Made | None,
) -> EditMethod:
    """Return the method; what nobody set suits the change and the way the picture was made.

    Args:
        method: as ``Scene.edit`` takes it.
        asked: its options by name; None where the caller says nothing.
        usual: what suits the change.
        made: how the picture was made, where a model made it.
    """
    from textseg.registry import make_method

    options: dict[str, float] = {k: v for k, v in asked.items() if v is not None}
    if method is None:
        method, options = usual.method, {**usual.options, **options}
    if isinstance(method, str) and made is not None and asked.get("steps") is None:
        options["steps"] = made.steps
    return make_method(method, options)


def wording(
    source: str, query: str, target: str, *, prompt: str | None, negative: str
) -> list[str]:
    """Return source, target, negative and empty prompt; arguments as in ``Scene.edit``."""
    if prompt is not None:
        return [source, prompt, negative, ""]
    before, after = (region_prompt(source, query, text) for text in (query, target))
    return [before, after, negative or ("" if target else query), ""]
