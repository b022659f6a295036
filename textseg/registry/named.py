"""What stands behind a name, of this package or of another one; loaded once and then shared."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from textseg.errors import ModelError, UnknownNameError
from textseg.registry.plugins import load_plugin, plugins

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
FILES = (".safetensors", ".ckpt", ".gguf")


@dataclass(frozen=True)
class Own:
    """What this package itself brings under a name: "module:attribute", and what it is."""

    value: str
    description: str = ""


@dataclass(frozen=True, eq=False)
class Names:
    """The names of one kind of thing.

    Attributes:
        kind: what they stand for, in errors.
        group: of the entry points by which other packages add theirs.
        own: those of this package; others cannot take their names.
        source: what else may be given in their place, for the error about an unknown name.
        shared: what was loaded already, by name, device and precision.
    """

    kind: str
    group: str
    own: dict[str, Own]
    source: str = ""
    shared: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def points(self) -> list[EntryPoint]:
        """Return what is registered, by name. Loads nothing."""
        own = [EntryPoint(name, entry.value, self.group) for name, entry in self.own.items()]
        others = plugins(self.group, own=self.own)
        return sorted([*own, *others], key=lambda point: point.name)

    def names(self) -> list[str]:
        """Return the names, sorted. Loads nothing."""
        return sorted({point.name for point in self.points()})

    def package_of(self, point: EntryPoint) -> str:
        """Return the package that an entry point comes from."""
        if point.name in self.own:
            return "textseg"
        return point.dist.name if point.dist else ""

    def find(self, name: str) -> Any:  # whatever is registered
        """Return what is registered under a name, None where nothing is.

        Raises:
            ModelError: it cannot be imported.
        """
        point = next((point for point in self.points() if point.name == name), None)
        return None if point is None else load_plugin(point, self.kind)

    def load_once(
        self, load: Callable[..., Any], name: str, *, device: str, dtype: str, offline: bool
    ) -> Any:  # what `load` returns
        """Return what ``load`` makes for a name, a device and a precision; the same every time."""
        from textseg.backends.loading import choose_device

        where = str(choose_device(device))
        key = (name, where, dtype)
        with self.lock:  # held while loading, so that no two threads load the same weights
            if key not in self.shared:
                self.shared[key] = load(device=where, dtype=dtype, local_files_only=offline)
            return self.shared[key]

    def check_source(self, name: str) -> None:
        """Check that a name that is not registered can be an existing folder or a hub id.

        Raises:
            ModelError: it is the path of something that is not there.
            UnknownNameError: it cannot be either; the known names are listed.
        """
        if Path(name).exists():
            return
        if _looks_like_path(name):
            what = "file" if name.endswith(FILES) else "folder"
            raise ModelError(
                f"there is no {self.kind} {what} {name!r}",
                hint=f"check the path, or use a registered name ({', '.join(self.names())}) or a "
                "hub id",
            )
        if not HUB_ID.fullmatch(name):
            raise UnknownNameError.among(self.kind, name, self.names(), hint=self.source)


def precision_name(dtype: object) -> str:
    """Return the name of a precision, given as such or as torch has it: "float32"."""
    return str(dtype).removeprefix("torch.")


def _looks_like_path(name: str) -> bool:
    parts: Sequence[str] = Path(name).parts
    return (
        Path(name).is_absolute()
        or name.startswith(".")
        or name.endswith(("/", os.sep, *FILES))
        or len(parts) > 2
        or "\\" in name
    )
