"""Models, captioners and editors of a test, under names of their own."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from textseg.registry.captioners import CAPTIONERS
from textseg.registry.editors import EDITORS
from textseg.registry.models import MODELS
from textseg.registry.named import Own


def register_model(monkeypatch: pytest.MonkeyPatch, name: str, load: Any) -> None:
    """Have ``load`` stand behind the name of a model; nothing is loaded yet."""
    home = ModuleType(f"tests_registered_{name}")
    home.load = load  # type: ignore[attr-defined]  # a module of this test
    monkeypatch.setitem(sys.modules, home.__name__, home)
    monkeypatch.setitem(MODELS.own, name, Own(f"{home.__name__}:load", "for a test"))
    for key in [key for key in MODELS.shared if key[0] == name]:
        monkeypatch.delitem(MODELS.shared, key)


def share_captioner(monkeypatch: pytest.MonkeyPatch, name: str, captioner: Any, where: str) -> None:
    """Have a captioner be the one that was loaded under a name, on a device."""
    monkeypatch.setitem(CAPTIONERS.shared, (name, where, "auto"), captioner)


def share_editor(monkeypatch: pytest.MonkeyPatch, name: str, editor: Any, where: str) -> None:
    """Have an editor be the one that was loaded from a folder, on a device."""
    monkeypatch.setitem(EDITORS.shared, (name, where, "auto"), editor)
