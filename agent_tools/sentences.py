"""Results in a few sentences, the most important first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from textseg.toolbox import (
    ArrangeResult,
    ChangeFacts,
    CompareResult,
    CreateResult,
    DescribeResult,
    ImageFacts,
    ListResult,
    MadeFacts,
    QueryFacts,
    RegionFacts,
    RetouchResult,
    SegmentResult,
    ThingFacts,
    UndoResult,
    look_words,
)

MOST_WORDS: Final = 60
_SHOWN_REGIONS, _SHOWN_IMAGES, _SHOWN_FILES = 3, 3, 5


def limit_words(sentences: Iterator[str]) -> str:
    """Return as many of the sentences, from the first, as fit into ``MOST_WORDS`` words.

    A first one that is longer is cut off.
    """
    kept: list[str] = []
    for sentence in sentences:
        if sum(len(text.split()) for text in [*kept, sentence]) > MOST_WORDS:
            return " ".join(kept) or " ".join(sentence.split()[:MOST_WORDS]) + "…"
        kept.append(sentence)
    return " ".join(kept)


def found(result: SegmentResult, facts: QueryFacts) -> Iterator[str]:
    """Yield what was found for a query."""
    if not facts.matched:
        yield f"{result.image}: {facts.reason}."
        yield from _sentences([facts.hint])
        return
    several = len(facts.regions) != 1
    yield (
        f"Found {quoted(facts.query)} in {result.image} (probability {facts.presence:.2f}): "
        f"{len(facts.regions)} region{'s' if several else ''}, {facts.area:.1%} of the picture, "
        f"mask {facts.mask}."
    )
    for region in facts.regions[:_SHOWN_REGIONS]:
        yield _region(region)


def _region(region: RegionFacts) -> str:
    box = ",".join(str(side) for side in region.box)
    return f"Region {region.index}: {region.position}, box {box}, colour {_hex(region.mean_rgb)}."


def changed(facts: ChangeFacts, image: str) -> Iterator[str]:
    """Yield what was changed in an image, and what was measured."""
    query, target = quoted(facts.query), quoted(facts.target)
    look, said = facts.check.look, list(_sentences([look_words(facts)]))
    if look is not None and look.present is None:
        yield said.pop()
    if not facts.target:
        yield f"Removed {query} from {image}: new picture {facts.picture}."
    elif facts.query:
        yield f"Changed {query} to {target} in {image}: new picture {facts.picture}."
    else:
        yield f"Put {target} into {image}: new picture {facts.picture}."
    if facts.stopped:
        yield f"The work was cut short: {facts.stopped}."
    check = facts.check
    yield f"{check.changed_outside} pixels changed outside of the mask {facts.region_mask}."
    yield f"Colour inside {_hex(check.mean_rgb_before)} before, {_hex(check.mean_rgb_after)} now."
    yield from said


def made(result: CreateResult) -> Iterator[str]:
    """Yield how a picture was made and changed."""
    yield from _sentences(result.notes)
    yield f"Made {result.generated}, {result.width} x {result.height}, seed {result.seed}."
    if result.changes:
        yield from changed(result.changes[-1], result.generated or "it")


def described(result: DescribeResult) -> Iterator[str]:
    """Yield what a picture shows."""
    if result.caption is None:
        yield from _sentences(result.notes)
        return
    yield f"{result.image} shows {quoted(result.caption)}, as a captioner has it."
    for thing in result.things:
        yield _told_thing(thing)


def unanswered(missing: Iterable[str]) -> Iterator[str]:
    """Yield which queries there was no time left for."""
    for query in missing:
        yield f"No time was left for {quoted(query)}: ask again."


def _told_thing(thing: ThingFacts) -> str:
    name = quoted(thing.query)
    if not thing.present:
        return f"{name}: not found{_sure(thing.presence)}."
    several = f"{thing.regions} regions, the largest " if thing.regions > 1 else ""
    where = f"{several}{thing.position}, {thing.colour}, {thing.share:.1%} of the picture"
    return f"{name}: {where}{_sure(thing.presence)}."


def _sure(presence: float | None) -> str:
    return "" if presence is None else f" (probability {presence:.2f})"


def retouched(result: RetouchResult) -> Iterator[str]:
    """Yield what was changed without a model, and how far."""
    yield f"{_done(result)}: new picture {result.picture}, {result.width} x {result.height}."
    yield from _sentences(result.notes)
    if result.mean_rgb_after is not None:
        before, after = _hex(result.mean_rgb_before), _hex(result.mean_rgb_after)
        yield f"{result.changed_outside} pixels changed elsewhere."
        yield f"Mean colour there {before} before, {after} now."


def arranged(result: ArrangeResult) -> Iterator[str]:
    """Yield what was put where."""
    yield f"{_done(result)}: new picture {result.picture}."
    yield from _sentences(result.notes)
    before, after = (",".join(map(str, box)) for box in (result.box_before, result.box_after))
    yield f"Its box was {before} and is {after}."
    if result.method is not None:
        yield "Where it was is filled by the model."


def _done(result: MadeFacts) -> str:
    """Return what was done to what."""
    what = quoted(result.query) if result.query else "what the mask shows"
    thing = what if result.region_mask else "all of it"
    around = "all but " if result.invert else ""
    return f"Done in {result.image}: {result.action}, {around}{thing}"


def listed(result: ListResult, name: str) -> Iterator[str]:
    """Yield which pictures there are, and what files may be named; ``name`` is one to be near."""
    if result.images:
        yield f"{result.total} picture{'s' if result.total != 1 else ''}, newest first."
        yield from map(_image, result.images[:_SHOWN_IMAGES])
    else:
        yield f"No picture here is called {quoted(name)}." if name else "There is no picture yet."
    if result.files:
        names = "; ".join(file.name for file in result.files[:_SHOWN_FILES])
        yield f"Files that may be named ({result.total_files}), newest first: {names}."


def _image(image: ImageFacts) -> str:
    what = image.what or image.name
    what = f" ({what})" if what else ""
    latest = ", the latest" if image.latest else ""
    return f"{image.handle}: {image.width} x {image.height}, {image.made_by}{what}{latest}."


def undone(result: UndoResult) -> Iterator[str]:
    """Yield which picture is the latest now."""
    yield f"The latest picture is {result.image.handle} again; {result.undone} is kept."
    if result.branches:
        told = (f"{each.handle} ({each.what or each.made_by})" for each in result.branches)
        yield f"Made from it: {', '.join(told)}."


def compared(result: CompareResult) -> Iterator[str]:
    """Yield how two pictures differ."""
    pair = f"{result.image} and {result.other}"
    measured = result.difference
    if measured is None:
        yield (
            f"{pair} have two sizes, {result.width} x {result.height} and {result.other_width} x "
            f"{result.other_height}, so nothing is measured."
        )
    elif measured.box is None:
        yield f"{pair} are the same in every pixel."
    else:
        box = ",".join(map(str, measured.box))
        yield f"{measured.share:.1%} of the pixels of {pair} look different, all in box {box}."
    if result.steps:
        yield f"Between them: {'; '.join(result.steps)}."


def _sentences(texts: Iterable[str]) -> Iterator[str]:
    yield from (f"{text[:1].upper()}{text[1:]}." for text in texts if text)


def _hex(rgb: list[int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in rgb)


def quoted(text: str) -> str:
    """Return a text in quotes."""
    return f'"{text}"'
