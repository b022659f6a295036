"""Another setting for the whole picture ("at night"): which words stand for the one it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textseg.editing.prompts import background_prompt, last_word, names_place
from textseg.errors import NotFoundError
from textseg.toolbox.edit_facts import EditArguments

if TYPE_CHECKING:
    from textseg.scene import Scene


def with_setting(arguments: EditArguments, scene: Scene) -> EditArguments:
    """Return arguments that name what changes, where the setting is to.

    That is the place in the text for the picture: the one that was given, a caption, or the prompt
    that made it. A model that follows instructions is told instead, and finds the place itself.

    Raises:
        NotFoundError: that text names no place, or there is none.
    """
    if arguments.operation != "setting":
        return arguments
    if scene.model.card.language.instructed and arguments.prompt is None:
        return arguments.model_copy(
            update={"prompt": f"change the setting, and nothing else, to: {arguments.target}"}
        )
    made = scene.made.prompt if scene.made else ""
    source = arguments.source if arguments.source is not None else scene.caption() or made
    query = last_word(background_prompt(source))
    if not names_place(source, query):
        what = f"the text for the picture, {source!r}, names no setting" if source else ""
        raise NotFoundError(
            what or "nobody describes the picture, so its setting has no name",
            hint='replace it by name, e.g. query "meadow" and target "snow"',
        )
    return arguments.model_copy(update={"query": query})
