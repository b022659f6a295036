"""What single files are, told by their headers: the keys are those of published files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from textseg.backends.files import SingleFile, look_at
from textseg.errors import ModelError, UnsupportedError
from textseg.registry.models import load_model

Shapes = Mapping[str, tuple[int, ...]]
INSIDE = "model.diffusion_model."
FIRST = f"{INSIDE}input_blocks.0.0.weight"
VAE = {"first_stage_model.decoder.conv_in.weight": (4, 4, 3, 3)}
CLIP = {"cond_stage_model.transformer.text_model.final_layer_norm.weight": (4,)}
OPEN_CLIP = {"cond_stage_model.model.ln_final.weight": (4,)}
XL_CLIP = {"conditioner.embedders.1.model.ln_final.weight": (4,)}
SD1 = {FIRST: (8, 4, 3, 3), **VAE, **CLIP}


def write(path: Path, shapes: Shapes) -> Path:
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, path)
    return path


@pytest.fixture
def file(tmp_path: Path, request: pytest.FixtureRequest) -> SingleFile:
    return look_at(write(tmp_path / "file.safetensors", request.param))


WHOLE = [
    (SD1, "Stable Diffusion 1", "stable-diffusion-v1-5"),
    ({**SD1, **OPEN_CLIP} | dict.fromkeys(OPEN_CLIP, (4,)), "Stable Diffusion 2", "2-1"),
    ({FIRST: (8, 4, 3, 3), **VAE, **XL_CLIP}, "Stable Diffusion XL", "xl-base-1.0"),
]


@pytest.mark.parametrize(("file", "what", "repository"), WHOLE, indirect=["file"])
def test_whole_checkpoints_are_told_by_their_text_encoders(
    file: SingleFile, what: str, repository: str
) -> None:
    assert file.content == "whole"
    assert what in file.what
    assert file.repositories[0].endswith(repository)


CONV, RESNET = "input_blocks.0.0.weight", "down_blocks.0.resnets.0.conv1.weight"
WORDS = "transformer_blocks.0.attn2.to_k.weight"
NETWORKS = [
    ({"guidance_in.in_layer.bias": (4,), "img_in.weight": (8, 64)}, "FLUX.1 dev"),
    ({"double_blocks.0.img_attn.norm.key_norm.scale": (4,)}, "FLUX.1 schnell"),
    ({"single_transformer_blocks.0.proj_mlp.weight": (4, 4)}, "FLUX.1 schnell"),
    ({"distilled_guidance_layer.in_proj.bias": (4,)}, "Chroma"),
    ({"single_stream_modulation.lin.weight": (4, 4)}, "FLUX.2"),
    ({"joint_blocks.37.x_block.mlp.fc1.weight": (4, 4)}, "3.5 Large"),
    ({"joint_blocks.0.x_block.attn2.qkv.weight": (4, 4)}, "3.5 Medium"),
    ({"joint_blocks.0.context_block.adaLN_modulation.1.bias": (4,)}, "Stable Diffusion 3 "),
    ({"txt_norm.weight": (4,), "img_in.weight": (4, 64)}, "Qwen-Image"),
    ({"layers.0.adaLN_modulation.0.weight": (4, 4), "cap_embedder.0.weight": (4,)}, "Z-Image"),
    ({"cap_embedder.0.weight": (4,)}, "Lumina"),
    ({"label_emb.0.0.weight": (4, 4), "input_blocks.0.0.weight": (4, 4, 3, 3)}, "XL"),
    ({CONV: (4, 4, 3, 3), f"input_blocks.1.1.{WORDS}": (4, 768)}, "Diffusion 1"),
    ({CONV: (4, 4, 3, 3), f"input_blocks.1.1.{WORDS}": (4, 1024)}, "Diffusion 2"),
    ({RESNET: (4, 4, 3, 3), f"down_blocks.0.attentions.0.{WORDS}": (4, 1024)}, "Diffusion 2"),
]
UNETS = ("XL", "Diffusion 1", "Diffusion 2")


@pytest.mark.parametrize("inside", ["", INSIDE], ids=["bare", "inside"])
@pytest.mark.parametrize(("shapes", "what"), NETWORKS)
def test_networks_alone_are_told_by_keys_that_no_other_family_has(
    tmp_path: Path, shapes: Shapes, what: str, inside: str
) -> None:
    named = {f"{inside}{name}": shape for name, shape in shapes.items()}
    named["further.weight"] = (2, 2)
    file = look_at(write(tmp_path / "file.safetensors", named))
    assert (file.content, what in file.what) == ("network", True)
    assert file.part == ("unet" if what in UNETS else "transformer")
    assert (what == "Diffusion 2") == ("stabilityai/stable-diffusion-2-1" in file.repositories)


SAVED = {"flux": "FLUX.1", "hunyuan_image": "HunyuanImage", "sana": "SANA", "qwen": "Qwen-Image"}


@pytest.mark.parametrize("family", SAVED)
def test_transformers_that_diffusers_saved_are_told_too(
    tiny_folders: Mapping[str, Path], family: str
) -> None:
    file = next((tiny_folders[family] / "transformer").glob("*.safetensors"))
    assert SAVED[family] in look_at(file).what


LORAS = [
    {"unet.down_blocks.0.to_q.lora_A.weight": (4, 4)},
    {"lora_unet_down_blocks_0_to_q.lora_down.weight": (4, 4)},
    {"transformer.single_transformer_blocks.0.attn.to_q.lora_B.weight": (4, 4)},
    {"lycoris_layers_0_attn.lokr_w1": (4, 4)},
]


@pytest.mark.parametrize("shapes", LORAS)
def test_a_lora_given_as_a_model_is_refused_with_the_way_to_use_it(
    tmp_path: Path, shapes: Shapes
) -> None:
    path = write(tmp_path / "style.safetensors", shapes)
    with pytest.raises(UnsupportedError, match="is a LoRA, and no model") as caught:
        load_model(path, device="cpu")
    assert "--lora FILE" in caught.value.hint


@pytest.mark.parametrize(
    ("shapes", "what"),
    [
        ({"emb_params": (3, 768)}, "textual inversion"),
        ({"clip_l": (3, 768), "clip_g": (3, 1280)}, "textual inversion"),
        ({"<toy>": (768,)}, "textual inversion"),
        ({**SD1, "edm_mean": (4,)}, "EDM"),
        ({**SD1, "edm_vpred.sigma_max": (1,)}, "EDM"),
        ({**SD1, FIRST: (8, 9, 3, 3)}, "inpainting"),
        ({**SD1, FIRST: (8, 8, 3, 3)}, "InstructPix2Pix"),
        ({FIRST: (8, 4, 3, 3), "conditioner.embedders.0.model.ln_final.weight": (4,)}, "refiner"),
        (
            {"guidance_in.in_layer.bias": (4,), "img_in.weight": (8, 384), "z.w": (1,)},
            "FLUX.1 Fill",
        ),
        ({"guidance_in.in_layer.bias": (4,), "scaled_fp8": (2,), "z.w": (1,)}, "packed"),
        ({"control_model.input_blocks.0.0.weight": (4,)}, "ControlNet"),
        (VAE, "an autoencoder alone"),
        ({"encoder.conv_in.weight": (4,), "decoder.conv_in.weight": (4,)}, "an autoencoder alone"),
        ({"text_model.encoder.layers.0.mlp.fc1.weight": (4,)}, "a text encoder alone"),
    ],
)
def test_what_is_no_text_to_image_model_is_refused_by_its_name(
    tmp_path: Path, shapes: Shapes, what: str
) -> None:
    with pytest.raises(UnsupportedError, match=what):
        load_model(write(tmp_path / "file.safetensors", shapes), device="cpu")


def test_marks_of_trainers_say_how_the_noise_is_meant(tmp_path: Path) -> None:
    marked = {**SD1, "v_pred": (1,), "ztsnr": (1,)}
    assert look_at(write(tmp_path / "file.safetensors", marked)).sampling == {
        "prediction_type": "v_prediction",
        "rescale_betas_zero_snr": True,
        "timestep_spacing": "trailing",
    }


@pytest.mark.parametrize("name", ["model.ckpt", "model.pt", "model.bin"])
def test_pickled_files_are_refused_unread_with_the_way_to_convert_them(
    tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    file.write_bytes(b"\x80\x02never unpickled")
    with pytest.raises(ModelError, match=r"pickled weights.*can run code") as caught:
        load_model(file, device="cpu")
    assert "StableDiffusionXLPipeline" in caught.value.hint


def test_gguf_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "flux").write_bytes(b"GGUF\x03\x00\x00\x00")
    assert "GGUF" in look_at(tmp_path / "flux").what


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_a_damaged_file_is_called_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"no safetensors file, or damaged.*download it again"):
        load_model(tmp_path / "model.safetensors", device="cpu")


def test_a_file_of_no_known_kind_says_how_it_begins(tmp_path: Path) -> None:
    path = write(tmp_path / "file.safetensors", {"b.weight": (1, 1), "a.weight": (1, 1)})
    with pytest.raises(UnsupportedError, match=r"begins with a\.weight, b\.weight"):
        look_at(path)
