"""What both trainings share: optimiser, schedule, averaged weights, exact resume."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, TypeVarTuple, get_args

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from textseg.lab.training.muon import Muon, suits

MEASURED_SECONDS = 0.1  # for each precision

Inputs = TypeVarTuple("Inputs")
Output = TypeVar("Output")


Precision = Literal["float32", "bfloat16"]
"""Of the numbers that a step computes with; weights, losses and updates are float32 throughout."""


def autocast(
    device: torch.device, precision: Precision
) -> AbstractContextManager[Any]:  # torch types its contexts as Any
    """Return the context in which a step computes with numbers of this precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def faster_precision(device: torch.device) -> Precision:
    """Return the precision in which a step is faster here: bfloat16 on a GPU, else as measured.

    What a processor says of itself does not tell: of two that have the instructions, one made 1.9
    times as many convolutions in bfloat16, the other a little over half as many. Torch calls
    bfloat16 supported without them too, where it takes two to four times as long.
    """
    if device.type == "cuda":
        return "bfloat16"
    rounds = {precision: _rounds_a_second(precision) for precision in get_args(Precision)}
    return "bfloat16" if rounds["bfloat16"] > rounds["float32"] else "float32"


def chosen_precision(wanted: Precision | Literal["auto"], device: torch.device) -> Precision:
    """Return the precision that is wanted; "auto" is the faster one here."""
    return faster_precision(device) if wanted == "auto" else wanted


def _rounds_a_second(precision: Precision) -> float:
    """Return how often one convolution of a denoiser goes forward and back in a second of work."""
    convolution = nn.Conv2d(96, 96, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    z = torch.ones(32, 96, 16, 16).contiguous(memory_format=torch.channels_last)

    def go() -> None:
        with autocast(torch.device("cpu"), precision):
            loss = convolution(z).square().mean()
        loss.backward()

    go()  # the first one chooses and compiles its kernel
    rounds, start, until = 0, time.process_time(), time.monotonic() + MEASURED_SECONDS
    while time.monotonic() < until or not rounds:
        go()
        rounds += 1
    return rounds / max(time.process_time() - start, 1e-9)


def compiling_pays(device: torch.device) -> bool:
    """Return whether a compiled step wins back what compiling costs: on a GPU.

    On one core with AVX2 four fifths of a step are convolutions and matrix products, which stay the
    same calls: compiled steps were 3 to 5 % faster, after eight minutes of compiling. That it pays
    on a GPU is expected, not measured.
    """
    return device.type == "cuda"


def compiled(function: Callable[[*Inputs], Output]) -> Callable[[*Inputs], Output]:
    """Return the function compiled for the shapes it meets.

    Where it cannot be compiled (most often for want of a C++ compiler, or of Triton on a GPU) the
    first call warns, and this and all later calls run the function as it is.
    """
    from torch._dynamo.exc import TorchDynamoException  # late: takes seconds to import

    run: Callable[[*Inputs], Output] = torch.compile(function, dynamic=False, fullgraph=True)

    def call(*inputs: *Inputs) -> Output:
        nonlocal run
        try:
            with warnings.catch_warnings():
                # diffusers asks a cached function for torch's version; compiled code asks again
                warnings.filterwarnings("ignore", "Dynamo detected a call to a `functools.lru")
                return run(*inputs)
        except TorchDynamoException as error:
            reason = str(error).strip().partition("\n")[0]
            warnings.warn(f"Training goes on without torch.compile: {reason}", stacklevel=2)
            run = function
            return run(*inputs)

    return call


@dataclass(frozen=True)
class RateSchedule:
    """Learning rate over steps: linear warm-up, flat, then linear decay to a fiftieth.

    Where training has a time as well, whichever of steps and time is further on counts, so that it
    ends with a small rate either way.

    Attributes:
        peak: the highest learning rate.
        total: number of steps.
        warmup: steps of the warm-up.
        flat: share of the training before the decay begins.
        seconds: time that training may take; None for as long as its steps take.
    """

    peak: float
    total: int
    warmup: int = 150
    flat: float = 0.3
    seconds: float | None = None

    def done(self, step: int, spent: float) -> float:
        """Return the share of the training that lies behind, after that many seconds."""
        return max(step / self.total, 0.0 if self.seconds is None else spent / self.seconds)

    def __call__(self, step: int, spent: float = 0.0) -> float:
        """Return the learning rate of a step (counted from 0), after that many seconds."""
        falling = max(0.0, self.done(step, spent) - self.flat) / (1 - self.flat)
        return self.peak * min(1.0, (step + 1) / self.warmup) * (1 - 0.98 * min(1.0, falling))


@dataclass
class Trainer:
    """Gradient clipping, an exponential moving average and exact resume.

    Randomness of a step depends on `seed` and the step's number alone, so that a resumed run
    repeats what an uninterrupted one does, unless its learning rate falls by the clock.

    Attributes:
        model: what is trained, in place.
        schedule: learning rate and number of steps.
        checkpoint: file that `update` renews every `every` seconds; None keeps nothing.
        seed: of everything random.
        device: where the model lies.
        ema: decay of the averaged weights once warmed up.
        every: seconds between checkpoints.
        optimizer: AdamW for everything, or Muon for the weights of hidden layers.
        precision: of the numbers that a step computes with.
    """

    model: Any  # an nn.Module whose attributes the caller uses (AutoencoderKL, TextToNoise)
    schedule: RateSchedule
    checkpoint: Path | None
    seed: int
    device: torch.device
    ema: float = 0.998
    every: float = 180.0
    optimizer: Literal["adamw", "muon"] = "adamw"
    precision: Precision = "float32"
    step: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Build the optimiser and take up a checkpoint where there is one."""
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizers = self._optimizers()
        self.average = [p.detach().clone() for p in self.parameters]
        self._running: Tensor | None = None
        self.spent = 0.0
        self._saved = self._ticked = time.monotonic()
        if self.checkpoint is not None and self.checkpoint.exists():
            self._load(torch.load(self.checkpoint, map_location=self.device, weights_only=True))

    def _optimizers(self) -> list[Optimizer]:
        named = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        hidden = [p for name, p in named if self.optimizer == "muon" and suits(name, p)]
        chosen = {id(p) for p in hidden}
        rest = [p for p in self.parameters if id(p) not in chosen]
        peak = self.schedule.peak
        plain = AdamW(rest, peak, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
        return [plain, Muon(hidden, peak)] if hidden else [plain]

    def steps(self) -> Iterator[int]:
        """Yield the numbers of the steps still to do, with the generators seeded for each."""
        self._ticked = time.monotonic()
        while self.schedule.done(self.step, self.spent) < 1:
            torch.manual_seed(self.seed * 1_000_003 + self.step)
            yield self.step

    def autocast(self) -> AbstractContextManager[Any]:  # torch types its contexts as Any
        """Return the context in which the loss of a step is computed."""
        return autocast(self.device, self.precision)

    def update(self, loss: Tensor) -> Tensor:
        """Take one optimiser step down the loss; returns the running loss.

        Nothing here waits for a GPU but what is kept of every hundredth step.
        """
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.schedule(self.step, self.spent)
            optimizer.step()
        decay = min(self.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.parameters, 1 - decay)
        self.step += 1
        now = time.monotonic()
        self.spent += now - self._ticked
        self._ticked = now
        return self._note(loss.detach())

    def _note(self, loss: Tensor) -> Tensor:
        self._running = loss if self._running is None else self._running.lerp(loss, 0.01)
        if self.step % 100 == 0:
            self.losses.append((self.step, float(self._running)))
        if (
            time.monotonic() - self._saved > self.every
            or self.schedule.done(self.step, self.spent) >= 1
        ):
            self.save()
        return self._running

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        self._saved = time.monotonic()
        if self.checkpoint is None:
            return
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(
            {
                "parameters": [p.detach() for p in self.parameters],
                "average": self.average,
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                "step": self.step,
                "spent": self.spent,
                "running": self._running,
                "losses": self.losses,
            },
            partial,
        )
        os.replace(partial, self.checkpoint)

    def _load(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            for parameter, value in zip(self.parameters, state["parameters"], strict=True):
                parameter.copy_(value)
        self.average = list(state["average"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.step, self.spent = state["step"], state["spent"]
        self._running, self.losses = state["running"], state["losses"]

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Has the averaged weights in the model while the context lasts."""
        kept = [p.detach().clone() for p in self.parameters]
        self.use_average()
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(self.parameters, kept)

    def use_average(self) -> None:
        """Put the averaged weights into the model (after training)."""
        with torch.no_grad():
            for parameter, value in zip(self.parameters, self.average, strict=True):
                parameter.copy_(value)
