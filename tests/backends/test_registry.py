from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from textseg.errors import InvalidInputError, ModelError, UnknownNameError
from textseg.registry.models import MODELS, load_model, models
from textseg.testing import GaussianModel

LOADED: list[tuple[str, str, bool]] = []


def load_toy(*, device: str, dtype: str, local_files_only: bool) -> GaussianModel:
    LOADED.append((device, dtype, local_files_only))
    return GaussianModel(name="toy")


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models of another package, one of them broken, and nothing loaded yet."""
    points = [
        EntryPoint("toy", f"{__name__}:load_toy", MODELS.group),
        EntryPoint("gone", "textseg.no_such_module:load", MODELS.group),
        EntryPoint("picturebook", "textseg.no_such_module:load", MODELS.group),
    ]
    monkeypatch.setattr("textseg.registry.plugins.entry_points", lambda group: points)
    for key in [key for key in MODELS.shared if key[0] == "toy"]:
        monkeypatch.delitem(MODELS.shared, key)
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    LOADED.clear()


def test_a_model_without_a_card_is_told_what_it_lacks() -> None:
    class Older(GaussianModel):
        def __getattribute__(self, name: str) -> object:
            if name == "card":
                raise AttributeError(name)
            return super().__getattribute__(name)

    model = GaussianModel.__new__(Older)
    with pytest.raises(InvalidInputError, match="got Older") as failed:
        load_model(model)
    assert "needs a `card` as well" in failed.value.hint


def test_the_embedded_model_is_listed() -> None:
    (found,) = [info for info in models() if info.name == "picturebook"]
    assert found.package == "textseg"
    assert "ships with the package" in found.description


@pytest.mark.usefixtures("plugins")
def test_models_of_other_packages_are_listed_but_do_not_replace_ours() -> None:
    assert [info.name for info in models()] == ["gone", "picturebook", "toy"]
    assert {info.name: info.package for info in models()}["picturebook"] == "textseg"


@pytest.mark.usefixtures("plugins")
def test_a_registered_model_is_loaded_once_for_each_device_and_dtype() -> None:
    first = load_model("toy", device="cpu", local_files_only=True)
    assert load_model("toy", device="cpu") is first
    assert load_model("toy", device="cpu", dtype="float16") is not first
    assert LOADED == [("cpu", "auto", True), ("cpu", "float16", False)]


@pytest.mark.usefixtures("plugins")
def test_threads_that_ask_at_once_get_one_model() -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: load_model("toy"), range(32)))
    assert len(LOADED) == 1
    assert all(model is found[0] for model in found)


@pytest.mark.usefixtures("plugins")
def test_a_broken_registration_names_itself() -> None:
    with pytest.raises(ModelError, match=r"'gone'.*no_such_module"):
        load_model("gone")


@pytest.mark.usefixtures("plugins")
def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="known: gone, picturebook, toy"):
        load_model("picturbook")


@pytest.mark.parametrize(
    "path",
    [
        "./nowhere",
        "../nowhere",
        "/nowhere/model",
        "a/b/c",
        "nowhere/",
        "~/nowhere",
        "x.safetensors",
    ],
)
def test_a_path_that_is_not_there_is_a_model_error(path: str) -> None:
    what = "file" if path.endswith(".safetensors") else "folder"
    with pytest.raises(ModelError, match=f"there is no model {what}"):
        load_model(path)


def test_an_absolute_path_that_is_not_there_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no model folder"):
        load_model(tmp_path / "nowhere")


def test_something_like_a_hub_id_is_looked_for_there() -> None:
    with pytest.raises(ModelError, match="hub id"):
        load_model("nobody/nothing", local_files_only=True)


def test_a_folder_is_loaded_by_text_and_by_path(tiny_folders) -> None:
    folder = tiny_folders["sd1"]
    assert load_model(folder, device="cpu").name == str(folder)
    assert load_model(str(folder), device="cpu").latent_channels == 4


def test_a_loaded_pipeline_is_wrapped() -> None:
    from tests.tiny import build_sd

    assert load_model(build_sd()).name == "StableDiffusionPipeline"


def test_a_model_comes_back_as_it_is() -> None:
    model = GaussianModel()
    assert load_model(model) is model


def test_anything_else_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="got int"):
        load_model(3)  # type: ignore[arg-type]  # that is the point


def test_the_registry_imports_no_heavy_library() -> None:
    code = "import sys, textseg.registry.models as r; r.models(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
