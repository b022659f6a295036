from __future__ import annotations

import json
import re
import shutil
from copy import deepcopy
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import textseg
from tests.tiny import change_weights, drop_a_bias, with_dropout
from textseg.captioning import BlipCaptioner
from textseg.errors import ImageError, ModelError, UnknownNameError, UnsupportedError
from textseg.lab.bench.readers import read_caption
from textseg.lab.training.captioner import export_captioner, new_captioner
from textseg.picturebook import known_words, weights_folder
from textseg.picturebook.scenes import SceneDescription, Thing, render
from textseg.registry.captioners import CAPTIONERS, captioners, load_captioner
from textseg.testing import GaussianModel

PICTURE = SceneDescription(
    "meadow",
    (Thing("tree", "green", 0.44, 0.8, 0.45, 12), Thing("house", "red", 0.52, 0.3, 0.48, 58)),
    13,
)


def photo(description: SceneDescription = PICTURE) -> np.ndarray:
    return render(description).image.astype(np.float32) / 255


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of random weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("blip")
    export_captioner(path, new_captioner(width=16, layers=1, decoder_layers=1))
    return path


def copy(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to / "copy"))


def test_the_embedded_captioner_names_everything_from_left_to_right() -> None:
    assert load_captioner().caption(photo()) == "a red house and a green tree on a meadow"


def test_captions_use_words_that_the_embedded_model_knows() -> None:
    assert set(load_captioner().caption(photo()).split()) <= known_words()


def test_a_mirrored_picture_is_told_the_other_way_round() -> None:
    mirrored = np.ascontiguousarray(photo()[:, ::-1])
    things = read_caption(load_captioner().caption(mirrored)).things
    assert [kind for kind, _ in things] == ["tree", "house"]


def test_pictures_of_any_size_and_shape_can_be_described() -> None:
    wide = np.concatenate([photo(), photo()[:, :37]], axis=1)
    assert wide.shape[0] != wide.shape[1]
    assert load_captioner().caption(wide).endswith("on a meadow")


def test_a_caption_is_the_same_every_time_and_draws_no_random_numbers(folder: Path) -> None:
    captioner = load_captioner(folder, local_files_only=True)
    state = torch.get_rng_state()
    first = captioner.caption(photo())
    assert captioner.caption(photo()) == first
    assert torch.equal(torch.get_rng_state(), state)


def test_a_captioner_is_loaded_once_and_shared(folder: Path) -> None:
    assert load_captioner(folder) is load_captioner(str(folder))
    assert load_captioner(folder, dtype="bfloat16") is not load_captioner(folder)


def test_a_folder_is_loaded_in_the_precision_asked_for(folder: Path) -> None:
    found = load_captioner(folder, device="cpu", dtype="bfloat16")
    assert isinstance(found, BlipCaptioner)
    assert found.model.dtype == torch.bfloat16
    assert not found.model.training


def test_pictures_reach_the_network_as_the_checkpoint_wants_them(
    folder: Path, tmp_path: Path
) -> None:
    other = copy(folder, tmp_path)
    facts = json.loads((other / "preprocessor_config.json").read_text())
    facts |= {"image_mean": [0.2, 0.3, 0.4], "image_std": [0.5, 0.25, 1.0]}
    (other / "preprocessor_config.json").write_text(json.dumps(facts))
    found = load_captioner(other)
    assert isinstance(found, BlipCaptioner)
    grey = np.full((40, 60, 3), 0.6, np.float32)
    seen: list[torch.Tensor] = []
    hook = found.model.vision_model.register_forward_pre_hook(
        lambda _, __, named: seen.append(named["pixel_values"]), with_kwargs=True
    )
    found.caption(grey)
    hook.remove()
    assert seen[0].shape == (1, 3, 128, 128)
    torch.testing.assert_close(
        seen[0].mean((0, 2, 3)), torch.tensor([0.8, 1.2, 0.2]), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 9, 3), np.uint8),
        np.zeros((8, 9), np.float32),
        np.full((8, 9, 3), 2.0, np.float32),
        np.full((8, 9, 3), np.nan, np.float32),
        np.ma.masked_array(np.zeros((8, 9, 3), np.float32), mask=np.ones((8, 9, 3), bool)),
    ],
)
def test_what_is_no_picture_in_unit_range_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ImageError):
        load_captioner().caption(wrong)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"'blurb'.*picturebook"):
        load_captioner("blurb")


def test_a_missing_hub_id_names_the_remedy() -> None:
    with pytest.raises(ModelError, match="give the folder"):
        load_captioner("nobody/has-this", local_files_only=True)


def test_a_folder_without_weights_says_what_it_needs(folder: Path, tmp_path: Path) -> None:
    broken = copy(folder, tmp_path)
    (broken / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"the folder needs .*model\.safetensors"):
        load_captioner(broken)


def test_pickled_weights_are_not_read(folder: Path, tmp_path: Path) -> None:
    pickled = copy(folder, tmp_path)
    (pickled / "model.safetensors").unlink()
    torch.save({}, pickled / "pytorch_model.bin")
    with pytest.raises(ModelError):
        load_captioner(pickled)


def test_a_folder_without_a_vocabulary_is_refused(folder: Path, tmp_path: Path) -> None:
    silent = copy(folder, tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (silent / name).unlink()
    with pytest.raises(ModelError, match=r"vocabulary|tokenizer"):
        load_captioner(silent)


def test_another_kind_of_model_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="clip_text_model"):
        load_captioner(weights_folder() / "text_encoder")


def test_a_blip_without_a_captioning_decoder_is_refused(folder: Path, tmp_path: Path) -> None:
    partial = copy(folder, tmp_path)
    change_weights(
        partial,
        lambda weights: [weights.pop(name) for name in list(weights) if "decoder" in name],
    )
    with pytest.raises(ModelError, match=r"lacks \d+ weights: text_decoder.*for captioning"):
        load_captioner(partial)


def test_a_single_missing_bias_is_a_model_error_that_names_it(folder: Path, tmp_path: Path) -> None:
    partial = copy(folder, tmp_path)
    name = drop_a_bias(partial)
    with pytest.raises(ModelError, match=f"the captioner .* lacks 1 weight: {re.escape(name)};"):
        load_captioner(partial)


def test_weights_that_are_tied_need_not_be_in_the_file_twice(folder: Path) -> None:
    """The words are read and written with one table."""
    names = load_file(folder / "model.safetensors")
    found = load_captioner(folder)
    assert isinstance(found, BlipCaptioner)
    assert len(names) < len(found.model.state_dict())


def test_a_captioner_in_training_mode_says_what_it_says_in_evaluation_mode() -> None:
    found = load_captioner(device="cpu")
    assert isinstance(found, BlipCaptioner)
    trained = replace(found, model=with_dropout(deepcopy(found.model)).train())
    assert trained.caption(photo()) == "a red house and a green tree on a meadow"
    assert all(module.training for module in trained.model.modules())


class Own:
    """A captioner of somebody's own, around a network with dropout."""

    name = "own"

    def __init__(self) -> None:
        self.network = torch.nn.Sequential(torch.nn.Dropout())

    def caption(self, rgb: np.ndarray) -> str:
        kept = self.network(torch.ones(64)).count_nonzero()
        return f"{kept} of 64"


class OwnNetwork(torch.nn.Module):
    """One that is a network itself."""

    name = "own"

    def __init__(self) -> None:
        super().__init__()
        self.drop = torch.nn.Dropout()

    def caption(self, rgb: np.ndarray) -> str:
        return f"{self.drop(torch.ones(64)).count_nonzero()} of 64"


@pytest.mark.parametrize("kind", [Own, OwnNetwork])
def test_a_captioner_of_ones_own_is_asked_in_evaluation_mode_and_left_as_it_was(kind: type) -> None:
    own = kind()
    scene = textseg.Scene.open(photo(), GaussianModel(), captioner=own)
    assert scene.caption() == "64 of 64"
    assert own.caption(photo()) != "64 of 64"


class Silent:
    name = "silent"

    def caption(self, rgb: np.ndarray) -> str:
        return f"{rgb.shape[0]} rows"


def load_silent(*, device: str, dtype: str, local_files_only: bool) -> Silent:
    return Silent()


def test_other_packages_can_add_captioners(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("silent", f"{__name__}:load_silent", CAPTIONERS.group)
    monkeypatch.setattr(EntryPoint, "load", lambda self: load_silent)
    monkeypatch.setattr("textseg.registry.plugins.entry_points", lambda group: [point])
    assert captioners() == ["picturebook", "silent"]
    assert load_captioner("silent").caption(photo()) == "128 rows"


def test_a_captioner_whose_package_is_broken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("gone", "no_such_package:load", CAPTIONERS.group)
    monkeypatch.setattr("textseg.registry.plugins.entry_points", lambda group: [point])
    with pytest.raises(ModelError, match="no_such_package"):
        load_captioner("gone")
