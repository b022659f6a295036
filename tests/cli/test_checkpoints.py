"""Well-known checkpoints by a short name: listed with what they cost, shown if they are here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from tests.backends.test_places import in_cache
from textseg.errors import ModelError, UnknownNameError
from textseg.registry.checkpoints import CHECKPOINTS
from textseg.registry.models import check_model, load_model
from textseg.registry.named import HUB_ID

Command = Callable[..., Result]


@pytest.fixture
def cached(tmp_path: Path, tiny_folders, monkeypatch: pytest.MonkeyPatch) -> str:
    """A short name whose checkpoint is in the cache, tiny."""
    in_cache(tiny_folders["sd1"], CHECKPOINTS["sd15"].repository, tmp_path / "hub", monkeypatch)
    return "sd15"


def test_checkpoints_are_listed_with_licence_size_and_what_they_need(textseg: Command) -> None:
    lines = dict(line.split(": ", 1) for line in textseg("models").stdout.splitlines())
    assert set(CHECKPOINTS) < set(lines)
    assert "CreativeML OpenRAIL++-M, 6.9 GB in half precision" in lines["sdxl"]
    assert lines["sd35"].endswith("accept the licence on its page, then hf auth login")
    listed = {entry["name"]: entry for entry in json.loads(textseg("models", "--json").stdout)}
    assert listed["flux-schnell"]["license"] == "Apache 2.0"


def test_a_checkpoint_that_is_not_here_is_shown_and_not_downloaded(textseg: Command) -> None:
    shown = textseg("models", "flux-schnell").stdout
    assert shown.startswith("FLUX.1 schnell")
    assert "hf download black-forest-labs/FLUX.1-schnell fetches it" in shown
    facts = json.loads(textseg("models", "flux-schnell", "--json").stdout)
    assert facts["checkpoint"]["cached"] is False


def test_a_checkpoint_that_is_here_is_shown_with_its_card(textseg: Command, cached: str) -> None:
    facts = json.loads(textseg("models", cached, "--json").stdout)
    assert facts["checkpoint"]["cached"] is True
    assert facts["name"] == "Stable Diffusion"
    assert "\nsampling\n  steps: 50" in textseg("models", cached).stdout


def test_a_hub_id_that_is_not_here_is_missed_and_not_downloaded(textseg: Command) -> None:
    refused = textseg("models", "nobody/nothing")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "hf download nobody/nothing" in refused.stderr


def test_a_short_name_stands_wherever_a_model_is_given(cached: str) -> None:
    found = load_model(cached, device="cpu", local_files_only=True)
    assert found.name == CHECKPOINTS[cached].repository
    check_model("sdxl")
    with pytest.raises(ModelError, match="stable-diffusion-xl-base"):
        check_model("sdxl", local_files_only=True)


def test_an_unknown_name_lists_the_short_ones() -> None:
    with pytest.raises(UnknownNameError, match="sd15, sdxl, sd35"):
        check_model("sdxxl")


def test_every_entry_is_a_hub_id_with_its_source() -> None:
    for info in CHECKPOINTS.values():
        assert HUB_ID.fullmatch(info.repository)
        assert info.found
        assert info.gigabytes > 0
