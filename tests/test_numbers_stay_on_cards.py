"""Numbers that were found on the embedded model stand on its card, and nowhere else.

What is seen: a default, a keyword or an entry of a mapping that has both a name and the value that
a group of the embedded card has under that name, where the card of an unknown model has another
value; and comments or docstrings which say that something was tuned there. What is not seen: such a
number under another name, or inside an expression.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

import pytest

from tests.diffusion.test_card import EMBEDDED, GENERIC
from tests.test_architecture import SOURCES, inside

HOME = ("textseg.picturebook", "textseg.lab")  # the embedded world, and what measures it
ROOMS = [name for name in SOURCES if name.startswith("textseg") and not inside(name, HOME)]
PUBLISHED = {
    ("textseg.editing.flowedit", "guidance", 13.5),  # arXiv:2412.08629, Stable Diffusion 3
    ("textseg.backends.flux", "source_guidance", 1.5),  # arXiv:2412.08629, FLUX.1
    ("textseg.editing.diffedit", "strength", 0.8),  # diffusers' pipeline: inpaint_strength
    ("textseg.editing.sdedit", "strength", 0.8),  # diffusers' image-to-image pipeline
    ("textseg.editing.unipaint", "fit_steps", 100),  # the authors' demo
    ("textseg.editing.chordedit", "strength", 0.9),  # arXiv:2602.19083, t for SD-Turbo
    ("textseg.editing.pix2pix_zero", "guidance", 5.0),  # the authors' code
    ("textseg.editing.ledits_pp", "guidance", 5.0),  # arXiv:2311.16711, the scale of an edit
    ("textseg.diffusion.card", "propagate", 0.0),  # off
    ("textseg.diffusion.card", "depth", 0.0),  # from the first layer
    ("textseg.diffusion.card", "depth", 1.0),  # to the last
}
TUNED = re.compile(
    r"(calibration|tuning|tuned on|held-out)\s+scenes|by\s+benchmark|"
    r"found\s+on\s+(the\s+)?(embedded|picturebook)|embedded\s+(model|world)'s"
)
ALLOWED = {
    "textseg.testing": "says whose card the exact model borrows",
    "textseg.cli.listing": "the demo draws that world",
}


def numbers(group: object, name: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a card, each under the last name that leads to it."""
    if isinstance(group, dict):
        for key, value in group.items():
            yield from numbers(value, key)
    elif isinstance(group, list):
        for value in group:
            yield from numbers(value, name)
    elif isinstance(group, int | float) and not isinstance(group, bool):
        yield name, float(group)


OWN = set(numbers(EMBEDDED.as_json())) - set(numbers(GENERIC.as_json()))


def named_values(source: str) -> Iterator[tuple[str, float]]:
    """Numbers with a name: of assignments, defaults, keywords and entries of mappings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AnnAssign | ast.Assign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((t.id, v) for t in targets for v in found(node.value) if hasattr(t, "id"))
        elif isinstance(node, ast.keyword) and node.arg:
            yield from ((node.arg, value) for value in found(node.value))
        elif isinstance(node, ast.Dict):
            for key, each in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant):
                    yield from ((str(key.value), value) for value in found(each))
        elif isinstance(node, ast.arguments):
            usual = [*node.posonlyargs, *node.args][::-1], node.defaults[::-1]
            named = zip(node.kwonlyargs, node.kw_defaults, strict=True)
            for argument, default in [*zip(*usual, strict=False), *named]:
                yield from ((argument.arg, value) for value in found(default or node))


def found(node: ast.AST) -> list[float]:
    """The numbers that a literal is, or is a sequence of."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError):
        return []
    return [number for _, number in numbers(list(value) if isinstance(value, tuple) else value)]


def remarks(source: str) -> str:
    """Comments and docstrings of a module."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    texts = [
        node.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    return "\n".join([*comments, *texts])


@pytest.mark.parametrize("name", ROOMS)
def test_no_number_of_the_embedded_card_stands_elsewhere(name: str) -> None:
    found = {(name, *pair) for pair in named_values(SOURCES[name]) if pair in OWN} - PUBLISHED
    assert found == set()


@pytest.mark.parametrize("name", [name for name in ROOMS if name not in ALLOWED])
def test_nothing_is_said_to_be_tuned_on_the_embedded_world(name: str) -> None:
    assert TUNED.findall(remarks(SOURCES[name])) == []


@pytest.mark.parametrize(
    "source",
    [
        "def edit(*, grow: float = 0.375): ...",
        "def edit(query, guidance=13.5): ...",
        "class S:\n    scale: float = 1.7",
        'DEFAULTS = {"alter": D("flowedit", {"strength": 0.8, "steps": 18})}',
        "settings = RefineSettings(radius=3)",
        "each = Round(places=(0.75,), left=4)",
        "bias = -3.2878466350526163",
    ],
)
def test_such_numbers_are_seen(source: str) -> None:
    assert OWN & set(named_values(source))


@pytest.mark.parametrize(
    "source",
    [
        "X = f(3.5)  # by benchmark, on tuning scenes",
        '"""Found on\ncalibration scenes."""\nX = 1',
    ],
)
def test_such_remarks_are_seen(source: str) -> None:
    assert TUNED.search(remarks(source))


@pytest.mark.parametrize(
    "source",
    ["guidance = 7.5", "steps: int = 50", 'f(strength=1.0, flag=True, x="a")'],
)
def test_other_numbers_do_no_harm(source: str) -> None:
    assert not OWN & set(named_values(source))
