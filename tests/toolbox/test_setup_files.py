"""What a person says about a model besides its name reaches the loader."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.backends.test_single_files import small_files
from tests.original import save_original
from tests.tiny import build_sd
from textseg.errors import ModelError
from textseg.toolbox import SegmentArguments, Setup, segment_image
from textseg.toolbox.running import load_chosen


@pytest.fixture
def arguments(tmp_path: Path) -> SegmentArguments:
    pixels = np.random.default_rng(0).integers(0, 255, (32, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return SegmentArguments(image=str(tmp_path / "photo.png"), queries=["tree"], draws=2)


def test_a_single_file_is_a_model_with_its_base(
    tmp_path: Path, arguments: SegmentArguments
) -> None:
    pipeline = build_sd()
    pipeline.save_pretrained(tmp_path / "whole")
    base = small_files(tmp_path / "whole", tmp_path / "base")
    file = save_original(pipeline, tmp_path / "model.safetensors")
    setup = Setup(model=str(file), base=str(base), offline=True, device="cpu")
    assert segment_image(arguments, setup=setup).result.model == str(file)


def test_a_lora_that_is_not_there_is_missed(arguments: SegmentArguments, tiny_folders) -> None:
    setup = Setup(model=str(tiny_folders["sd1"]), lora=("nothing.safetensors:0.5",), device="cpu")
    with pytest.raises(ModelError, match=r"there is no LoRA file 'nothing\.safetensors'"):
        segment_image(arguments, setup=setup)


def test_offline_says_what_is_missing_before_anything_heavy_is_imported() -> None:
    code = (
        "import sys\nfrom textseg.errors import ModelError\n"
        "from textseg.registry.models import load_model\n"
        "try:\n    load_model('nobody/nothing', local_files_only=True)\n"
        "except ModelError as error:\n    print(error)\n"
        "print({'torch', 'diffusers', 'transformers'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told, loaded = done.stdout.splitlines()
    assert "hf download nobody/nothing" in told
    assert loaded == "set()"


def test_offline_holds_for_the_captioner_too(arguments: SegmentArguments) -> None:
    setup = Setup(offline=True, captioner="nobody/nothing", device="cpu")
    with pytest.raises(ModelError, match="not on this machine"):
        segment_image(arguments, setup=setup)


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_the_precision_is_that_of_the_network(name: str, tiny_folders) -> None:
    setup = Setup(model=str(tiny_folders["sd1"]), device="cpu", dtype=name)
    network = load_chosen(setup).network
    assert {str(each.dtype) for each in network.parameters()} == {f"torch.{name}"}
