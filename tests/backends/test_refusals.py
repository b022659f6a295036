"""Every pipeline that diffusers ships is of a family, or refused by name, with what runs."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path

import diffusers
import pytest
from diffusers.pipelines.auto_pipeline import AUTO_TEXT2IMAGE_PIPELINES_MAPPING

from textseg.errors import MissingExtraError, ModelError, UnsupportedError
from textseg.registry.families import load_family
from textseg.registry.refusals import REASONS, reason_against

PIPELINES: Mapping[str, type] = {
    name: kind
    for name in dir(diffusers)
    if isinstance(kind := getattr(diffusers, name), type)
    and issubclass(kind, diffusers.DiffusionPipeline)
}


def index_of(pipeline: type) -> dict[str, object]:
    """What a folder would say: the classes that the pipeline's signature names."""
    found: dict[str, object] = {"_class_name": pipeline.__name__}
    for name, option in inspect.signature(pipeline).parameters.items():
        classes = re.findall(r"\b[A-Z]\w+", str(option.annotation))
        if classes:
            library = "diffusers" if hasattr(diffusers, classes[0]) else "transformers"
            found[name] = [library, classes[0]]
    return found


def refusal(pipeline: type, folder: Path) -> UnsupportedError | None:
    """None where nothing but the files of a known family is missing, or what reads them."""
    (folder / "model_index.json").write_text(json.dumps(index_of(pipeline)))
    try:
        load_family(folder, device="cpu", local_files_only=True)
    except UnsupportedError as error:
        return error
    except (ModelError, MissingExtraError):
        return None
    raise AssertionError(f"{pipeline.__name__} was loaded from nothing")


def test_every_pipeline_is_known_or_refused_by_name_with_what_runs(tmp_path: Path) -> None:
    assert len(PIPELINES) > 200
    for name, pipeline in PIPELINES.items():
        if error := refusal(pipeline, tmp_path):
            assert name in str(error)
            assert re.match("supported: |use ", error.hint), name


def test_what_makes_pictures_of_text_otherwise_is_told_why_it_is_refused(tmp_path: Path) -> None:
    listed = {kind.__name__: kind for kind in AUTO_TEXT2IMAGE_PIPELINES_MAPPING.values()}
    reasons = {name for name in listed if reason_against(name)}
    assert {"IFPipeline", "StableCascadeCombinedPipeline", "Ideogram4Pipeline"} <= reasons
    for name in reasons:
        error = refusal(listed[name], tmp_path)
        assert error is not None
        assert f"{name} {reason_against(name)}" in str(error)
        assert "Stable Diffusion 3 and 3.5" in error.hint


@pytest.mark.parametrize("begin", REASONS)
def test_reasons_are_of_pipelines_that_there_are(begin: str) -> None:
    assert any(name.startswith(begin) for name in PIPELINES)


def test_pipelines_whose_names_only_begin_alike_have_no_reason_against_them() -> None:
    for name in ("Kandinsky3Pipeline", "Kandinsky5T2IPipeline", "HunyuanImagePipeline"):
        assert reason_against(name) == ""
    for name in ("KandinskyPipeline", "KandinskyInpaintPipeline", "KandinskyV22Pipeline"):
        assert reason_against(name)
