"""Importing the packages is cheap: the heavy libraries wait until they are needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

import textseg

HEAVY = (
    "torch",
    "diffusers",
    "transformers",
    "ipywidgets",
    "langchain_core",
    "langgraph",
    "matplotlib",
    "mcp",
    "pyarrow",
    "pycocotools",
    "ray",
)


def loaded_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "package",
    [
        "textseg",
        "agent_tools",
        "agent_tools.commands",
        "agent_tools.operations",
        "textseg.cli",
        "textseg.toolbox",
        "textseg.workspace",
    ],
)
def test_import_loads_none_of_the_heavy_libraries(package: str) -> None:
    modules = loaded_after(f"import {package}")
    assert package in modules
    assert modules.isdisjoint(HEAVY)


def test_dir_and_star_show_the_public_names_without_loading_them() -> None:
    assert loaded_after("import textseg; dir(textseg)").isdisjoint(HEAVY)
    assert set(textseg.__all__) <= set(dir(textseg))


@pytest.mark.parametrize("name", textseg.__all__)
def test_every_public_name_can_be_had(name: str) -> None:
    assert getattr(textseg, name) is getattr(textseg, name)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="No textseg attribute segmnt"):
        _ = textseg.segmnt  # type: ignore[attr-defined]  # wrong on purpose
