"""The door: which family a model belongs to, by the classes that its index or pipeline names.

Another package adds one through an entry point in the group ``textseg.families``: named after the
class of a pipeline or of its network, it stands for a ``textseg.backends.family.Family``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from textseg.backends.checkpoint import Checkpoint
from textseg.backends.family import Family
from textseg.backends.index import Index, class_name, index_of, read_index
from textseg.diffusion.model import DiffusionModel
from textseg.errors import UnsupportedError
from textseg.registry.named import Names, Own
from textseg.registry.refusals import reason_against

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

_UNET = Own("textseg.backends.diffusers_unet:FAMILY", "Stable Diffusion 1.x, 2.x and XL")
_IP2P = Own("textseg.backends.instruct_pix2pix:FAMILY", "InstructPix2Pix")
_INPAINTING = Own("textseg.backends.inpainting_unet:FAMILY", "Stable Diffusion inpainting")
_SD3 = Own("textseg.backends.stable_diffusion_3:FAMILY", "Stable Diffusion 3 and 3.5")
_KONTEXT = Own("textseg.backends.flux_kontext:FAMILY", "FLUX.1 Kontext")
_QWEN = Own("textseg.backends.qwen_image:FAMILY", "Qwen-Image")
_QWEN_EDIT = Own("textseg.backends.qwen_image_edit:FAMILY", "Qwen-Image-Edit")
_Z_IMAGE = Own("textseg.backends.z_image:FAMILY", "Z-Image")
_KLEIN = Own("textseg.backends.flux_2:KLEIN_FAMILY", "FLUX.2 klein")
_QWEN_PLUS = Own("textseg.backends.qwen_image_edit:PLUS_FAMILY", "Qwen-Image-Edit Plus")
_HUNYUAN_IMAGE = Own("textseg.backends.hunyuan_image:FAMILY", "HunyuanImage 2.1")
FAMILIES = Names("family", "textseg.families", {
    "StableDiffusionPipeline": _UNET,
    "StableDiffusionXLPipeline": _UNET,
    "StableDiffusionInpaintPipeline": _INPAINTING,
    "StableDiffusionXLInpaintPipeline": _INPAINTING,
    "StableDiffusionInstructPix2PixPipeline": _IP2P,
    "StableDiffusionXLInstructPix2PixPipeline": _IP2P,
    "UNet2DConditionModel": _UNET,
    "StableDiffusion3Pipeline": _SD3,
    "SD3Transformer2DModel": _SD3,
    "AuraFlowTransformer2DModel": Own("textseg.backends.aura_flow:FAMILY", "AuraFlow"),
    "ChromaTransformer2DModel": Own("textseg.backends.chroma:FAMILY", "Chroma"),
    "FluxKontextInpaintPipeline": _KONTEXT,
    "FluxKontextPipeline": _KONTEXT,
    "FluxFillPipeline": Own("textseg.backends.flux_fill:FAMILY", "FLUX.1 Fill"),
    "FluxTransformer2DModel": Own("textseg.backends.flux:FAMILY", "FLUX.1"),
    "QwenImageEditInpaintPipeline": _QWEN_EDIT,
    "QwenImageEditPipeline": _QWEN_EDIT,
    "QwenImageEditPlusPipeline": _QWEN_PLUS,
    "QwenImagePipeline": _QWEN,
    "QwenImageImg2ImgPipeline": _QWEN,
    "QwenImageInpaintPipeline": _QWEN,
    "ZImagePipeline": _Z_IMAGE,
    "ZImageImg2ImgPipeline": _Z_IMAGE,
    "ZImageInpaintPipeline": _Z_IMAGE,
    "Flux2KleinInpaintPipeline": _KLEIN,
    "Flux2KleinKVPipeline": _KLEIN,
    "Flux2KleinPipeline": _KLEIN,
    "Flux2Transformer2DModel": Own("textseg.backends.flux_2:FAMILY", "FLUX.2 dev"),
    "HiDreamImageTransformer2DModel": Own("textseg.backends.hidream:FAMILY", "HiDream-I1"),
    "HunyuanImageTransformer2DModel": _HUNYUAN_IMAGE,
    "CogView4Transformer2DModel": Own("textseg.backends.cogview4:FAMILY", "CogView4"),
    "HunyuanDiT2DModel": Own("textseg.backends.hunyuan_dit:FAMILY", "HunyuanDiT"),
    "KolorsPipeline": Own("textseg.backends.kolors:FAMILY", "Kolors"),
    "Lumina2Transformer2DModel": Own("textseg.backends.lumina2:FAMILY", "Lumina-Image 2.0"),
    "PixArtSigmaPipeline": Own("textseg.backends.pixart_sigma:FAMILY", "PixArt-Sigma"),
    "SanaSprintPipeline": Own("textseg.backends.sana_sprint:FAMILY", "SANA-Sprint"),
    "SanaTransformer2DModel": Own("textseg.backends.sana:FAMILY", "SANA"),
})  # fmt: skip
"""By the class of a pipeline, or of a network that serves several pipelines."""


def load_family(
    source: str | os.PathLike[str],
    *,
    device: str = "auto",
    dtype: str = "auto",
    local_files_only: bool = False,
    name: str | None = None,
) -> DiffusionModel:
    """Return the model in a diffusers folder, behind a hub id or in a file, whatever its family.

    Args:
        source: folder, hub id or ``Checkpoint``.
        device: "auto", "cpu", "cuda" ...
        dtype: "auto", "float32", "float16" or "bfloat16".
        local_files_only: keeps off the network.
        name: what people call it; ``None`` is the source.

    Raises:
        ModelError: files are missing or broken.
        UnsupportedError: no family that is known here.
    """
    folder = source.folder if isinstance(source, Checkpoint) else str(source)
    index = read_index(folder, local_files_only=local_files_only)
    family = _family_of(index, str(source))
    return family.load(
        source, device=device, dtype=dtype, local_files_only=local_files_only, name=name
    )


def wrap_family(
    pipeline: DiffusionPipeline, *, device: str = "auto", dtype: str = "auto"
) -> DiffusionModel:
    """Use a loaded pipeline where it is and as it is, whatever its family.

    Raises ``UnsupportedError``, and ``InvalidInputError`` when ``device`` or ``dtype`` ask for
    something other than what it has.
    """
    own = [kind.__name__ for kind in type(pipeline).__mro__]
    family = _family_of(index_of(pipeline), type(pipeline).__name__, *own)
    return family.wrap(pipeline, device=device, dtype=dtype)


def _family_of(index: Index, source: str, *names: str) -> Family:
    """Return the family of the first of these classes that has one: pipeline, then its parts."""
    pipeline = str(index.get("_class_name", "pipeline"))
    known, named = FAMILIES.names(), (*names, pipeline)
    reason = next(filter(None, map(reason_against, named)), "")
    for name in (*named, *(() if reason else _parts(index))):
        if name in known:
            family: Family = FAMILIES.find(name)
            return family
    about = [FAMILIES.own[name].description if name in FAMILIES.own else name for name in known]
    raise UnsupportedError(
        f"the model {source!r} is not supported: {pipeline} "
        f"{reason or 'is of no family that is known here'}",
        hint=f"supported: {'; '.join(dict.fromkeys(about))}",
    )


def _parts(index: Index) -> Iterator[str]:
    for part in sorted(index):
        if found := class_name(index, part):
            yield found
