"""What assistants may say to each tool: flat, without unions, little of it required.

Many clients refuse unions, and strict ones send null for every argument that they do not use; so
each optional argument has a plain type and a default that means "not given", and null and "" mean
the same. What a person decides on (the model, limits, where files go) is no argument at all. Every
input turns into the arguments of the toolbox, which all other surfaces use.

What models are shown of an input is ``shown_schema``: defaults, lengths and ranges are refused by
one strict mode or the other, so descriptions say what has to be known of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from textseg.errors import InvalidInputError
from textseg.segmentation.picking import says_beside
from textseg.toolbox import (
    AskArguments,
    CompareArguments,
    CreateArguments,
    DescribeArguments,
    EditArguments,
    ExportArguments,
    ListArguments,
    SegmentArguments,
    UndoArguments,
    check_arguments,
)
from textseg.toolbox.looking_facts import About

FOUND = -1.0
"""The threshold that means: cut where the mask divides best."""
OWN = 0.0
"""The strength, and the side, that mean: what suits."""

ImageName = Annotated[
    str, Field(max_length=200, description='Handle, file name or "latest" (default).')
]
Latest = Annotated[str, Field(max_length=200, description='Default: "latest".')]
Phrase = Annotated[str, Field(max_length=200)]
Exclude = Annotated[Phrase, Field(description="Another thing to spare.")]
Invert = Annotated[bool, Field(description="Everything except that.")]
Seed = Annotated[int, Field(ge=0, lt=2**53, description="Another seed, another attempt.")]
RegionWords = Annotated[
    str, Field(max_length=60, description='Which if several: "left", "second from the right", "2".')
]


Schema = dict[str, Any]  # Any: JSON

_SHOWN = frozenset({"type", "enum", "items", "description"})


class ToolInput(BaseModel):
    """An input that reads null and "" as "not given", and refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _null_means_not_given(cls, values: Any) -> Any:  # Any: before validation it is anything
        if not isinstance(values, Mapping):
            return values
        fields = cls.model_fields
        return {
            name: value
            for name, value in values.items()
            if value not in (None, "") or name not in fields or fields[name].is_required()
        }


class SegmentInput(ToolInput):
    """Of ``segment_image``."""

    query: Phrase = Field(default="", description='Short noun phrase, e.g. "red house".')
    queries: list[Phrase] = Field(
        default_factory=list, description="Several, each with its own mask."
    )
    image: ImageName = "latest"
    exclude: Exclude = ""
    invert: Invert = False
    region: RegionWords = ""
    threshold: float = Field(
        default=FOUND, ge=FOUND, le=1, description="0 to 1, lower finds more; -1: by itself."
    )
    seed: Seed = 0

    def arguments(self) -> SegmentArguments:
        """Return the arguments of the toolbox."""
        values = self.model_dump(exclude={"query", "threshold"}) | {"queries": _together(self)}
        if self.threshold >= 0:
            values["threshold"] = self.threshold
        return check_arguments(SegmentArguments, values)


class EditInput(ToolInput):
    """Of ``edit_image``."""

    operation: Literal["replace", "remove", "add", "setting"] = Field(
        default="replace",
        description='Default: replace, also to recolour. Setting: only a target, e.g. "at night".',
    )
    query: Phrase = Field(default="", description="What is there now.")
    target: Phrase = Field(default="", description="What it becomes, or what to add.")
    image: ImageName = "latest"
    mask: str = Field(default="", max_length=200, description="Mask handle, instead of a query.")
    exclude: Exclude = ""
    invert: Invert = False
    region: str = Field(
        default="",
        max_length=60,
        description='Which if several, e.g. "left". To add: "bottom left", "left of the car" ...',
    )
    strength: float = Field(default=OWN, ge=0, le=1, description="How much, up to 1; 0: default.")
    seed: Seed = 0

    def arguments(self) -> EditArguments:
        """Return the arguments of the toolbox."""
        values = self.model_dump(exclude={"mask", "strength"})
        if self.mask:
            values["mask"] = self.mask
        if self.strength > OWN:
            values["strength"] = self.strength
        if self.operation == "add" and says_beside(self.region):
            values |= {"region": "", "relative_to": self.region}
        return check_arguments(EditArguments, values)


class GenerateInput(ToolInput):
    """Of ``generate_and_edit``."""

    prompt: str = Field(min_length=1, max_length=500, description="What the picture shows.")
    operation: Literal["replace", "remove"] = Field(
        default="replace", description="Of the change; default: replace."
    )
    query: Phrase = Field(default="", description="What to change afterwards.")
    target: Phrase = Field(default="", description="What that becomes.")
    width: int = Field(default=0, ge=0, le=8192)
    height: int = Field(default=0, ge=0, le=8192)
    seed: int = Field(default=0, ge=0, lt=2**53)

    def arguments(self) -> CreateArguments:
        """Return the arguments of the toolbox."""
        values: dict[str, object] = {"prompt": self.prompt, "seed": self.seed}
        if self.query or self.target:
            target = "" if self.operation == "remove" else self._target()
            values["changes"] = [{"query": self.query, "target": target}]
        if self.width or self.height:
            side = self.width or self.height
            values["size"] = [self.height or side, self.width or side]
        return check_arguments(CreateArguments, values)

    def _target(self) -> str:
        if not self.target:
            raise InvalidInputError(
                f"nothing says what {self.query!r} is to become",
                hint='give a target, or the operation "remove"',
            )
        return self.target


class DescribeInput(ToolInput):
    """Of ``describe_image``."""

    image: Latest = "latest"

    def arguments(self) -> DescribeArguments:
        """Return the arguments of the toolbox."""
        return check_arguments(DescribeArguments, self.model_dump())


class AskInput(ToolInput):
    """Of ``ask_image``."""

    about: About
    query: Phrase = Field(default="", description="A noun phrase.")
    other: Phrase = Field(default="", description="For larger, relation.")
    queries: list[Phrase] = Field(default_factory=list, description="Several.")
    region: str = Field(default="", max_length=60, description="Which if several.")
    image: Latest = "latest"

    def arguments(self) -> AskArguments:
        """Return the arguments of the toolbox."""
        values = self.model_dump(exclude={"query"}) | {"queries": _together(self)}
        return check_arguments(AskArguments, values)


class ListInput(ToolInput):
    """Of ``list_images``."""

    limit: int = Field(default=10, ge=1, le=50, description="1 to 50.")
    name: str = Field(default="", max_length=200, description="Only near ones.")

    def arguments(self) -> ListArguments:
        """Return the arguments of the toolbox."""
        return check_arguments(ListArguments, self.model_dump())


class UndoInput(ToolInput):
    """Of ``undo``."""

    to: str = Field(
        default="",
        max_length=200,
        description='"previous" (default), "original", "redo", or a handle.',
    )

    def arguments(self) -> UndoArguments:
        """Return the arguments of the toolbox."""
        return check_arguments(UndoArguments, self.model_dump())


class CompareInput(ToolInput):
    """Of ``compare_images``."""

    image: Latest = "latest"
    other: str = Field(
        default="", max_length=200, description='Default: what it was made from. Or "original".'
    )

    def arguments(self) -> CompareArguments:
        """Return the arguments of the toolbox."""
        return check_arguments(CompareArguments, self.model_dump())


class ExportInput(ToolInput):
    """Of ``export_image``."""

    name: str = Field(max_length=64, description='Of the new file, e.g. "blue house.png".')
    image: str = Field(default="latest", max_length=200, description="Handle, also of a mask.")

    def arguments(self) -> ExportArguments:
        """Return the arguments of the toolbox."""
        return check_arguments(ExportArguments, self.model_dump())


def _together(asked: SegmentInput | AskInput) -> list[str]:
    """Return the query and the queries, each once."""
    queries = list(dict.fromkeys(each for each in (asked.query, *asked.queries) if each))
    if not queries:
        raise InvalidInputError(
            "there is neither a query nor queries",
            hint='name a thing, e.g. with the query "red house"',
        )
    return queries


def shown_schema(takes: type[ToolInput]) -> Schema:
    """Return the JSON schema of an input as models are shown it.

    It holds types, choices and descriptions only, which all providers take, with "strict" and
    without. What else an input asks for is checked when it is used.
    """
    schema = takes.model_json_schema()
    shown = {key: value for key, value in schema.items() if key not in ("title", "description")}
    return shown | {
        "properties": {name: _shown(each) for name, each in schema["properties"].items()}
    }


def _shown(schema: Schema) -> Schema:
    """Return the schema of one argument without what strict modes refuse."""
    return {
        key: _shown(value) if key == "items" else value
        for key, value in schema.items()
        if key in _SHOWN
    }
