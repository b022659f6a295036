from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the hub library is imported; tests download nothing
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0)):
    # Read when torch is imported, here and in the processes that tests start: threads that fight
    # for the cores take many times as long as those that share them.
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (usable or 1) // workers)))

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from textseg.backends.latent import LatentModel


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files with long tests first, so that no worker is left with one at the end.

    The first of them are those that start a server of notebooks: the longest.
    """
    long = {item.path for item in items if any(map(item.get_closest_marker, ("slow", "browser")))}
    longest = {item.path for item in items if {"lab", "voila"} & set(fixtures_of(item))}
    items.sort(key=lambda item: (item.path not in longest, item.path not in long))


def fixtures_of(item: pytest.Item) -> list[str]:
    """The names of the fixtures that a test asks for, itself or through others."""
    return item.fixturenames if isinstance(item, pytest.Function) else []


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """One saved checkpoint of random weights for each family; see ``tests.tiny.FAMILIES``."""
    from tests.tiny import FAMILIES

    root = tmp_path_factory.mktemp("checkpoints")
    for name, build in FAMILIES.items():
        build().save_pretrained(root / name)
    return {name: root / name for name in FAMILIES}


@pytest.fixture(scope="session")
def tiny_models(tiny_folders: Mapping[str, Path]) -> Mapping[str, LatentModel]:
    """The saved checkpoints, loaded once; tests must not change them."""
    from textseg.registry.families import load_family

    return {
        name: load_family(folder, device="cpu", local_files_only=True)
        for name, folder in tiny_folders.items()
    }
