"""LoRAs beside a model: added by its pipeline, told by name where they change how it is walked."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.tiny import FAMILIES, build_sd, network_of
from textseg.backends.latent import LatentModel
from textseg.errors import InvalidInputError, MissingExtraError, ModelError, UnsupportedError
from textseg.registry.families import wrap_family
from textseg.registry.models import load_model
from textseg.scene import Scene

WITHOUT_LORAS = ("hunyuan_image", "pixart", "hunyuan_dit")  # in diffusers
needs_peft = pytest.mark.skipif(find_spec("peft") is None, reason="peft is not installed")


def load(source: Path, **options: Any) -> LatentModel:
    found = load_model(source, device="cpu", local_files_only=True, **options)
    assert isinstance(found, LatentModel)
    return found


def answer(model: Any) -> torch.Tensor:
    z = torch.linspace(-2, 2, model.latent_channels * 8 * 12).reshape(1, -1, 8, 12)
    with torch.no_grad():
        return model.predict(z, 0.5, model.embed_text(["red tree"])).x0


def write_lora(pipeline: Any, path: Path, *, seed: int = 0) -> Path:
    """Write a LoRA for the network of a pipeline, as its own trainer would."""
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    network = network_of(pipeline)
    generator = torch.Generator().manual_seed(seed)
    network.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_v"]), "made")
    weights = get_peft_model_state_dict(network, adapter_name="made")
    part = "unet" if hasattr(pipeline, "unet") else "transformer"
    path.parent.mkdir(exist_ok=True, parents=True)
    save_file(
        {
            f"{part}.{name}": torch.randn(weight.shape, generator=generator)
            for name, weight in weights.items()
        },
        path,
    )
    return path


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    return write_lora(build_sd(), tmp_path / "style.safetensors")


@needs_peft
@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in WITHOUT_LORAS])
def test_a_lora_changes_answers_as_it_does_in_the_pipeline(
    tmp_path: Path, tiny_folders: Mapping[str, Path], family: str
) -> None:
    file = write_lora(FAMILIES[family](), tmp_path / "style.safetensors")
    pipeline = FAMILIES[family]()
    pipeline.load_lora_weights(str(tmp_path), weight_name=file.name, adapter_name="style")
    pipeline.set_adapters(["style"], [0.5])
    model = load(tiny_folders[family], lora=[f"{file}:0.5"])
    torch.testing.assert_close(answer(model), answer(wrap_family(pipeline)), rtol=1e-4, atol=1e-5)
    assert (answer(model) - answer(load(tiny_folders[family]))).abs().max() > 1e-3
    assert model.name == f"{tiny_folders[family]} + style.safetensors"
    assert not any(weight.requires_grad for weight in model.network.parameters())


@needs_peft
@pytest.mark.parametrize("family", WITHOUT_LORAS)
def test_families_whose_pipeline_takes_no_loras_say_so(
    tiny_folders: Mapping[str, Path], lora: Path, family: str
) -> None:
    with pytest.raises(UnsupportedError, match="LoRAs cannot be added to a "):
        load(tiny_folders[family], lora=[lora])


@needs_peft
def test_several_loras_add_up_each_with_its_weight(
    tmp_path: Path, tiny_folders: Mapping[str, Path], lora: Path
) -> None:
    other = write_lora(build_sd(), tmp_path / "other.safetensors", seed=1)
    plain = answer(load(tiny_folders["sd1"]))
    none = load(tiny_folders["sd1"], lora=[f"{lora}:0", f"{other}:0"])
    torch.testing.assert_close(answer(none), plain, rtol=1e-4, atol=1e-5)
    both, one = load(tiny_folders["sd1"], lora=[lora, other]), load(tiny_folders["sd1"], lora=lora)
    assert (answer(both) - answer(one)).abs().max() > 1e-3


@needs_peft
@pytest.mark.parametrize(
    ("name", "scheduler", "steps"),
    [
        ("models--latent-consistency--lcm-lora-sdv1-5/w/pytorch_lora_weights", "LCM", 4),
        ("sdxl_lightning_8step_lora", "EulerDiscrete", 8),
        ("Hyper-SD15-2steps-lora", "DDIM", 2),
    ],
)
def test_published_names_of_distilled_loras_change_scheduler_and_card(
    tmp_path: Path, tiny_folders, name: str, scheduler: str, steps: int
) -> None:
    file = write_lora(build_sd(), tmp_path / f"{name}.safetensors")
    model = load(tiny_folders["sd1"], lora=[file])
    assert type(model._parts.scheduler).__name__ == f"{scheduler}Scheduler"
    assert (model.card.sampling.steps, model.card.sampling.guidance) == (steps, 1.0)
    assert model.notes == ()


@needs_peft
def test_a_name_that_leaves_doubt_is_a_note_and_changes_nothing(
    tmp_path: Path, tiny_folders: Mapping[str, Path]
) -> None:
    file = write_lora(build_sd(), tmp_path / "my-turbo-style.safetensors")
    model = load(tiny_folders["sd1"], lora=[file])
    assert model.card.sampling.guidance == 7.5
    scene = Scene.open(torch.rand(32, 48, 3).numpy(), model)
    assert any("may be one for few steps" in n for n in scene.segment("tree", draws=2).notes)
    assert any(
        "may be one for few" in n for n in Scene.generate("a tree", model, steps=2).picture.notes
    )


@needs_peft
def test_a_lora_of_another_model_is_an_error(
    tmp_path: Path, tiny_folders: Mapping[str, Path], lora: Path
) -> None:
    with pytest.raises(ModelError, match="has nothing for a StableDiffusion3Pipeline"):
        load(tiny_folders["sd3"], lora=[lora])


@needs_peft
def test_the_way_of_a_model_with_a_lora_leaves_the_folder_alone(
    tmp_path: Path, tiny_folders: Mapping[str, Path], lora: Path
) -> None:
    folder = shutil.copytree(tiny_folders["sd1"], tmp_path / "folder")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    answer(load(folder, lora=[lora]))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_without_peft_the_error_says_what_to_install(
    tmp_path: Path, tiny_folders: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diffusers.utils.is_peft_available", lambda: False)
    save_file({"unet.mid.to_q.lora_A.weight": torch.zeros(2, 2)}, tmp_path / "a.safetensors")
    with pytest.raises(MissingExtraError, match=r"pip install 'textseg\[lora\]'"):
        load(tiny_folders["sd1"], lora=[tmp_path / "a.safetensors"])


def test_what_is_no_lora_is_refused_before_the_model_is_loaded(
    tmp_path: Path, tiny_folders: Mapping[str, Path]
) -> None:
    with pytest.raises(ModelError, match="there is no LoRA file"):
        load(tiny_folders["sd1"], lora=[tmp_path / "nothing.safetensors:0.5"])
    (weights,) = (tiny_folders["sd1"] / "unet").glob("*.safetensors")
    with pytest.raises(InvalidInputError, match="the network of a Stable Diffusion 1 model"):
        load(tiny_folders["sd1"], lora=[weights])


def test_a_lora_beside_a_pipeline_or_a_name_is_refused(tmp_path: Path) -> None:
    for model in (build_sd(), "picturebook"):
        with pytest.raises(InvalidInputError, match="base and lora go with files"):
            load_model(model, lora=[tmp_path / "a.safetensors"], device="cpu")
