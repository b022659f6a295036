"""Names of edit methods, and what can be set of each.

Another package adds one through an entry point in the group ``textseg.methods``: a class that is an
``EditMethod``, a pydantic dataclass of its options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import is_pydantic_dataclass

from textseg.errors import InvalidInputError, ModelError, UnknownNameError, problem_words
from textseg.fields import OptionInfo, read_option
from textseg.registry.named import Names, Own

if TYPE_CHECKING:
    from textseg.editing.base import EditMethod

_METHOD_PARTS = ("title", "paper", "run")
METHODS = Names("method", "textseg.methods", {
    "diffedit": Own("textseg.editing.diffedit:DiffEdit"),
    "blended": Own("textseg.editing.blended:BlendedLatentDiffusion"),
    "blended_diffusion": Own("textseg.editing.blended_diffusion:BlendedDiffusion"),
    "sdedit": Own("textseg.editing.sdedit:SDEdit"),
    "flowedit": Own("textseg.editing.flowedit:FlowEdit"),
    "mdp": Own("textseg.editing.mdp:MDP"),
    "prompt_to_prompt": Own("textseg.editing.prompt_to_prompt:PromptToPrompt"),
    "masactrl": Own("textseg.editing.masactrl:MasaCtrl"),
    "pix2pix_zero": Own("textseg.editing.pix2pix_zero:Pix2PixZero"),
    "plug_and_play": Own("textseg.editing.plug_and_play:PlugAndPlay"),
    "ledits_pp": Own("textseg.editing.ledits_pp:LEditsPP"),
    "hiper": Own("textseg.editing.hiper:HiPer"),
    "imagic": Own("textseg.editing.imagic:Imagic"),
    "sine": Own("textseg.editing.sine:SINE"),
    "dreambooth": Own("textseg.editing.dreambooth:DreamBooth"),
    "unipaint": Own("textseg.editing.unipaint:UniPaint"),
    "edit_friendly": Own("textseg.editing.edit_friendly:EditFriendly"),
    "asyrp": Own("textseg.editing.asyrp:Asyrp"),
    "chordedit": Own("textseg.editing.chordedit:ChordEdit"),
    "dds": Own("textseg.editing.dds:DeltaDenoisingScore"),
    "egsde": Own("textseg.editing.egsde:EGSDE"),
    "rf_inversion": Own("textseg.editing.rf_inversion:RFInversion"),
    "null_text": Own("textseg.editing.null_text:NullText"),
    "negative_prompt_inversion": Own(
        "textseg.editing.negative_prompt_inversion:NegativePromptInversion"
    ),
})  # fmt: skip


@dataclass(frozen=True)
class MethodInfo:
    """A registered edit method, for listings.

    Attributes:
        name: to ask for it.
        title: of the method.
        paper: where it was published.
        options: what can be set.
        package: where it comes from.
        suits: kinds of change that it is for.
        needs: what it asks of a model or of the caller.
        cost: network evaluations in words.
        error: why it cannot be used; "" where it can. Only name and package are known then.
    """

    name: str
    title: str
    paper: str
    options: tuple[OptionInfo, ...]
    package: str
    suits: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    cost: str = ""
    error: str = ""


def methods() -> list[MethodInfo]:
    """Return the registered edit methods, by name; one that is broken is told with its error."""
    return [_method_info(point) for point in METHODS.points()]


def method_names() -> list[str]:
    """Return the names of the registered edit methods. Loads none of them."""
    return METHODS.names()


def make_method(
    method: str | EditMethod, options: Mapping[str, object] | None = None
) -> EditMethod:
    """Return a method by its name with some of its options set, or one that is there already.

    Raises:
        UnknownNameError: no such method, or it has no such option; the message lists those it has.
        InvalidInputError: an option out of its range.
    """
    from textseg.editing.base import Walking
    from textseg.editing.painting import Painting

    given = {name: value for name, value in (options or {}).items() if value is not None}
    if isinstance(method, str):
        return _made(_method_class(method), given)
    if not isinstance(method, Walking | Painting) or isinstance(method, type):
        raise InvalidInputError(
            f"a method is a name or an EditMethod, got {type(method).__name__}",
            hint=f"names: {', '.join(METHODS.names())}",
        )
    if not given:
        return method
    kept = {option.name: getattr(method, option.name) for option in fields(cast(Any, method))}
    return _made(type(method), {**kept, **given})


def method_name(method: str | EditMethod) -> str:
    """Return the registered name of a method; of an unregistered one, its class's name."""
    if isinstance(method, str):
        return method
    home = f"{type(method).__module__}:{type(method).__qualname__}"
    names = {point.value: point.name for point in METHODS.points()}
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
        allowed = read_option(name, known[name]).allowed
        hint = f"allowed: {allowed}" if allowed else ""
        raise InvalidInputError(
            f"{name}: {problem_words(first)}, got {first['input']!r}", hint=hint
        ) from None


def _method_class(name: str) -> type[EditMethod]:
    kind = METHODS.find(name)
    if kind is None:
        raise UnknownNameError.among("method", name, method_names())
    if not is_pydantic_dataclass(kind) or not all(hasattr(kind, part) for part in _METHOD_PARTS):
        where = next(point.value for point in METHODS.points() if point.name == name)
        raise ModelError(
            f"method {name!r} is registered as {where}, which is not a pydantic dataclass "
            f"with {', '.join(_METHOD_PARTS)}",
            hint="update or remove the package that registers it",
        )
    return cast("type[EditMethod]", kind)


def _method_info(point: EntryPoint) -> MethodInfo:
    name, package = point.name, METHODS.package_of(point)
    try:
        kind = _method_class(name)
        options = tuple(read_option(option, facts) for option, facts in _properties(kind).items())
    except Exception as error:  # whatever another package did must not take the others away
        return MethodInfo(name, "", "", (), package, error=" ".join(str(error).split()))
    told: dict[str, Any] = {  # Any: their kinds differ
        part: getattr(kind, part) for part in ("suits", "needs", "cost") if hasattr(kind, part)
    }
    return MethodInfo(name, kind.title, kind.paper, options, package, **told)


def _properties(kind: type[EditMethod]) -> dict[str, dict[str, Any]]:  # a JSON schema
    return dict(TypeAdapter(kind).json_schema()["properties"])
