from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline

from tests.tiny import build_sd
from tests.tiny_families import build_flux
from textseg.backends.diffusers_unet import DiffusersUNet
from textseg.backends.family import Family
from textseg.errors import ModelError, UnsupportedError
from textseg.registry.families import FAMILIES, load_family, wrap_family
from textseg.registry.models import load_model
from textseg.testing import GaussianModel


def index_with(folder: Path, **entries: Any) -> Path:
    (folder / "model_index.json").write_text(json.dumps(entries))
    return folder


def test_a_family_is_found_by_the_class_of_the_pipeline(tiny_folders) -> None:
    assert isinstance(load_family(tiny_folders["xl"], device="cpu"), DiffusersUNet)
    assert isinstance(wrap_family(build_sd()), DiffusersUNet)


def test_a_family_is_found_for_a_class_that_is_made_of_a_known_one() -> None:
    class Own(StableDiffusionPipeline):
        """Somebody's own."""

    parts = build_sd().components
    assert isinstance(wrap_family(Own(**parts, requires_safety_checker=False)), DiffusersUNet)


def test_texts_are_kept_in_the_precision_of_the_network() -> None:
    text = wrap_family(build_flux().to(torch.bfloat16)).embed_text(["tree"])
    assert text.embeddings.dtype == text.pooled.dtype == torch.bfloat16


def test_other_pipelines_are_known_by_their_network() -> None:
    parts = {**build_sd().components, "requires_safety_checker": False}
    assert isinstance(wrap_family(StableDiffusionImg2ImgPipeline(**parts)), DiffusersUNet)


def test_a_pipeline_of_no_known_family_is_refused_with_its_class_and_those_that_are(
    tmp_path: Path,
) -> None:
    folder = index_with(
        tmp_path,
        _class_name="PRXPipeline",
        transformer=["diffusers", "PRXTransformer2DModel"],
        vae=["diffusers", "AutoencoderKL"],
    )
    with pytest.raises(UnsupportedError, match="PRXPipeline is of no family") as caught:
        load_model(folder, device="cpu")
    assert "Stable Diffusion 1.x, 2.x and XL" in caught.value.hint


TOY: list[tuple[str, str]] = []


def load_toy(source, *, device, dtype, local_files_only, name) -> GaussianModel:
    TOY.append((str(source), device))
    return GaussianModel(name="toy")


def wrap_toy(pipeline, *, device: str, dtype: str) -> GaussianModel:
    return GaussianModel(name="wrapped toy")


FAMILY = Family(load_toy, wrap_toy)


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family of another package, one that is broken, and one that takes a name of ours."""
    points = [
        EntryPoint("ToyPipeline", f"{__name__}:FAMILY", FAMILIES.group),
        EntryPoint("GonePipeline", "textseg.no_such_module:FAMILY", FAMILIES.group),
        EntryPoint("StableDiffusionPipeline", f"{__name__}:FAMILY", FAMILIES.group),
    ]
    monkeypatch.setattr(
        "textseg.registry.plugins.entry_points",
        lambda group: points if group == FAMILIES.group else [],
    )
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])


@pytest.mark.usefixtures("plugins")
def test_other_packages_add_families_but_do_not_replace_ours(tmp_path: Path, tiny_folders) -> None:
    folder = index_with(tmp_path, _class_name="ToyPipeline")
    assert load_model(folder, device="cpu").name == "toy"
    assert TOY.pop() == (str(folder), "cpu")
    assert isinstance(load_model(tiny_folders["sd1"], device="cpu"), DiffusersUNet)


@pytest.mark.usefixtures("plugins")
def test_a_broken_family_of_another_package_names_itself(tmp_path: Path) -> None:
    folder = index_with(tmp_path, _class_name="GonePipeline")
    with pytest.raises(ModelError, match=r"family 'GonePipeline'.*no_such_module"):
        load_model(folder, device="cpu")
