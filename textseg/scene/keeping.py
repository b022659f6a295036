"""Edits and generated pictures as bytes, so that a later process goes on exactly from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from pydantic_core import to_jsonable_python

from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.trajectory import Trajectory
from textseg.editing.base import EditMethod, options_of
from textseg.editing.external import External
from textseg.editing.result import Attempt, Edit, Evaluations
from textseg.errors import InvalidInputError
from textseg.images import Padding, Picture, new_tensor, to_uint8
from textseg.registry.methods import make_method
from textseg.scene.core import Scene
from textseg.scene.opening import captioner_for
from textseg.scene.options import CaptionerLike, Made
from textseg.segmentation.keeping import Packed
from textseg.segmentation.result import Segmentation

_TEXTS = ("query", "target", "prompt", "source_prompt", "negative", "name", "seed", "seconds")


@dataclass(frozen=True)
class Around:
    """What belongs to an edit and is kept elsewhere."""

    before: Picture
    after: Picture
    segmentation: Segmentation | None


def edit_bytes(edit: Edit) -> bytes:
    """Return an edit without its two pictures; ``raw`` is kept in 8 bits a channel."""
    facts = {name: getattr(edit, name) for name in _TEXTS}
    method = to_jsonable_python(options_of(edit.method))
    facts |= {"method": method, "evaluations": asdict(edit.evaluations), "notes": edit.notes}
    facts |= {"attempts": [asdict(each) for each in edit.attempts], "stopped": edit.stopped}
    facts |= {"card": edit.card}
    return Packed({"mask": edit.mask, "raw": to_uint8(edit.raw)}, facts).to_bytes()


def read_edit(content: bytes, around: Around) -> Edit:
    """Return the edit that ``edit_bytes`` kept.

    Raises:
        InvalidInputError: it did not, or of other pictures.
        UnknownNameError: its method is not registered here.
    """
    packed = Packed.of_bytes(content)
    try:
        facts: Mapping[str, Any] = packed.facts  # Any: JSON
        mask, raw = packed.arrays["mask"], packed.arrays["raw"]
        edit = Edit(
            picture=around.after,
            before=around.before,
            mask=mask,
            raw=raw.astype(np.float32) / np.float32(255),
            method=_method(facts["name"], facts["method"]),
            evaluations=Evaluations(**facts["evaluations"]),
            segmentation=around.segmentation,
            notes=tuple(facts["notes"]),
            attempts=tuple(Attempt(**each) for each in facts.get("attempts", ())),
            stopped=facts.get("stopped", ""),
            card=facts.get("card", ""),
            **{name: facts[name] for name in _TEXTS},
        )
    except (KeyError, TypeError) as error:
        raise InvalidInputError("what was kept of an edit is incomplete") from error
    if mask.shape != around.before.size or around.after.size != around.before.size:
        raise InvalidInputError("the edit that was kept is of another picture")
    return edit


def _method(name: str, options: Mapping[str, Any]) -> EditMethod:  # Any: JSON
    if name == External.__name__:
        return External(**options)
    return make_method(name, options)


def generation_bytes(scene: Scene) -> bytes:
    """Return how a scene that ``Scene.generate`` made came about, without the picture."""
    path = scene.path
    assert scene.made is not None, "the scene was generated"
    assert path is not None, "the scene was generated"
    states = torch.cat([state.float().cpu() for state in path.states]).numpy()
    facts = {"levels": path.levels, "made": asdict(scene.made), "model": scene.model.name}
    return Packed({"states": states}, facts).to_bytes()


def read_generation(
    content: bytes,
    picture: Picture,
    model: DiffusionModel,
    *,
    captioner: CaptionerLike | None = None,
) -> Scene | None:
    """Return the scene that ``generation_bytes`` kept; None where another model made it."""
    packed = Packed.of_bytes(content)
    if packed.facts.get("model") != model.name:
        return None
    try:
        states = new_tensor(packed.arrays["states"]).to(model.device)
        path = Trajectory(tuple(packed.facts["levels"]), tuple(states.split(1)))
        made = Made(**packed.facts["made"])
    except (KeyError, TypeError) as error:
        raise InvalidInputError("what was kept of a picture is incomplete") from error
    return Scene(
        model,
        picture,
        path.clean,
        Padding(picture.size, picture.size),
        trajectory=path,
        made=made,
        captioner=captioner_for(captioner, model),
    )
