"""Say what a picture shows, and answer questions about it: ``describe_image``, ``ask_image``."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from textseg.errors import TimeLimitError
from textseg.images import open_picture
from textseg.progress import CancelToken, Follow, ProgressCallback
from textseg.toolbox.answering import Seen, answer
from textseg.toolbox.common import EMBEDDED, FileName, Setup
from textseg.toolbox.looking_facts import (
    COMPARING,
    AskArguments,
    AskResult,
    DescribeArguments,
    DescribeResult,
    ThingFacts,
)
from textseg.toolbox.running import Host
from textseg.toolbox.segment import SegmentAnswer, segment_scene
from textseg.toolbox.segment_facts import LookArguments, SegmentArguments
from textseg.version import __version__

if TYPE_CHECKING:
    from textseg.diffusion.model import DiffusionModel
    from textseg.scene import Scene

MOST_THINGS = 8  # of a caption that are looked for
LONGEST_CAPTION = 200  # characters

ResultT = TypeVar("ResultT", DescribeResult, AskResult)


def describe_image(
    arguments: DescribeArguments,
    *,
    setup: Setup = EMBEDDED,
    model: DiffusionModel | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> DescribeResult:
    """Return what the picture shows, and where the things are that its caption names.

    Raises:
        ImageError: the picture cannot be read; found before a model is loaded.
        ModelError: the model or the captioner cannot be loaded.
        OutOfMemoryError: the picture does not fit on the device.
        Cancelled: ``cancel`` was raised.
    """
    work = partial(describe_scene, arguments=arguments, batch_size=setup.batch_size)
    return _on_file(arguments.image, work, Host(setup, model), Follow(progress, cancel))


def ask_image(
    arguments: AskArguments,
    *,
    setup: Setup = EMBEDDED,
    model: DiffusionModel | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> AskResult:
    """Return an answer about each of the queries; what is not there is an answer, too.

    Raises: what ``describe_image`` does.
    """
    work = partial(ask_scene, arguments=arguments, batch_size=setup.batch_size)
    return _on_file(arguments.image, work, Host(setup, model), Follow(progress, cancel))


def _on_file(image: FileName, work: Callable[..., ResultT], host: Host, follow: Follow) -> ResultT:
    picture = open_picture(image, max_pixels=host.setup.max_pixels)
    return host.look(picture, work, follow)


def describe_scene(
    scene: Scene, *, arguments: DescribeArguments, batch_size: int | None, follow: Follow
) -> DescribeResult:
    """Return the same as ``describe_image`` for a picture that a model has read already."""
    from textseg.editing.prompts import background_prompt, things_named

    start, notes = time.perf_counter(), list(scene.picture.notes)
    caption = plain_caption(scene.caption())
    named = list(things_named(caption or ""))[:MOST_THINGS]
    found = None
    with suppress(TimeLimitError):  # the caption is an answer, too
        if named:
            found = _find(scene, arguments, named, batch_size=batch_size, follow=follow)
    seen = [] if found is None else _seen(found)
    if caption is None:
        notes.append("no captioner goes with this model: name things to ask about")
    return DescribeResult(
        **_about(scene, arguments.image, found),
        caption=caption,
        place=background_prompt(caption or ""),
        things=[_thing(each) for each in seen],
        missing=named[len(seen) :],
        seconds=time.perf_counter() - start,
        notes=notes,
    )


def ask_scene(
    scene: Scene, *, arguments: AskArguments, batch_size: int | None, follow: Follow
) -> AskResult:
    """Return the same as ``ask_image`` for a picture that a model has read already."""
    start = time.perf_counter()
    queries, other = list(dict.fromkeys(arguments.queries)), arguments.other
    if arguments.about in COMPARING and not other:
        *queries, other = queries
    asked = list(dict.fromkeys([*filter(None, [other]), *queries]))  # all are compared with it
    found = _find(scene, arguments, asked, batch_size=batch_size, follow=follow)
    by_query = {each.facts.query: each for each in _seen(found)}
    compared = by_query.get(other)
    if arguments.region:  # of what is asked about; what it is compared with is meant as a whole
        narrowed = _find(
            scene, arguments, queries, region=arguments.region, batch_size=batch_size, follow=follow
        )
        by_query = {each.facts.query: each for each in _seen(narrowed)}
    in_time = [query for query in queries if query in by_query]
    return AskResult(
        **_about(scene, arguments.image, found),
        about=arguments.about,
        region=arguments.region,
        answers=[answer(arguments.about, by_query[query], compared) for query in in_time],
        missing=[query for query in queries if query not in in_time],
        seconds=time.perf_counter() - start,
        notes=found.result.notes,
    )


def plain_caption(caption: str | None) -> str | None:
    """Return a caption in letters, digits and simple signs, and not longer than one.

    A captioner may read out what is written in a picture: it is told as words about it, no more.
    """
    if caption is None:
        return None
    return " ".join(re.sub(r"[^\w\s,.'-]", " ", caption).split())[:LONGEST_CAPTION]


def _find(
    scene: Scene,
    arguments: LookArguments,
    queries: list[str],
    *,
    region: str = "",
    batch_size: int | None,
    follow: Follow,
) -> SegmentAnswer:
    looking = {name: getattr(arguments, name) for name in LookArguments.model_fields}
    asked = SegmentArguments(image="picture", queries=queries, region=region, **looking)
    return segment_scene(scene, asked, batch_size=batch_size, follow=follow, some=True)


def _seen(found: SegmentAnswer) -> list[Seen]:
    return [
        Seen(facts, mask) for facts, mask in zip(found.result.queries, found.masks, strict=True)
    ]


def _thing(seen: Seen) -> ThingFacts:
    facts = seen.facts
    return ThingFacts(
        query=facts.query,
        present=facts.present,
        presence=facts.presence,
        regions=len(facts.regions),
        position=facts.regions[0].position if facts.regions else "",
        colour=next(iter(seen.colours()), ""),
        share=facts.area,
    )


def _about(
    scene: Scene, image: FileName, found: SegmentAnswer | None
) -> dict[str, Any]:  # Any: fields of different types
    """Return what every answer says of its picture, and of the model that was asked."""
    return {
        "image": image,
        "width": scene.picture.size[1],
        "height": scene.picture.size[0],
        "model": scene.model.name,
        "card": scene.model.card.name,
        "evaluations": 0 if found is None else found.result.evaluations,
        "version": __version__,
    }
