"""Where the files of a checkpoint lie, and which of them hold the weights of a part."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from textseg.backends.loading import MODEL_FILES, explained_loading
from textseg.errors import ModelError

WORD_PARTS = ("tokenizer", "processor")  # how parts are called that read words, without weights
INDEX_FILE = "model_index.json"
VARIANTS = ("", "fp16", "bf16")  # in the order in which they are taken; "" is the plain one
RESAVE = (
    "where you trust it, load it once with its own library and write it as safetensors: "
    "pipeline.save_pretrained(folder)"
)
_WEIGHTS = re.compile(
    r"(?:diffusion_pytorch_model|model)(?:\.(?P<variant>\w+))?"
    r"(?:-(?P<number>\d+)-of-(?P<of>\d+))?\.safetensors"
)


@dataclass(frozen=True)
class CheckpointFiles:
    """Where a checkpoint is read from.

    Attributes:
        source: what its reader called it.
        where: the folder, of the hub's cache where all of it is there; else the hub id.
        names: of its files, relative, with "/".
    """

    source: str
    where: str
    names: frozenset[str]

    def variant(self, part: str) -> str:
        """Return in which variant the weights of a part are there; "" is the plain one.

        Raises:
            ModelError: in none that is read.
        """
        found = {match["variant"] or "" for match in _weights_of(part, self.names)}
        if chosen := [name for name in VARIANTS if name in found]:
            return chosen[0]
        what = f"the {part} of the model {self.source!r}"
        if found:
            raise ModelError(
                f"{what} is there in the variants {', '.join(sorted(found))} only",
                hint=f"variants that are read: {', '.join(VARIANTS[1:])}; {RESAVE}",
            )
        pickled = sorted(n for n in self.names if _is_in(part, n) and n.endswith(".bin"))
        if pickled:
            raise ModelError(
                f"{what} has its weights in .bin files, which are not read because they can run "
                f"code: {pickled[0]}",
                hint=RESAVE,
            )
        raise ModelError(f"{what} has no weights", hint=f"the folder needs {MODEL_FILES}")

    def holds(self, part: str) -> bool:
        """Return whether all files of a part are there, weights in any variant that is read."""
        if part.startswith(WORD_PARTS):
            return any(_is_in(part, name) for name in self.names)
        matches = _weights_of(part, self.names)
        for variant in VARIANTS:
            numbers = {m["number"]: m["of"] for m in matches if (m["variant"] or "") == variant}
            if None in numbers or (numbers and len(numbers) == int(next(iter(numbers.values())))):
                return True
        return False


def find_place(source: str, parts: Iterable[str], *, local_files_only: bool) -> CheckpointFiles:
    """Return where the parts of a folder or hub id are read from: the hub's cache goes first.

    Raises ``ModelError``.
    """
    folder = Path(source) if Path(source).is_dir() else cached_folder(source)
    if folder is not None:
        place = CheckpointFiles(source, str(folder), _names_below(folder))
        if Path(source).is_dir() or all(map(place.holds, parts)):
            return place
    with explained_loading(source):
        return CheckpointFiles(source, source, _names_on_hub(source, local_files_only))


def cached_folder(source: str) -> Path | None:
    """Return the folder of the hub's cache that has the index of a hub id; None: there is none."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(source, INDEX_FILE)
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def _names_on_hub(source: str, local_files_only: bool) -> frozenset[str]:
    from huggingface_hub import is_offline_mode, list_repo_files
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    missing = LocalEntryNotFoundError(f"{source} is not in the cache, or not all of it")
    if local_files_only or is_offline_mode():
        raise missing
    try:
        return frozenset(list_repo_files(source))
    except HfHubHTTPError:
        raise  # the hub has answered
    except Exception as error:  # no network, in the words of whatever library looked for it
        raise missing from error


def _names_below(folder: Path) -> frozenset[str]:
    found = (*folder.glob("*"), *folder.glob("*/*"))
    return frozenset(path.relative_to(folder).as_posix() for path in found if path.is_file())


def _weights_of(part: str, names: Iterable[str]) -> list[re.Match[str]]:
    inside = (PurePosixPath(name).name for name in names if _is_in(part, name))
    return [match for name in inside if (match := _WEIGHTS.fullmatch(name))]


def _is_in(part: str, name: str) -> bool:
    return str(PurePosixPath(name).parent) == part
