"""Names of models and of edit methods, and what each loads.

Other packages add theirs through entry points. One in the group ``textseg.models`` names a function
``load(*, device: str, dtype: str, local_files_only: bool) -> DiffusionModel``; one in the group
``textseg.methods`` names a class that is an ``EditMethod``: a pydantic dataclass of its options.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import is_pydantic_dataclass

from textseg.errors import InvalidInputError, ModelError, UnknownNameError, problem_words
from textseg.plugins import loaded, plugins

if TYPE_CHECKING:
    import torch
    from diffusers import DiffusionPipeline

    from textseg.diffusion.model import DiffusionModel
    from textseg.editing.base import EditMethod

GROUP, METHOD_GROUP = "textseg.models", "textseg.methods"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_METHOD_PARTS = ("title", "paper", "run")


class Loader(Protocol):
    """Loads one registered model."""

    def __call__(self, *, device: str, dtype: str, local_files_only: bool) -> DiffusionModel:
        """Return the model on ``device`` in ``dtype``, both with "auto" as a possible value."""


@dataclass(frozen=True)
class ModelInfo:
    """A registered model, for listings: its name, what it is, and the package it comes from."""

    name: str
    description: str
    package: str


def models() -> list[ModelInfo]:
    """Return what is registered, by name. Loads nothing."""
    own = [ModelInfo(name, text, "textseg") for name, (text, _) in MODELS.items()]
    others = [
        ModelInfo(point.name, point.value, point.dist.name if point.dist else "")
        for point in _plugins()
    ]
    return sorted(own + others, key=lambda info: info.name)


def load_model(
    model: str | os.PathLike[str] | DiffusionPipeline | DiffusionModel,
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    local_files_only: bool = False,
) -> DiffusionModel:
    """Return the model behind a name, a diffusers folder, a hub id or a loaded pipeline.

    ``device`` is "auto", "cpu", "cuda", "cuda:1", "mps"; ``dtype`` is "auto", "float32", "float16",
    "bfloat16"; those of torch will do as well. ``local_files_only`` keeps off the network.
    Registered models are loaded once for each device and dtype and then shared; a model that is one
    already comes back as it is. Raises ``UnknownNameError`` (with the known names), ``ModelError``,
    ``UnsupportedError``.
    """
    device, dtype = str(device), str(dtype).removeprefix("torch.")
    if not isinstance(model, str | os.PathLike):
        return _wrap(model, device=device, dtype=dtype)
    name = os.fspath(model)
    loader = _find(name)
    if loader is not None:
        return _cached(name, loader, device=device, dtype=dtype, local_files_only=local_files_only)
    from textseg.backends.diffusers_unet import load_unet_model

    source = os.path.expanduser(name)
    _check_is_source(source)
    return load_unet_model(source, device=device, dtype=dtype, local_files_only=local_files_only)


def check_model(model: str) -> None:
    """Raise what ``load_model`` does for a name that stands for nothing. Loads nothing."""
    if model not in MODELS and model not in {point.name for point in _plugins()}:
        _check_is_source(os.path.expanduser(model))


def _load_picturebook(*, device: str, dtype: str, local_files_only: bool) -> DiffusionModel:
    from textseg import picturebook
    from textseg.backends.diffusers_unet import load_unet_model

    return load_unet_model(
        picturebook.weights_folder(),
        device=device,
        dtype=dtype,
        local_files_only=True,
        name="picturebook",
        known_words=picturebook.known_words(),
    )


MODELS: Mapping[str, tuple[str, Loader]] = {
    "picturebook": (
        "small model that ships with the package: picture-book scenes, a closed vocabulary",
        _load_picturebook,
    ),
}

CAPTIONERS: Mapping[str, str] = {"picturebook": "picturebook"}
"""Name of a model -> the captioner that speaks its words."""


def captioner_of(model_name: str) -> str | None:
    """Return the name of the captioner that belongs to a model, None where there is none."""
    return CAPTIONERS.get(model_name)


ATTEMPTS: Mapping[str, int] = {"picturebook": 4}
"""Name of a model -> how often an edit is made where nobody says, to keep the best."""

MOST_ATTEMPTS = 64
"""How often an edit may be made at most, on every surface."""


def attempts_of(model_name: str) -> int:
    """Return how many attempts at an edit suit a model; 1 where nothing is known of it."""
    return ATTEMPTS.get(model_name, 1)


_CACHE: dict[tuple[str, str, str], DiffusionModel] = {}
_LOCK = threading.Lock()


def _cached(
    name: str, loader: Loader, *, device: str, dtype: str, local_files_only: bool
) -> DiffusionModel:
    key = (name, device, dtype)
    with _LOCK:  # held while loading, so that two threads never load the same weights twice
        if key not in _CACHE:
            _CACHE[key] = loader(device=device, dtype=dtype, local_files_only=local_files_only)
        return _CACHE[key]


def _plugins() -> list[EntryPoint]:
    return plugins(GROUP, own=MODELS)


def _find(name: str) -> Loader | None:
    if name in MODELS:
        return MODELS[name][1]
    point = next((point for point in _plugins() if point.name == name), None)
    if point is None:
        return None
    loader: Loader = loaded(point, "model")
    return loader


def _wrap(model: DiffusionPipeline | DiffusionModel, *, device: str, dtype: str) -> DiffusionModel:
    from diffusers import DiffusionPipeline

    from textseg.backends.diffusers_unet import wrap_pipeline
    from textseg.diffusion.model import DiffusionModel

    if isinstance(model, DiffusionPipeline):
        return wrap_pipeline(model, device=device, dtype=dtype)
    if not isinstance(model, DiffusionModel):
        raise InvalidInputError(
            "a model must be a name, a folder, a hub id or a loaded pipeline, "
            f"got {type(model).__name__}"
        )
    return model


def _check_is_source(name: str) -> None:
    """Raise when ``name`` can be neither an existing file or folder nor a hub id."""
    if Path(name).exists():
        return
    if _looks_like_path(name):
        raise ModelError(
            f"there is no model folder {name!r}",
            hint=f"check the path, or use a registered name ({', '.join(_names())}) or a hub id",
        )
    if not HUB_ID.fullmatch(name):
        raise UnknownNameError.among(
            "model",
            name,
            _names(),
            hint='or give a diffusers folder, or a hub id like "owner/name"',
        )


def _looks_like_path(name: str) -> bool:
    parts = Path(name).parts
    return (
        Path(name).is_absolute()
        or name.startswith(".")
        or name.endswith(("/", os.sep, ".safetensors", ".ckpt"))
        or len(parts) > 2
        or "\\" in name
    )


def _names() -> Iterable[str]:
    return [info.name for info in models()]


METHODS: Mapping[str, str] = {
    "diffedit": "textseg.editing.diffedit:DiffEdit",
    "blended": "textseg.editing.blended:BlendedLatentDiffusion",
    "sdedit": "textseg.editing.sdedit:SDEdit",
    "flowedit": "textseg.editing.flowedit:FlowEdit",
    "mdp": "textseg.editing.mdp:MDP",
}


@dataclass(frozen=True)
class OptionInfo:
    """One option of a method.

    Attributes:
        name: the keyword.
        type: "number", "integer", "boolean" or "string".
        default: its value unless given.
        description: what it does.
        minimum: the lowest value, or what it must be above when ``open_below``; None: no limit.
        maximum: the highest value; None: no limit.
        open_below: the minimum itself is not allowed.
        choices: the only values, () where any of the type will do.
    """

    name: str
    type: str
    default: object
    description: str
    minimum: float | None = None
    maximum: float | None = None
    open_below: bool = False
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The values that it can have, in words; "" where all of its type will do."""
        if self.choices:
            return ", ".join(self.choices)
        least, above = (None, self.minimum) if self.open_below else (self.minimum, None)
        return range_words(least=least, above=above, most=self.maximum)


@dataclass(frozen=True)
class MethodInfo:
    """A registered edit method, for listings.

    Attributes:
        name: to ask for it.
        title: of the method.
        paper: where it was published.
        options: what can be set.
        package: where it comes from.
        error: why it cannot be used; "" where it can. Only name and package are known then.
    """

    name: str
    title: str
    paper: str
    options: tuple[OptionInfo, ...]
    package: str
    error: str = ""


def range_words(
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> str:
    """Return a range in words; "" without limits.

    >>> range_words(above=0, most=1)
    'above 0, at most 1'
    """
    if least is not None and most is not None:
        return f"{least} to {most}"
    limits = {"at least": least, "above": above, "at most": most, "below": below}
    return ", ".join(f"{word} {value}" for word, value in limits.items() if value is not None)


def methods() -> list[MethodInfo]:
    """Return the registered edit methods, by name; one that is broken is told with its error."""
    points = {point.name: point.dist.name if point.dist else "" for point in _method_plugins()}
    packages = {**points, **dict.fromkeys(METHODS, "textseg")}
    return [_method_info(name, packages[name]) for name in sorted(packages)]


def method_names() -> list[str]:
    """Return the names of the registered edit methods. Loads none of them."""
    return sorted({*METHODS, *(point.name for point in _method_plugins())})


def make_method(
    method: str | EditMethod, options: Mapping[str, object] | None = None
) -> EditMethod:
    """Return a method by its name with some of its options set, or one that is there already.

    Raises:
        UnknownNameError: no such method, or it has no such option; the message lists those it has.
        InvalidInputError: an option out of its range.
    """
    from dataclasses import asdict

    from textseg.editing.base import EditMethod

    given = {name: value for name, value in (options or {}).items() if value is not None}
    if isinstance(method, str):
        return _made(_method_class(method), given)
    if not isinstance(method, EditMethod) or isinstance(method, type):
        raise InvalidInputError(
            f"a method is a name or an EditMethod, got {type(method).__name__}",
            hint=f"names: {', '.join(sorted(METHODS))}",
        )
    return _made(type(method), {**asdict(cast(Any, method)), **given}) if given else method


def method_name(method: str | EditMethod) -> str:
    """Return the registered name of a method; of an unregistered one, its class's name."""
    if isinstance(method, str):
        return method
    home = f"{type(method).__module__}:{type(method).__qualname__}"
    points = {point.value: point.name for point in _method_plugins()}
    names = {where: name for name, where in METHODS.items()} | points
    return names.get(home, type(method).__name__)


def _made(kind: type[EditMethod], options: Mapping[str, object]) -> EditMethod:
    known = _properties(kind)
    for name in options:
        if name not in known:
            raise UnknownNameError.among(f"option of {kind.__name__}", name, known)
    try:
        return kind(**options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        allowed = _option(name, known[name]).allowed
        hint = f"allowed: {allowed}" if allowed else ""
        raise InvalidInputError(
            f"{name}: {problem_words(first)}, got {first['input']!r}", hint=hint
        ) from None


def _method_class(name: str) -> type[EditMethod]:
    point = next((point for point in _method_plugins() if point.name == name), None)
    if name in METHODS:
        point = EntryPoint(name, METHODS[name], METHOD_GROUP)
    if point is None:
        raise UnknownNameError.among("method", name, method_names())
    kind = loaded(point, "method")
    if not is_pydantic_dataclass(kind) or not all(hasattr(kind, part) for part in _METHOD_PARTS):
        raise ModelError(
            f"method {name!r} is registered as {point.value}, which is not a pydantic dataclass "
            f"with {', '.join(_METHOD_PARTS)}",
            hint="update or remove the package that registers it",
        )
    return cast("type[EditMethod]", kind)


def _method_plugins() -> list[EntryPoint]:
    return plugins(METHOD_GROUP, own=METHODS)


def _method_info(name: str, package: str) -> MethodInfo:
    try:
        kind = _method_class(name)
        options = tuple(_option(option, facts) for option, facts in _properties(kind).items())
    except Exception as error:  # whatever another package did must not take the others away
        return MethodInfo(name, "", "", (), package, " ".join(str(error).split()))
    return MethodInfo(name, kind.title, kind.paper, options, package)


def _properties(kind: type[EditMethod]) -> dict[str, dict[str, Any]]:  # a JSON schema
    return dict(TypeAdapter(kind).json_schema()["properties"])


def _option(name: str, facts: Mapping[str, Any]) -> OptionInfo:  # part of a JSON schema
    return OptionInfo(
        name=name,
        type=facts["type"],
        default=facts["default"],
        description=facts.get("description", ""),
        minimum=facts.get("minimum", facts.get("exclusiveMinimum")),
        maximum=facts.get("maximum"),
        open_below="exclusiveMinimum" in facts,
        choices=tuple(facts.get("enum", ())),
    )
