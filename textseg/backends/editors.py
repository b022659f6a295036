"""Whole pipelines of diffusers, loaded as editors: by the rules of every model that is loaded."""

from __future__ import annotations

from typing import Any

import torch

from textseg.backends.loading import (
    DTYPES,
    choose_device,
    choose_dtype,
    explained_loading,
    explained_memory,
    no_progress_bars,
)


def load_pipeline(
    source: str, *, device: str, dtype: str, local_files_only: bool
) -> Any:  # Any: a pipeline; each has a class of its own
    """Return the pipeline of a folder or hub id; from safetensors only, and from no foreign code.

    Args:
        source: folder or hub id.
        device: "auto", "cpu", "cuda" ...
        dtype: "auto" is float32 on a processor and bfloat16 elsewhere: most editors of today are
            trained in it, and their text encoders overflow in float16.
        local_files_only: never ask the hub.

    Raises:
        ModelError: files are missing or broken, or cannot be fetched.
        OutOfMemoryError: it does not fit on the device.
    """
    from diffusers import DiffusionPipeline

    where = choose_device(device)
    usual = torch.float32 if where.type == "cpu" else DTYPES["bfloat16"]
    precision = usual if dtype == "auto" else choose_dtype(dtype, where)
    with explained_loading(source, kind="editor"), explained_memory(), no_progress_bars():
        pipeline = DiffusionPipeline.from_pretrained(
            source, dtype=precision, use_safetensors=True, local_files_only=local_files_only
        ).to(where, precision)  # again, since older versions of diffusers do not know `dtype`
    pipeline.set_progress_bar_config(disable=True)  # steps are reported to whoever asks
    return pipeline
