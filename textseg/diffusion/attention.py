"""Attention, seen and changed while a model answers; nothing is installed on the model.

The networks of today end each attention in ``scaled_dot_product_attention`` of torch. A mode of
torch sees these calls of its own thread alone, and only while ``predict`` asks the network: text
encoders and autoencoders go unseen, other threads too, and nothing has to be put back.

    def control(call: Attention) -> Attention: ...     # the same, or a changed one
    attending(model, control).predict(z, sigma, text)

Which call is which cannot be told from its shape: a stage of 7 x 11 cells looks at as many cells as
CLIP has tokens. So the model says it (``Attentive``), in the order of the calls, and each call is
held against what was said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from textseg.diffusion.layers import Attentive, Layer, attentive
from textseg.diffusion.model import Conditioning, DiffusionModel, Levels, Prediction
from textseg.diffusion.stand_in import StandIn
from textseg.diffusion.standing import as_they_came, filling, lined_up
from textseg.errors import UnsupportedError

AT_ONCE = 2**24  # probabilities: 64 MiB
REMEDY = (
    "load the model with torch's native attention: without xformers, flash, sage, sliced or "
    "compiled variants"
)


@dataclass(frozen=True, eq=False)
class Attention:
    """One call, which a control may hand back changed: ``dataclasses.replace(call, k=...)``.

    Attributes:
        index: how many came before in this call of the network.
        layer: what it is.
        q: (b, heads, queries, d).
        k: (b, heads, keys, d).
        v: (b, heads, keys, d).
        bias: added to the logits, broadcast to (b, heads, queries, keys); None: nothing is.
        scale: of the logits.
        dropout: share of the probabilities that is dropped.
        given: probabilities to be used in place of those of q and k.
    """

    index: int
    layer: Layer
    q: Tensor
    k: Tensor
    v: Tensor
    bias: Tensor | None
    scale: float
    dropout: float = 0.0
    given: Tensor | None = None

    def probabilities(self) -> Tensor:
        """Return who looks at whom, (b, heads, queries, keys) float32; each row sums to one."""
        if self.given is not None:
            return self.given
        logits = self.q.float() @ self.k.float().transpose(-1, -2) * self.scale
        return (logits if self.bias is None else logits + self.bias).softmax(-1)

    def looks_of_cells(self, rows: Sequence[int], at: slice) -> Tensor:
        """Return how much each cell looks at some of the keys, (rows, cells, keys) float32.

        ``at`` is the text or the picture of the layer. The mean over heads, made of ``AT_ONCE``
        probabilities at a time: all of them are gigabytes where many cells look at one another too.
        """
        heads, each = self.q.shape[1], self.layer.cells * self.layer.keys
        few, step = max(1, AT_ONCE // (each * heads)), max(1, AT_ONCE // each)
        found = []
        for first in range(0, len(rows), few):
            parts = (
                self._part(rows[first : first + few], slice(head, head + step)).probabilities()
                for head in range(0, heads, step)
            )
            looks = (part[..., at].sum(1) for part in parts)
            found.append(reduce(torch.add, looks) / heads)
        return torch.cat(found)

    def _part(self, rows: Sequence[int], heads: slice) -> Attention:
        """Return the call for these rows and heads, and for those that look and are cells."""
        size, cells = (*self.q.shape[:3], self.k.shape[2]), self.layer.picture

        def cut(values: Tensor | None) -> Tensor | None:
            return None if values is None else values.expand(size)[rows, heads, cells]

        q, k = self.q[rows, heads, cells], self.k[rows, heads]
        return replace(self, q=q, k=k, bias=cut(self.bias), given=cut(self.given))

    def with_probabilities(self, given: Tensor) -> Attention:
        """Return the call with other probabilities, (b, heads, queries, keys)."""
        return replace(self, given=given)

    def reweighted(self, weights: Tensor) -> Attention:
        """Return the call with keys that count ``weights`` times as much; rows still sum to one.

        The weights, at least 0, broadcast to (b, heads, queries, keys): log c goes to the logits.
        """
        if self.given is not None:
            heavier = self.given * weights
            return replace(self, given=heavier / heavier.sum(-1, keepdim=True))
        added = torch.atleast_2d(weights.float().log())  # as SDPA wants a mask
        return replace(self, bias=added if self.bias is None else self.bias + added)

    def answer(self) -> Tensor:
        """Return what the layer gives, (b, heads, queries, d)."""
        if self.given is not None:
            kept = torch.nn.functional.dropout(self.given, self.dropout)
            return (kept @ self.v.float()).to(self.v.dtype)
        bias = None if self.bias is None else self.bias.to(self.q.dtype)
        return scaled_dot_product_attention(
            self.q, self.k, self.v, attn_mask=bias, dropout_p=self.dropout, scale=self.scale
        )


Control = Callable[[Attention], Attention]
"""Sees a call and gives it back, itself (then no bit changes) or changed."""


def attending(model: DiffusionModel, control: Control) -> DiffusionModel:
    """Return what stands in for the model, with all attention of ``predict`` led through control.

    Raises ``UnsupportedError`` for a model that is not ``Attentive``; its ``predict`` does so where
    not every attention of the network was seen.
    """
    return _Attending(model, attentive(model), control).as_model


class _Attending(StandIn):
    def __init__(self, model: DiffusionModel, layout: Attentive, control: Control) -> None:
        super().__init__(model)
        self._layout, self._control = layout, control

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        layers = self._layout.attention_layers(z, text)
        with _Mode(layers, self._control, rows=len(z)) as mode:
            found = self._model.predict(z, sigma, text)
        if mode.seen != len(layers):
            raise UnsupportedError(
                f"{mode.seen} of the {len(layers)} attentions of {self._model.name!r} were seen",
                hint=REMEDY,
            )
        return found


class _Mode(TorchFunctionMode):
    """Leads the attentions of one call of a network through a control, on this thread only."""

    def __init__(self, layers: Sequence[Layer], control: Control, *, rows: int) -> None:
        super().__init__()
        self.seen = 0
        self._layers, self._control, self._rows = layers, control, rows

    def __torch_function__(
        self,
        func: Callable[..., Any],  # Any: all of torch's functions come through here
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is not scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        call = self._call(*args, **(kwargs or {}))
        controlled = call if call.layer.kind == "words" else self._control(call)
        if controlled is call:  # what is not touched is computed as it always is, bit for bit
            return func(*args, **(kwargs or {}))
        answer = controlled.answer()
        return as_they_came(answer, call.layer) if call.layer.lengths else answer

    def _call(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Attention:
        index = self.seen
        layer = self._expected(query, key)
        self.seen += 1
        if enable_gqa:  # each head of the keys serves several of the queries
            shared = query.shape[-3] // key.shape[-3]
            key, value = (each.repeat_interleave(shared, -3) for each in (key, value))
        found = Attention(
            index=index,
            layer=layer,
            q=query,
            k=key,
            v=value,
            bias=_bias(_causal(query, key) if is_causal else attn_mask),
            scale=1 / math.sqrt(query.shape[-1]) if scale is None else scale,
            dropout=dropout_p,
        )
        return _lined_up(found) if layer.lengths else found

    def _expected(self, query: Tensor, key: Tensor) -> Layer:
        if self.seen < len(self._layers):
            layer = self._layers[self.seen]
            asked = (self._rows, *layer.asked)
            if (query.ndim, len(query), query.shape[-2], key.shape[-2]) == (4, *asked):
                return layer
            told = f"{asked[1]} that look at {asked[2]}, for {asked[0]} rows"
        else:
            told = "no further one"
        raise UnsupportedError(
            f"attention {self.seen} of the network has {query.shape[-2]} that look at "
            f"{key.shape[-2]}, for {len(query)} rows, where the model says: {told}",
            hint=REMEDY,
        )


def _lined_up(call: Attention) -> Attention:
    """Return a call with its tokens in line; what the network masks is what fills up."""
    layer = call.layer
    q, k, v = (lined_up(each, layer) for each in (call.q, call.k, call.v))
    return replace(call, q=q, k=k, v=v, bias=filling(layer, q))


def _causal(query: Tensor, key: Tensor) -> Tensor:
    allowed = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=query.device)
    return allowed.tril()


def _bias(mask: Tensor | None) -> Tensor | None:
    """Return a mask, bool (True: may be looked at) or added already, as what is added."""
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, -math.inf)
