"""Tokens that were learned from pictures (arXiv:2208.01618): of one vector, and of several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.tiny import TEXT_WIDTH, build_sd, build_xl
from textseg.backends.diffusers_unet import wrap_pipeline


def with_token(pipeline: Any, folder: Path, *, vectors: int) -> Any:
    """The pipeline with a learned token "<toy>" in its first encoder."""
    learned = torch.randn(vectors, TEXT_WIDTH, generator=torch.Generator().manual_seed(0))
    save_file({"<toy>": learned}, folder / "toy.safetensors")
    pipeline.load_textual_inversion(str(folder / "toy.safetensors"), token="<toy>")
    return pipeline


@pytest.mark.parametrize("vectors", [1, 3])
@pytest.mark.parametrize("build", [build_sd, build_xl], ids=["sd", "xl"])
def test_learned_tokens_are_read_as_the_pipeline_reads_them(
    tmp_path: Path, build: Any, vectors: int
) -> None:
    pipeline = with_token(build(), tmp_path, vectors=vectors)
    ours = wrap_pipeline(pipeline).embed_text(["a <toy> tree"])
    theirs = pipeline.encode_prompt(
        "a <toy> tree",
        device="cpu",
        num_images_per_prompt=1,
        do_classifier_free_guidance=False,
    )[0]
    torch.testing.assert_close(ours.embeddings, theirs, rtol=1e-5, atol=1e-5)


def test_all_vectors_of_a_token_belong_to_its_word(tmp_path: Path) -> None:
    pipeline = with_token(build_sd(), tmp_path, vectors=3)
    (words,) = wrap_pipeline(pipeline).embed_text(["a <toy> tree"]).words
    assert words[:7] == (None, 0, 1, 1, 1, 2, None)
