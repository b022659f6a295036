"""Checkpoints of one file: equal to the folder, and found the small files that they lack."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from tests.backends.test_places import assert_same_weights, in_cache
from tests.original import build_wide_xl, save_original
from tests.tiny import build_sd, build_sd3, change_weights
from textseg.backends.latent import LatentModel
from textseg.errors import InvalidInputError, MissingExtraError, ModelError, UnsupportedError
from textseg.registry.models import load_model

BUILDS: Mapping[str, Callable[[], Any]] = {"sd": build_sd, "xl": build_wide_xl}


def load(source: Path, **options: Any) -> LatentModel:
    found = load_model(source, device="cpu", local_files_only=True, **options)
    assert isinstance(found, LatentModel)
    return found


def small_files(folder: Path, target: Path) -> Path:
    """A copy of a checkpoint without its weights."""
    return shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.safetensors"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For each build: a folder, its small files alone, and the single file."""
    root = tmp_path_factory.mktemp("single")
    for name, build in BUILDS.items():
        pipeline = build()
        pipeline.save_pretrained(root / name)
        small_files(root / name, root / f"{name}-small")
        save_original(pipeline, root / f"{name}.safetensors")
    return root


def answer(model: LatentModel) -> torch.Tensor:
    """What it makes of some latents, with its weights copied out of the file that they are part of.

    There they begin at any byte, and sums are taken in another order.
    """
    encoders = [part for part in parts_of(model).values() if isinstance(part, PreTrainedModel)]
    for weight in (each for part in (model.network, *encoders) for each in part.parameters()):
        weight.data = weight.data.clone()
    z = torch.linspace(-2, 2, model.latent_channels * 8 * 12).reshape(1, -1, 8, 12)
    with torch.no_grad():
        return model.predict(z, 0.5, model.embed_text(["red tree"])).eps


def parts_of(model: Any) -> Mapping[str, Any]:
    if isinstance(model._parts, Mapping):
        return model._parts
    return dict(enumerate(model._parts.text_encoders))


@pytest.mark.parametrize("name", BUILDS)
def test_a_single_file_equals_its_folder_to_the_last_bit(
    files: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    state = torch.random.get_rng_state()
    single = load(files / f"{name}.safetensors", base=files / f"{name}-small")
    assert capfd.readouterr() == ("", "")
    assert torch.equal(torch.random.get_rng_state(), state)
    folder = load(files / name)
    assert_same_weights(single, folder)
    torch.testing.assert_close(answer(single), answer(folder), rtol=0, atol=0)
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        pair = single.encode_image(image), folder.encode_image(image)
    torch.testing.assert_close(*pair, rtol=0, atol=0)
    assert single.name == str(files / f"{name}.safetensors")
    assert single.card == folder.card


def test_the_small_files_are_found_in_the_cache_of_the_hub(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "stabilityai/stable-diffusion-xl-base-1.0"
    in_cache(files / "xl-small", name, tmp_path, monkeypatch)
    assert_same_weights(load(files / "xl.safetensors"), load(files / "xl"))


def test_without_small_files_the_error_says_which_and_how_to_fetch_them_once(files: Path) -> None:
    with pytest.raises(ModelError, match="lacks the configs and vocabularies") as caught:
        load(files / "xl.safetensors")
    assert "hf download stabilityai/stable-diffusion-xl-base-1.0 --include" in caught.value.hint
    assert "--base FOLDER" in caught.value.hint


def test_small_files_come_from_the_hub_where_it_may_be_asked(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def download(name: str, *, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        in_cache(files / "sd-small", name, tmp_path, monkeypatch)
        return str(tmp_path / f"models--{name.replace('/', '--')}" / "snapshots" / "abc")

    monkeypatch.setattr("huggingface_hub.is_offline_mode", lambda: False)
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    found = load_model(files / "sd.safetensors", device="cpu")
    assert isinstance(found, LatentModel)
    assert_same_weights(found, load(files / "sd"))
    expected = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert asked == [(expected, ["*.json", "*.txt", "*.model"])]


@pytest.mark.parametrize(("name", "base"), [("sd", "xl"), ("xl", "sd")])
def test_a_base_of_another_family_is_called_so(files: Path, name: str, base: str) -> None:
    with pytest.raises(UnsupportedError, match="is a model of another family"):
        load(files / f"{name}.safetensors", base=files / base)


def test_a_base_with_another_network_is_called_so(
    files: Path, tiny_folders: Mapping[str, Path]
) -> None:
    with pytest.raises(UnsupportedError, match="is a model of another family"):
        load(files / "sd.safetensors", base=tiny_folders["sd3"])


@pytest.mark.parametrize("start", ["model.diffusion_model.mid", "first_stage", "cond_stage"])
def test_a_file_that_lacks_weights_is_an_error(files: Path, tmp_path: Path, start: str) -> None:
    weights = load_file(files / "sd.safetensors")
    dropped = next(name for name in weights if name.startswith(start) and name.endswith("bias"))
    del weights[dropped]
    save_file(weights, tmp_path / "damaged.safetensors")
    with pytest.raises(ModelError, match="lacks 1 weight: "):
        load(tmp_path / "damaged.safetensors", base=files / "sd-small")


def test_half_precision_leaves_the_autoencoder_in_float32_where_its_config_asks(
    files: Path,
) -> None:
    model = load(files / "xl.safetensors", base=files / "xl-small", dtype="bfloat16")
    assert model.dtype == torch.bfloat16
    assert model._autoencoder.network.dtype == torch.float32


def test_marks_in_the_file_change_the_schedule(files: Path, tmp_path: Path) -> None:
    marks = {name: torch.ones(1) for name in ("v_pred", "ztsnr")}
    save_file({**load_file(files / "xl.safetensors"), **marks}, tmp_path / "marked.safetensors")
    model = load(tmp_path / "marked.safetensors", base=files / "xl-small")
    assert model._parts.scheduler.config.prediction_type == "v_prediction"
    assert model.sigma_range[1] > 0.9999


def test_a_transformer_alone_takes_the_place_of_that_of_its_base(
    tmp_path: Path, tiny_folders: Mapping[str, Path], tiny_models
) -> None:
    base = shutil.copytree(tiny_folders["sd3"], tmp_path / "base")
    change_weights(base / "transformer", lambda found: [each.zero_() for each in found.values()])
    file = next((tiny_folders["sd3"] / "transformer").glob("*.safetensors"))
    alone = shutil.copy(file, tmp_path / "alone.safetensors")
    model = load(alone, base=base)
    assert_same_weights(model, tiny_models["sd3"])
    torch.testing.assert_close(answer(model), answer(load(tiny_folders["sd3"])), rtol=0, atol=0)


def test_the_base_of_a_transformer_needs_no_transformer(
    tmp_path: Path, tiny_folders: Mapping[str, Path], tiny_models
) -> None:
    base = shutil.copytree(tiny_folders["sd3"], tmp_path / "base")
    (weights,) = (base / "transformer").glob("*.safetensors")
    alone = weights.rename(tmp_path / "alone.safetensors")
    assert_same_weights(load(alone, base=base), tiny_models["sd3"])


def test_a_transformer_alone_says_which_model_it_goes_with(tmp_path: Path) -> None:
    build_sd3().transformer.save_pretrained(tmp_path)
    (file,) = tmp_path.glob("*.safetensors")
    with pytest.raises(ModelError, match="transformer of a Stable Diffusion 3 model") as caught:
        load(file)
    assert "stable-diffusion-3-medium-diffusers --exclude 'transformer/*'" in caught.value.hint


def test_a_transformer_does_not_go_with_a_unet(
    tmp_path: Path, tiny_folders: Mapping[str, Path]
) -> None:
    build_sd3().transformer.save_pretrained(tmp_path)
    (file,) = tmp_path.glob("*.safetensors")
    with pytest.raises(UnsupportedError, match="is a model with a unet"):
        load(file, base=tiny_folders["sd1"])


def test_a_gguf_file_says_which_base_it_needs(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    with pytest.raises(ModelError, match="is a transformer in GGUF format") as caught:
        load(tmp_path / "model.gguf")
    assert "a folder in diffusers format of the same family" in caught.value.hint


def test_a_gguf_file_says_what_reads_it(
    tmp_path: Path, tiny_folders: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diffusers.utils.is_gguf_available", lambda: False)
    (tmp_path / "model.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    with pytest.raises(MissingExtraError, match=r"pip install 'textseg\[gguf\]'"):
        load(tmp_path / "model.gguf", base=tiny_folders["sd3"])


def write_gguf(path: Path, weights: Mapping[str, torch.Tensor]) -> None:
    """Write weights in GGUF format, those of attention in 8 bits."""
    gguf = pytest.importorskip("gguf")
    pytest.importorskip("accelerate")
    writer = gguf.GGUFWriter(str(path), "sd3")
    for name, weight in weights.items():
        values = weight.numpy()
        packed = weight.ndim == 2 and weight.shape[1] % 32 == 0 and "attn.to_" in name
        if packed:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    for write in ("header_to_file", "kv_data_to_file", "tensors_to_file"):
        getattr(writer, f"write_{write}")()
    writer.close()


def test_a_gguf_file_is_used_as_it_is_packed(
    tmp_path: Path, tiny_folders: Mapping[str, Path], tiny_models
) -> None:
    write_gguf(tmp_path / "model.gguf", tiny_models["sd3"].network.state_dict())
    model = load(tmp_path / "model.gguf", base=tiny_folders["sd3"], dtype="float32")
    assert torch.uint8 in {weight.dtype for weight in model.network.parameters()}
    difference = answer(model) - answer(load(tiny_folders["sd3"]))
    assert 0 < difference.norm() / answer(model).norm() < 0.05


def test_a_gguf_file_does_not_go_with_another_family(
    tmp_path: Path, tiny_folders: Mapping[str, Path], tiny_models
) -> None:
    write_gguf(tmp_path / "model.gguf", tiny_models["sd3"].network.state_dict())
    with pytest.raises(ModelError, match="has other weights than the transformer of"):
        load(tmp_path / "model.gguf", base=tiny_folders["flux"])


def test_a_base_beside_anything_but_a_file_is_refused(tiny_folders: Mapping[str, Path]) -> None:
    for model in (tiny_folders["sd1"], "picturebook", build_sd()):
        with pytest.raises(InvalidInputError, match=r"base (goes|and lora go) with"):
            load_model(model, base=tiny_folders["sd1"], device="cpu")
