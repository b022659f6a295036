from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

import textseg
from tests.editing.helpers import box
from textseg.editing.base import EditMethod
from textseg.editing.diffedit import DiffEdit
from textseg.editing.flowedit import FlowEdit
from textseg.errors import InvalidInputError, ModelError, UnknownNameError
from textseg.fields import OptionInfo
from textseg.registry.methods import (
    MethodInfo,
    make_method,
    method_name,
    method_names,
    methods,
)
from textseg.registry.plugins import forget_plugins
from textseg.scene import Scene
from textseg.testing import GaussianModel

OWN = {
    "asyrp": ("Asyrp", "arXiv:2210.10960", {"steps": 40, "guidance": 1.0, "until": 0.5}),
    "blended": ("BlendedLatentDiffusion", "arXiv:2206.02779", {"strength": 0.75, "steps": 50}),
    "blended_diffusion": (
        "BlendedDiffusion",
        "arXiv:2111.14818",
        {"strength": 0.75, "steps": 100, "guidance": 0.0, "views": 8, "samples": 4},
    ),
    "chordedit": (
        "ChordEdit",
        "arXiv:2602.19083",
        {"strength": 0.9, "window": 0.15, "scale": 1.0, "refine": 0.3, "guidance": 1.0},
    ),
    "dds": (
        "DeltaDenoisingScore",
        "arXiv:2304.07090",
        {"strength": 0.95, "steps": 200, "guidance": 7.5, "rate": 0.049},
    ),
    "diffedit": ("DiffEdit", "arXiv:2210.11427", {"strength": 0.8}),
    "dreambooth": ("DreamBooth", "arXiv:2208.12242", {"fit_steps": 250, "weights": "attention"}),
    "edit_friendly": (
        "EditFriendly",
        "arXiv:2304.06140",
        {"strength": 0.64, "steps": 100, "guidance": 15.0, "source_guidance": 3.5},
    ),
    "egsde": ("EGSDE", "arXiv:2207.06635", {"strength": 0.5, "weight": 2.0, "blocks": 8}),
    "flowedit": ("FlowEdit", "arXiv:2412.08629", {"guidance": 13.5, "source_guidance": 3.5}),
    "hiper": ("HiPer", "arXiv:2303.08767", {"fit_steps": 1200, "tokens": 5, "share": 0.8}),
    "imagic": ("Imagic", "arXiv:2210.09276", {"text_steps": 500, "fit_steps": 1000}),
    "ledits_pp": (
        "LEditsPP",
        "arXiv:2311.16711",
        {"strength": 0.85, "steps": 35, "guidance": 5.0, "own_mask": False, "threshold": 0.9},
    ),
    "masactrl": ("MasaCtrl", "arXiv:2304.08465", {"first_step": 0.08, "first_layer": 0.625}),
    "mdp": ("MDP", "arXiv:2303.16765", {"steps": 50, "reuse_share": 0.5}),
    "negative_prompt_inversion": (
        "NegativePromptInversion",
        "arXiv:2305.16807",
        {"strength": 1.0, "steps": 50, "guidance": 7.5},
    ),
    "null_text": (
        "NullText",
        "arXiv:2211.09794",
        {"strength": 1.0, "steps": 50, "guidance": 7.5, "fit_steps": 10, "rate": 0.01},
    ),
    "pix2pix_zero": (
        "Pix2PixZero",
        "arXiv:2302.03027",
        {"steps": 50, "guidance": 5.0, "attention_guidance": 0.1},
    ),
    "plug_and_play": (
        "PlugAndPlay",
        "arXiv:2211.12572",
        {"steps": 50, "guidance": 7.5, "attention_share": 0.5, "feature_share": 0.8},
    ),
    "prompt_to_prompt": (
        "PromptToPrompt",
        "arXiv:2208.01626",
        {"steps": 50, "cross_share": 0.8, "self_share": 0.4, "new_words": 1.0},
    ),
    "rf_inversion": (
        "RFInversion",
        "arXiv:2410.10792",
        {"steps": 28, "towards_noise": 0.5, "towards_picture": 0.9, "held": 0.25},
    ),
    "sdedit": ("SDEdit", "arXiv:2108.01073", {"steps": 50, "guidance": 7.5}),
    "sine": ("SINE", "arXiv:2212.04489", {"steps": 100, "guidance": 10.0, "fitted_share": 0.6}),
    "unipaint": ("UniPaint", "arXiv:2310.07222", {"fit_steps": 100, "guidance": 8.0}),
}
SIZE = (16, 24)


def listed(name: str) -> MethodInfo:
    (found,) = [info for info in methods() if info.name == name]
    return found


def option(method: str, name: str) -> OptionInfo:
    (found,) = [option for option in listed(method).options if option.name == name]
    return found


# ---------------------------------------------------------------- what is listed


def test_the_methods_are_listed_by_name() -> None:
    assert [info.name for info in methods()] == sorted(OWN)
    assert textseg.methods is methods


@pytest.mark.parametrize("name", OWN)
def test_a_method_says_what_it_is_where_it_comes_from_and_what_can_be_set(name: str) -> None:
    kind, paper, defaults = OWN[name]
    found, method = listed(name), make_method(name)
    assert (found.paper, found.package) == (paper, "textseg")
    assert found.title[0].islower()
    assert "\n" not in found.title
    assert isinstance(method, EditMethod)
    assert type(method).__name__ == kind
    assert (type(method).title, type(method).paper) == (found.title, found.paper)
    for option in found.options:
        assert getattr(method, option.name) == option.default
        assert option.description
        assert option.type in ("number", "integer", "boolean", "string")
    assert {option.name: option.default for option in found.options}.items() >= defaults.items()
    assert {option.name for option in found.options} == set(vars(method))


@pytest.mark.parametrize("name", OWN)
def test_every_method_has_strength_steps_and_guidance_in_the_same_ranges(name: str) -> None:
    strength, steps, guidance = (option(name, key) for key in ("strength", "steps", "guidance"))
    assert (strength.type, strength.minimum, strength.maximum) == ("number", 0, 1)
    assert strength.open_below
    assert (steps.type, steps.minimum, steps.maximum) == ("integer", 1, 1000)
    assert (guidance.type, guidance.minimum, guidance.maximum) == ("number", 0, 100)
    assert not guidance.open_below
    assert not steps.open_below


def test_choices_and_switches_are_listed() -> None:
    assert option("diffedit", "solver").choices == ("euler", "reused_midpoint", "dpm_solver_2m")
    assert option("diffedit", "solver").type == "string"
    assert option("mdp", "inversion_prompt").choices == ("empty", "source")
    assert option("blended", "differential").type == "boolean"
    assert option("blended", "differential").choices == ()
    assert option("blended", "differential").minimum is None


@pytest.mark.parametrize("name", OWN)
def test_the_ends_of_every_range_can_be_set_and_what_lies_beyond_cannot(name: str) -> None:
    for option in listed(name).options:
        for choice in option.choices:
            assert getattr(make_method(name, {option.name: choice}), option.name) == choice
        if option.maximum is None or option.minimum is None:
            continue
        good = [option.maximum, *([] if option.open_below else [option.minimum])]
        bad = [option.maximum + 1, option.minimum if option.open_below else option.minimum - 1]
        for value in good:
            assert getattr(make_method(name, {option.name: value}), option.name) == value
        for value in bad:
            with pytest.raises(InvalidInputError, match=option.name):
                make_method(name, {option.name: value})


def test_listing_the_methods_loads_no_model() -> None:
    code = "import sys, textseg; textseg.methods(); print('diffusers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# ---------------------------------------------------------------- making one


def test_options_that_are_none_stay_at_their_default() -> None:
    assert make_method("diffedit", {"steps": None, "guidance": 2.0}) == DiffEdit(guidance=2.0)
    assert make_method("diffedit") == DiffEdit()


def test_a_method_that_is_there_keeps_its_options() -> None:
    method = FlowEdit(averages=3, steps=7)
    assert make_method(method) is method
    assert make_method(method, {"steps": None}) is method
    changed = make_method(method, {"steps": 9})
    assert changed == FlowEdit(averages=3, steps=9)
    assert method.steps == 7


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (
            {"strength": 2},
            "strength: must be at most 1, got 2; allowed: above 0, at most 1",
        ),
        ({"steps": 0}, "steps: .*got 0; allowed: 1 to 1000"),
        ({"solver": "heun"}, "solver: .*'euler', 'reused_midpoint' or 'dpm_solver_2m', got 'heun'"),
        ({"differential": "maybe"}, "differential: must be true or false, got 'maybe'"),
        ({"inversion_solver": 3}, "inversion_solver"),
    ],
)
def test_a_value_that_does_not_fit_names_its_option_and_what_fits(
    options: dict[str, object], match: str
) -> None:
    with pytest.raises(InvalidInputError, match=match):
        make_method("diffedit", options)


def test_an_option_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(UnknownNameError, match=r"option of SDEdit 'averages'; known: guidance, so"):
        make_method("sdedit", {"averages": 2})


@pytest.mark.parametrize("method", [3, None, DiffEdit, object()])
def test_what_is_no_method_is_refused(method: object) -> None:
    with pytest.raises(InvalidInputError, match="a method is a name or an EditMethod"):
        make_method(method)  # type: ignore[arg-type]  # that is the point


def test_a_method_has_its_registered_name() -> None:
    assert [method_name(make_method(name)) for name in OWN] == list(OWN)
    assert method_name("anything") == "anything"

    class Mine(DiffEdit):
        pass

    assert method_name(Mine()) == "Mine"


def test_a_method_cannot_be_changed() -> None:
    method = DiffEdit()
    with pytest.raises(AttributeError):
        method.steps = 3  # type: ignore[misc]  # that is the point
    assert replace(method, steps=3).steps == 3
    assert hash(method) == hash(DiffEdit())


# ---------------------------------------------------------------- methods of other packages

TOY = '''
    from collections.abc import Iterator
    from typing import Annotated, ClassVar

    from pydantic import Field
    from pydantic.dataclasses import dataclass

    from textseg.diffusion.sampling import Step, denoise_with, walk
    from textseg.editing.base import STRICT, Guidance, Steps, Strength, edit_levels, keep_background


    @dataclass(frozen=True, config=STRICT)
    class Toy:
        """Decode without guidance."""

        title: ClassVar[str] = "decode without guidance"
        paper: ClassVar[str] = "none"

        strength: Strength = 0.5
        steps: Steps = 4
        guidance: Guidance = 1.0
        shift: Annotated[float, Field(ge=-1, lt=1, description="added to the start")] = 0.25

        def run(self, model, source) -> Iterator[Step]:
            levels = edit_levels(model, self, source.latents)
            path = source.invert(levels, solver="euler", prompt="empty")
            start = path.at(levels[0]) + self.shift
            after = keep_background(source, levels, path.at)
            return walk(denoise_with(model, source.target), start, levels, after=after)


    class Unfinished:
        title = "not a method"
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another package with methods, as an installer leaves it: a module and its metadata."""
    (tmp_path / "toy_methods.py").write_text(dedent(TOY))
    metadata = tmp_path / "toy_methods-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-methods\nVersion: 1.0\n")
    points = ["[textseg.methods]", "toy = toy_methods:Toy", "diffedit = toy_methods:Toy"]
    (metadata / "entry_points.txt").write_text("\n".join(points))
    (tmp_path / "raising_methods.py").write_text("raise RuntimeError('no licence\\nfound')")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("toy_methods", None)


def register(tmp_path: Path, point: str) -> None:
    path = tmp_path / "toy_methods-1.0.dist-info" / "entry_points.txt"
    path.write_text(f"[textseg.methods]\n{point}\n")


@pytest.mark.usefixtures("installed")
def test_an_installed_method_is_listed_but_replaces_none_of_ours() -> None:
    assert [info.name for info in methods()] == sorted([*OWN, "toy"])
    found = listed("toy")
    assert (found.title, found.paper, found.package) == (
        "decode without guidance",
        "none",
        "toy-methods",
    )
    assert [option.name for option in found.options] == ["strength", "steps", "guidance", "shift"]
    assert listed("diffedit").package == "textseg"
    assert isinstance(make_method("diffedit"), DiffEdit)


@pytest.mark.usefixtures("installed")
def test_an_installed_method_edits_pictures() -> None:
    model = GaussianModel(rate=0.3)
    scene = Scene.open(model.picture(["tree"], *SIZE, seed=1), model)
    mask = box(SIZE, 2, 3, 12, 18)
    found = scene.edit("", "house", method="toy", mask=mask, source="", steps=6, strength=0.5)
    assert found.name == "toy"
    assert (found.method.steps, found.method.strength) == (6, 0.5)
    assert (found.evaluations.inversion, found.evaluations.decode) == (6, 3)
    assert found.changed_outside == 0
    assert found.change_inside > 0
    again = scene.edit("", "house", method=make_method("toy", {"steps": 6}), mask=mask, source="")
    assert again.name == "toy"
    assert np.array_equal(again.picture.rgb, found.picture.rgb)


@pytest.mark.usefixtures("installed")
def test_options_of_an_installed_method_are_checked_like_ours() -> None:
    with pytest.raises(InvalidInputError, match=r"shift: must be below 1, got 1\.5"):
        make_method("toy", {"shift": 1.5})
    with pytest.raises(UnknownNameError, match="known: guidance, shift, steps, strength"):
        make_method("toy", {"solver": "euler"})
    with pytest.raises(UnknownNameError, match=r"known: .*sdedit, .*toy"):
        make_method("toys")


@pytest.mark.parametrize(
    "point",
    [
        "bad = toy_methods:Gone",
        "bad = no_such_module:Toy",
        "bad = toy_methods:Unfinished",
        "bad = raising_methods:Toy",
    ],
)
@pytest.mark.usefixtures("installed")
def test_a_broken_registration_names_itself_and_spoils_no_other_method(
    point: str, tmp_path: Path
) -> None:
    register(tmp_path, point)
    told = f"method 'bad' is registered as {point.partition('= ')[2]}"
    with pytest.raises(ModelError, match=told) as caught:
        make_method("bad")
    assert "remove the package" in caught.value.hint
    assert [info.name for info in methods()] == sorted([*OWN, "bad"])
    broken = listed("bad")
    assert broken.error.startswith(told)
    assert (broken.package, broken.options) == ("toy-methods", ())
    assert not any(info.error for info in methods() if info.name != "bad")
    assert make_method("sdedit").steps == 50


@pytest.mark.usefixtures("installed")
def test_packages_are_looked_up_once_until_they_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def look_up(*, group: str) -> EntryPoints:
        asked.append(group)
        return entry_points(group=group)

    monkeypatch.setattr("textseg.registry.plugins.entry_points", look_up)
    assert "toy" in [info.name for info in methods()]
    make_method("toy")
    assert asked == ["textseg.methods"]
    register(tmp_path, "other = toy_methods:Toy")
    assert "other" not in method_names()
    forget_plugins()
    assert "other" in method_names()
