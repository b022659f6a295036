"""The arrows of the house, read from the imports: who may lean on whom.

Imports inside functions count: they are arrows too, only later ones. Imports for the type checker
count within the house, but not for other libraries, because they load nothing.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("textseg", "agent_tools")

BORDER = (
    "textseg.errors",
    "textseg.checking",
    "textseg.fields",
    "textseg.progress",
    "textseg.files",
    "textseg.images",
)

# what makes edits out of methods; a method itself knows no masks by name
WITH_MASKS = (
    *BORDER,
    "textseg.diffusion",
    "textseg.encoded",
    "textseg.editing",
    "textseg.segmentation",
    "textseg.registry.methods",
)

# What each room may import of the house, itself included; the longest name that fits counts.
ARROWS: dict[str, tuple[str, ...]] = {
    # the border: knows nothing of the rest
    "textseg.version": (),
    "textseg.errors": (),
    "textseg.checking": ("textseg.errors",),
    "textseg.fields": ("textseg.checking",),
    "textseg.progress": ("textseg.errors",),
    "textseg.process": (),
    "textseg.files": ("textseg.errors",),
    "textseg.images": (
        "textseg.checking.MAX_PIXELS",
        "textseg.errors",
        "textseg.files",
        "textseg.images",
    ),
    # writing pictures back, with a word on who made them
    "textseg.provenance": (*BORDER, "textseg.version", "textseg.provenance"),
    "textseg.saving": (*BORDER, "textseg.provenance"),
    "textseg.cache": (),
    "textseg.registry.plugins": ("textseg.errors",),
    # the language of the methods, and what is said in it
    "textseg.diffusion": ("textseg.errors", "textseg.progress", "textseg.diffusion"),
    "textseg.segmentation": (*BORDER, "textseg.diffusion", "textseg.segmentation"),
    # a picture that a model has read: what masks and edits both begin with
    "textseg.encoded": (*BORDER, "textseg.diffusion", "textseg.segmentation.guide"),
    "textseg.editing": (
        *BORDER,
        "textseg.cache",
        "textseg.diffusion",
        "textseg.editing",
        "textseg.segmentation.soft",
    ),
    "textseg.editing.attempts": WITH_MASKS,
    "textseg.editing.blended_diffusion": (
        "textseg.diffusion",
        "textseg.editing",
        "textseg.matching",
    ),
    "textseg.editing.finishing": (
        "textseg.segmentation.rivals",
        "textseg.editing.prompts.ARTICLES",
    ),
    "textseg.editing.placing": WITH_MASKS,
    "textseg.editing.planning": WITH_MASKS,
    "textseg.editing.remaking": WITH_MASKS,
    "textseg.editing.result": WITH_MASKS,
    "textseg.editing.running": WITH_MASKS,
    "textseg.backends": (*BORDER, "textseg.diffusion", "textseg.backends"),
    "textseg.testing": (*BORDER, "textseg.diffusion", "textseg.picturebook.weights_folder"),
    "textseg.captioning": (
        *BORDER,
        "textseg.backends.evaluation",
        "textseg.backends.loading",
    ),
    "textseg.matching": ("textseg.errors", "textseg.backends.loading"),
    # by name, and only when asked for
    "textseg.registry": (
        *BORDER,
        "textseg.diffusion",
        "textseg.backends",
        "textseg.captioning",
        "textseg.editing.base",
        "textseg.editing.painting.Painting",
        "textseg.registry",
    ),
    # pictures changed by arithmetic: knows masks, and no model
    "textseg.retouching": (
        *BORDER,
        "textseg.editing.masks",
        "textseg.editing.result",
        "textseg.retouching",
        "textseg.segmentation.mask",
        "textseg.segmentation.picking",
        "textseg.segmentation.soft",
    ),
    "textseg.scene": (
        *BORDER,
        "textseg.scene",
        "textseg.cache",
        "textseg.captioning",
        "textseg.diffusion",
        "textseg.encoded",
        "textseg.segmentation",
        "textseg.editing.apply",
        "textseg.editing.base",
        "textseg.editing.external.External",
        "textseg.editing.options",
        "textseg.editing.planning",
        "textseg.editing.result",
        "textseg.editing.running",
        "textseg.registry",
    ),
    # many pictures: what a worker does is what a scene does
    "textseg.labelling": (
        *BORDER,
        "textseg.version",
        "textseg.labelling",
        "textseg.scene",
        "textseg.encoded",
        "textseg.diffusion.card.ModelCard",
        "textseg.diffusion.mask_settings.Look",
        "textseg.diffusion.model",
        "textseg.diffusion.rivalry.PresenceRule",
        "textseg.segmentation.picking",
        "textseg.segmentation.result",
        "textseg.segmentation.settings",
        "textseg.editing.apply.FollowWalk",
        "textseg.registry.checkpoints",
        "textseg.registry.models.check_model",
        "textseg.backends.loading",  # which devices there are
        "textseg.backends.places.cached_folder",
        "textseg.picturebook.weights_folder",
    ),
    "textseg.ray": ("textseg.labelling.engines.ray_batches",),
    # labels in other formats: reads rows, knows no model
    "textseg.exporting": (
        *BORDER,
        "textseg.exporting",
        "textseg.labelling.rows",
        "textseg.registry.named",
        "textseg.segmentation.export.stems",
    ),
    # pictures and masks on disk: knows no model
    "textseg.workspace": (
        *BORDER,
        "textseg.version",
        "textseg.provenance",
        "textseg.saving",
        "textseg.workspace",
    ),
    # what people and programs use: no backend, no method
    "textseg.toolbox": (
        *BORDER,
        "textseg.version",
        "textseg.toolbox",
        "textseg.workspace",
        "textseg.scene",
        "textseg.labelling",
        "textseg.editing.options",
        "textseg.editing.placing",
        "textseg.editing.planning",
        "textseg.retouching",
        "textseg.registry.captioners.load_captioner",
        "textseg.registry.models.check_model",
        "textseg.registry.methods.make_method",
        "textseg.registry.methods.method_name",
        "textseg.captioning",
        "textseg.provenance",
        "textseg.saving",
        "textseg.editing.base.EditMethod",
        "textseg.editing.external.external",
        "textseg.registry.editors.load_editor",
        "textseg.editing.base.options_of",
        "textseg.editing.masks",
        "textseg.editing.prompts",
        "textseg.editing.result",
        "textseg.segmentation.export",
        "textseg.segmentation.keeping",
        "textseg.segmentation.mask",
        "textseg.segmentation.picking",
        "textseg.segmentation.phrases",
        "textseg.segmentation.pieces",
        "textseg.segmentation.places",
        "textseg.segmentation.result",
        "textseg.segmentation.selecting",
        "textseg.diffusion.card.ModelCard",
        "textseg.diffusion.model",
        "textseg.diffusion.mask_settings.Look",
        "textseg.diffusion.rivalry.PresenceRule",
    ),
    # views on the toolbox: no model, no method by name
    "textseg.panels": (
        *BORDER,
        "textseg.version",
        "textseg.panels",
        "textseg.toolbox",
        "textseg.workspace",
        "textseg.editing.options",
        "textseg.registry.methods.method_names",
        "textseg.registry.methods.methods",
        "textseg.registry.methods.MethodInfo",
        "textseg.editing.result",
        "textseg.editing.comparing",
        "textseg.retouching.asking",  # its buttons and fields are drawn from what there is
        "textseg.retouching.words",
        "textseg.segmentation.drawing",
        "textseg.segmentation.export",
        "textseg.segmentation.mask",
        "textseg.segmentation.picking",
        "textseg.segmentation.result",
        "textseg.segmentation.soft",
    ),
    "textseg.cli": (
        "textseg.checking.Facts",
        "textseg.cli",
        "textseg.editing.options.EditOptions",
        "textseg.errors",
        "textseg.exporting",
        "textseg.fields",
        "textseg.files.naming_target",
        "textseg.images.open_picture",
        "textseg.labelling.label.LabelProgress",
        "textseg.process",
        "textseg.progress",
        "textseg.version",
        "textseg.toolbox",
        "textseg.registry.methods.methods",
        "textseg.registry.models.models",
        "textseg.registry.models.load_model",
        "textseg.registry.cached",
        "textseg.registry.checkpoints",
        "textseg.picturebook.demo",
        "textseg.lab.bench",
        "textseg.registry.named",
    ),
    "textseg.__main__": ("textseg.cli",),
    "agent_tools.chat_command": (
        "agent_tools",
        "textseg.cli.drawn",
        "textseg.cli.interrupts",
        "textseg.cli.shared",
        "textseg.errors",
        "textseg.images",
        "textseg.toolbox",
    ),
    "agent_tools.mcp.command": (
        "agent_tools",
        "textseg.cli.drawn",
        "textseg.errors",
        "textseg.toolbox",
    ),
    "agent_tools": (
        "textseg.errors",
        "textseg.files.naming_target",
        "textseg.process",
        "textseg.progress",
        "textseg.toolbox",
        "textseg.workspace",
        "textseg.segmentation.picking",
        "textseg.version",
        "agent_tools",
    ),
    # the embedded world: the renderer stands alone, so that its truth depends on no model
    "textseg.picturebook": ("textseg.picturebook",),
    "textseg.picturebook.model": (
        "textseg.picturebook",
        "textseg.captioning",
        "textseg.diffusion",
        "textseg.registry.families",
    ),
    "textseg.picturebook.demo": (
        *BORDER,
        "textseg.editing.result",
        "textseg.picturebook",
        "textseg.provenance",
        "textseg.saving",
        "textseg.scene",
        "textseg.segmentation.drawing",
    ),
    "textseg.picturebook.scenes": ("textseg.picturebook.settings", "textseg.picturebook.shapes"),
    "textseg.picturebook.settings": ("textseg.picturebook.shapes",),
    "textseg.picturebook.shapes": (),
    # not part of the product: leans on anything, and nothing but a command leans on it
    "textseg.lab": ("textseg",),
}

PRIVATE_LIBRARIES = ("diffusers", "transformers", "tokenizers", "accelerate")
MAY_USE_THEM = (
    "textseg.backends",
    "textseg.lab.judge",  # a stock CLIP
    "textseg.lab.training",  # builds and trains stock classes
    "textseg.captioning",  # runs stock captioners
    "textseg.matching",  # and a stock CLIP
    "textseg.lab.bench.peer",  # what we are compared with
    "textseg.lab.bench.metrics.networks",  # what judges pictures
    "textseg.registry.models",  # tells a loaded pipeline by its class
)

RENDERER = (
    "textseg.picturebook.scenes",
    "textseg.picturebook.settings",
    "textseg.picturebook.shapes",
    "textseg.picturebook.worlds",
)
TRAINING = ("textseg.lab.training",)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WHEEL = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
LEFT_OUT = tuple(folder.strip("/").replace("/", ".") for folder in WHEEL["exclude"])


@dataclass(frozen=True)
class Import:
    """One name that a module imports, and whether only the type checker does."""

    target: str
    typing_only: bool = False


def inside(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def modules() -> dict[str, str]:
    """The source of every module of the two packages, by dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = path.read_text(encoding="utf-8")
    return found


SOURCES = modules()


def imports_of(name: str, source: str) -> set[Import]:
    """Every import of a module, relative ones resolved; `from a import b` is an import of a.b."""
    tree = ast.parse(source)
    guarded = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    return {
        Import(target, id(node) in guarded)
        for node in ast.walk(tree)
        for target in targets(node, name)
    }


def targets(node: ast.AST, name: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        package = name if is_package(name) else name.rpartition(".")[0]
        for _ in range(node.level - 1):
            package = package.rpartition(".")[0]
        base = ".".join(filter(None, (package if node.level else "", node.module)))
        yield from (f"{base}.{alias.name}" for alias in node.names)


def is_package(name: str) -> bool:
    return any(other.startswith(f"{name}.") for other in SOURCES) or name in PACKAGES


def wrong_arrows(name: str, source: str) -> list[str]:
    """The imports within the house that the room of this module may not have."""
    room = max((room for room in ARROWS if inside(name, (room,))), key=len)
    return sorted(
        found.target
        for found in imports_of(name, source)
        if inside(found.target, PACKAGES) and not inside(found.target, ARROWS[room])
    )


def house_imports(name: str, source: str) -> set[str]:
    """The modules of the house that a module imports; its own packages are no imports."""
    found = set()
    for each in imports_of(name, source):
        target = each.target
        while target and target not in SOURCES:
            target = target.rpartition(".")[0]
        if target and not inside(name, (target,)):
            found.add(target)
    return found


def circles(leans: dict[str, set[str]]) -> list[str]:
    """The modules that reach themselves, sorted."""

    def reached(start: str) -> set[str]:
        found, new = set[str](), leans[start]
        while new:
            found |= new
            new = {following for name in new for following in leans[name]} - found
        return found

    return sorted(name for name in leans if name in reached(name))


def libraries(name: str, source: str) -> set[str]:
    """The foreign top-level packages that a module loads when it is used."""
    tops = {i.target.partition(".")[0] for i in imports_of(name, source) if not i.typing_only}
    return tops - set(PACKAGES) - sys.stdlib_module_names


def words_in_code(source: str) -> set[str]:
    """The strings, attributes and names of a module, docstrings left out."""
    tree = ast.parse(source)
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in documentation:
                found.add(node.value)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
    return found


# -- the rules


def test_every_room_has_its_arrows_and_every_arrow_its_room() -> None:
    homeless = [name for name in SOURCES if name != "textseg" and not inside(name, tuple(ARROWS))]
    assert homeless == []
    assert [room for room in ARROWS if room not in SOURCES] == []


@pytest.mark.parametrize("name", [name for name in SOURCES if name != "textseg"])
def test_module_imports_only_what_its_room_may(name: str) -> None:
    assert wrong_arrows(name, SOURCES[name]) == []


def test_no_modules_lean_on_each_other() -> None:
    leans = {name: house_imports(name, source) for name, source in SOURCES.items()}
    assert circles(leans) == []


def test_what_is_installed_needs_nothing_that_the_wheel_leaves_out() -> None:
    installed = [name for name in SOURCES if not inside(name, LEFT_OUT)]
    leaning = {
        name
        for name in installed
        for other in house_imports(name, SOURCES[name])
        if inside(other, LEFT_OUT)
    }
    assert leaning == set()


def test_a_class_name_has_one_meaning_in_the_whole_house() -> None:
    names = Counter(
        node.name
        for source in SOURCES.values()
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, times in names.items() if times > 1] == []


def test_the_package_knows_nothing_of_the_tools_for_agents() -> None:
    found = {n for n, s in SOURCES.items() for i in imports_of(n, s) if "agent_tools" in i.target}
    assert {name for name in found if inside(name, ("textseg",))} == set()


@pytest.mark.parametrize("name", [n for n in SOURCES if not inside(n, MAY_USE_THEM)])
def test_model_libraries_are_used_behind_the_backends_only(name: str) -> None:
    assert libraries(name, SOURCES[name]).isdisjoint(PRIVATE_LIBRARIES)


@pytest.mark.parametrize("name", RENDERER)
def test_renderer_needs_numpy_and_pillow_only(name: str) -> None:
    assert libraries(name, SOURCES[name]) <= {"numpy", "PIL"}


@pytest.mark.parametrize(
    "name", ["textseg.toolbox", "textseg.panels", "textseg.cli", "agent_tools"]
)
def test_what_people_use_names_no_torch_and_no_model_library(name: str) -> None:
    used = {lib for n in SOURCES if inside(n, (name,)) for lib in libraries(n, SOURCES[n])}
    assert used.isdisjoint({"torch", *PRIVATE_LIBRARIES})


@pytest.mark.parametrize(
    "name", [n for n in SOURCES if not inside(n, ("textseg.backends", *TRAINING))]
)
def test_devices_are_the_business_of_the_backends(name: str) -> None:
    assert [word for word in words_in_code(SOURCES[name]) if "cuda" in word] == []


# -- the rules can be broken


def test_forbidden_arrows_are_seen_however_they_are_written() -> None:
    source = (
        "from ..backends import diffusers_unet\n"
        "def late():\n    import textseg.registry\n    from textseg import scene\n"
        "if TYPE_CHECKING:\n    from textseg.picturebook.scenes import Scene\n"
        "from .soften import soften\nimport numpy\n"
    )
    assert wrong_arrows("textseg.segmentation.new", source) == [
        "textseg.backends.diffusers_unet",
        "textseg.picturebook.scenes.Scene",
        "textseg.registry",
        "textseg.scene",
    ]


def test_circles_are_seen_over_any_number_of_modules() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c"]
    assert circles({"a": {"b"}, "b": set()}) == []


def test_library_for_the_type_checker_alone_is_not_loaded() -> None:
    source = (
        "if TYPE_CHECKING:\n    import torch\ndef late():\n    from diffusers import X\nimport os"
    )
    assert libraries("textseg.toolbox", source) == {"diffusers"}


@pytest.mark.parametrize(
    "source", ['move("cuda:1")', "model.cuda()", "torch.cuda.synchronize()", 'f"cuda:{n}"']
)
def test_device_names_are_seen_in_code(source: str) -> None:
    assert any("cuda" in word for word in words_in_code(source))


def test_device_names_in_documentation_do_no_harm() -> None:
    assert words_in_code('"""cuda."""\ndef f():\n    """On cuda."""\n') == set()
