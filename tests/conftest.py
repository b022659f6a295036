from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the hub library is imported; tests download nothing

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from textseg.backends.diffusers_unet import DiffusersUNet


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """One saved checkpoint of random weights for each family; see ``tests.tiny.FAMILIES``."""
    from tests.tiny import FAMILIES

    root = tmp_path_factory.mktemp("checkpoints")
    for name, build in FAMILIES.items():
        build().save_pretrained(root / name)
    return {name: root / name for name in FAMILIES}


@pytest.fixture(scope="session")
def tiny_models(tiny_folders: Mapping[str, Path]) -> Mapping[str, DiffusersUNet]:
    """The saved checkpoints, loaded once; tests must not change them."""
    from textseg.backends.diffusers_unet import load_unet_model

    return {
        name: load_unet_model(folder, device="cpu", local_files_only=True)
        for name, folder in tiny_folders.items()
    }
