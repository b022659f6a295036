"""Folders and hub ids as people have them: variants, shards, caches, formats that are not read."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from tests.tiny import build_sd, build_sd3, build_xl
from textseg.backends.latent import LatentModel
from textseg.backends.part_loading import has_accelerate
from textseg.backends.places import CheckpointFiles, find_place
from textseg.errors import ModelError
from textseg.registry.families import load_family
from textseg.registry.models import load_model


def load(source: str | Path) -> LatentModel:
    found = load_family(source, device="cpu", local_files_only=True)
    assert isinstance(found, LatentModel)
    return found


def assert_same_weights(ours: LatentModel, theirs: LatentModel) -> None:
    kept = theirs.network.state_dict()
    for name, weight in ours.network.state_dict().items():
        torch.testing.assert_close(weight, kept[name], rtol=0, atol=0)


def in_cache(
    folder: Path, name: str, cache: Path, monkeypatch: pytest.MonkeyPatch, *, but: str = ""
) -> None:
    """Put a checkpoint into a cache of the hub's own layout, and have the hub's library use it."""
    repository = cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(folder, repository / "snapshots" / "abc", ignore=shutil.ignore_patterns(but))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("family", ["sd1", "sd3"])
def test_weights_are_the_same_without_accelerate(
    family: str, dtype: str, tiny_folders: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there with some extras only; without it the libraries load in another way."""
    given = load_family(tiny_folders[family], device="cpu", dtype=dtype, local_files_only=True)
    monkeypatch.setattr("diffusers.utils.import_utils._accelerate_available", False)
    assert not has_accelerate()
    plain = load_family(tiny_folders[family], device="cpu", dtype=dtype, local_files_only=True)
    assert isinstance(plain, LatentModel)
    assert isinstance(given, LatentModel)
    assert plain.dtype == given.dtype
    assert_same_weights(plain, given)


@pytest.mark.parametrize("variant", ["fp16", "bf16"])
@pytest.mark.parametrize("build", [build_xl, build_sd3], ids=["xl", "sd3"])
def test_a_variant_is_found_where_nothing_else_is_there(
    tmp_path: Path, variant: str, build, tiny_models
) -> None:
    build().save_pretrained(tmp_path, variant=variant)
    assert_same_weights(load(tmp_path), tiny_models["xl" if build is build_xl else "sd3"])


def test_each_part_has_a_variant_of_its_own(
    tmp_path: Path, tiny_folders: Mapping[str, Path], tiny_models
) -> None:
    shutil.copytree(tiny_folders["sd1"], tmp_path, dirs_exist_ok=True)
    for part, name in {"unet": "diffusion_pytorch_model", "text_encoder": "model"}.items():
        file = tmp_path / part / f"{name}.safetensors"
        file.rename(file.with_name(f"{name}.{'fp16' if part == 'unet' else 'bf16'}.safetensors"))
    assert_same_weights(load(tmp_path), tiny_models["sd1"])


def test_the_plain_weights_go_before_a_variant(
    tmp_path: Path, tiny_folders: Mapping[str, Path], tiny_models
) -> None:
    shutil.copytree(tiny_folders["sd1"], tmp_path, dirs_exist_ok=True)
    (tmp_path / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"broken")
    assert_same_weights(load(tmp_path), tiny_models["sd1"])


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_shards_are_put_together(tmp_path: Path, variant: str | None, tiny_models) -> None:
    build_sd().save_pretrained(tmp_path, max_shard_size="100KB", variant=variant)
    assert len(list((tmp_path / "unet").glob("*.safetensors"))) > 1
    assert_same_weights(load(tmp_path), tiny_models["sd1"])


def test_a_variant_of_another_kind_is_named_in_the_error(tmp_path: Path) -> None:
    build_sd().save_pretrained(tmp_path, variant="ema")
    with pytest.raises(ModelError, match=r"variants ema only; variants that are read: fp16, bf16"):
        load(tmp_path)


def test_weights_that_are_not_there_are_missed_before_anything_is_loaded(
    tmp_path: Path, tiny_folders: Mapping[str, Path]
) -> None:
    shutil.copytree(tiny_folders["sd1"], tmp_path, dirs_exist_ok=True)
    (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    (tmp_path / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"never read")
    with pytest.raises(ModelError, match=r"the unet of the model .* has no weights; the folder"):
        load(tmp_path)


@pytest.mark.parametrize("offline", [True, False])
def test_what_is_in_the_cache_is_read_without_asking_the_hub(
    tmp_path: Path, tiny_folders, tiny_models, monkeypatch: pytest.MonkeyPatch, offline: bool
) -> None:
    in_cache(tiny_folders["sd1"], "nobody/tiny", tmp_path, monkeypatch)
    monkeypatch.setattr("huggingface_hub.is_offline_mode", lambda: False)
    found = load_model("nobody/tiny", device="cpu", local_files_only=offline)
    assert found.name == "nobody/tiny"
    assert_same_weights(found, tiny_models["sd1"])


def test_half_a_model_in_the_cache_is_missed_offline(
    tmp_path: Path, tiny_folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_cache(tiny_folders["sd1"], "nobody/tiny", tmp_path, monkeypatch, but="unet")
    with pytest.raises(ModelError, match="not all of it, and the hub is not asked") as caught:
        load_model("nobody/tiny", device="cpu", local_files_only=True)
    assert "hf download nobody/tiny" in caught.value.hint


def test_shards_that_are_missing_make_a_part_incomplete() -> None:
    name = "unet/diffusion_pytorch_model.fp16-0000{}-of-00002.safetensors"
    both = frozenset({name.format(1), name.format(2)})
    assert CheckpointFiles("x", "x", both).holds("unet")
    assert not CheckpointFiles("x", "x", frozenset({name.format(1)})).holds("unet")
    assert CheckpointFiles("x", "x", frozenset({"tokenizer/vocab.json"})).holds("tokenizer")


def test_no_network_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(source: str) -> list[str]:
        raise ConnectionError("no route to host")

    monkeypatch.setattr("huggingface_hub.is_offline_mode", lambda: False)
    monkeypatch.setattr("huggingface_hub.list_repo_files", unreachable)
    with pytest.raises(ModelError, match="the hub cannot be reached: there is no network"):
        find_place("nobody/nothing", ["unet"], local_files_only=False)
