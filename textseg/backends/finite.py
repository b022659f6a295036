"""Numbers that are none, told by the part that they come from."""

from __future__ import annotations

import torch
from torch import Tensor

from textseg.errors import ModelError, PrecisionError


def check_finite(values: Tensor, part: str, *, model: str, dtype: torch.dtype) -> None:
    """Raise where a part of the named model, computing in ``dtype``, gave values that are none.

    Raises ``PrecisionError`` in low precision, and ``ModelError`` in float32.
    """
    if torch.isfinite(values).all():
        return
    wrong = f"the {part} of {model!r} returned values that are not numbers, in {dtype}"
    if dtype != torch.float32:
        raise PrecisionError(wrong, hint="load the model with dtype='float32'")
    raise ModelError(wrong, hint="it runs in float32 already: the weights or the input are damaged")
