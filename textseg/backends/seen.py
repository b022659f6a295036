"""A picture that a network is shown besides the noised one, for each row of what it is asked."""

from __future__ import annotations

from torch import Tensor

from textseg.errors import InvalidInputError, UnsupportedError


def seen_beside(x: Tensor, seen: Tensor | None, *, model: str) -> Tensor:
    """Return the latents (1, c, h, w) that are seen, for each row of ``x`` (b, c, h, w).

    Raises:
        UnsupportedError: the model was given no picture.
        InvalidInputError: one of another size.
    """
    if seen is None:
        raise no_picture(model)
    if seen.shape[2:] != x.shape[2:]:
        raise InvalidInputError(
            f"the model {model!r} looks at a picture of {tuple(seen.shape[2:])} cells, and was "
            f"asked about one of {tuple(x.shape[2:])}",
            hint="give it the other one first: model.beside(latents, image)",
        )
    return seen.to(x).expand(len(x), -1, -1, -1)


def no_picture(model: str) -> UnsupportedError:
    """Return what is raised where a model was given no picture."""
    return UnsupportedError(
        f"the model {model!r} changes a picture as it is told, and was given none",
        hint="open one with it, Scene.open(picture, model): it finds what an instruction would "
        'change and edits; a text-to-image model, such as "picturebook", makes new pictures',
    )
