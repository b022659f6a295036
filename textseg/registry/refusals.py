"""Why some pipelines of diffusers are of no family here; what is not listed is not written yet."""

from __future__ import annotations

from collections.abc import Mapping

_CODES = "fills in codes, where masks and edits need noise and the picture under it"
_PIXELS = "works on pixels in stages, where masks and edits need the latents of one network"
_PRIOR = "is told what another network imagines of the words, and not the words alone"
_STAGES = "begins with latents that it has nothing for to read a picture into"
REASONS: Mapping[str, str] = {
    "Amused": _CODES,
    "BlipDiffusion": "is shown what to paint in a picture of its own, besides words",
    "GlmImage": _PRIOR,
    "Helios": "makes films",
    "HunyuanImageRefiner": "makes pictures of another model sharper",
    "IF": _PIXELS,
    "Ideogram4": "asks a second network about the empty text, so that answers to two texts differ "
    "by more than the texts",
    "KandinskyCombined": _PRIOR,
    "KandinskyI": _PRIOR,
    "KandinskyP": _PRIOR,
    "KandinskyV22": _PRIOR,
    "PRXPixel": "works on pixels, where masks and edits need the latents of an autoencoder",
    "QwenImageLayered": "takes a picture apart into layers",
    "StableCascade": _STAGES,
    "StableUnCLIP": _PRIOR,
    "UnCLIP": _PRIOR,
    "UniDiffuser": "noises the words as well as the picture",
    "VQDiffusion": _CODES,
    "Wuerstchen": _STAGES,
}
"""By how the names of the pipelines begin; the reasons follow the name of one."""


def reason_against(pipeline: str) -> str:
    """Return why a pipeline of that class is of no family; "" where nothing speaks against it."""
    return next((why for name, why in REASONS.items() if pipeline.startswith(name)), "")
