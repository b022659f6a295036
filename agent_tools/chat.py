"""The assistant in a terminal: a line in, what was read and measured out."""

from __future__ import annotations

import contextlib
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_tools.assistant import create_image_assistant
from textseg.errors import TextsegError

if TYPE_CHECKING:
    from types import FrameType

    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langgraph.graph.state import CompiledStateGraph

    from textseg.toolbox import Toolbox
    from textseg.workspace import Record

GREETING = """\
Say what to do, e.g.: find the tree; make the red house blue; remove the boat; add a ball on the
left; draw a house on a beach; undo; list the pictures. An empty line or "quit" ends it."""
ENDS = frozenset({"", "quit", "exit", "bye"})
HISTORY = Path("~/.textseg_history")

Say = Callable[[str], None]


@dataclass
class Chat:
    """A conversation about the pictures of a toolbox.

    Attributes:
        toolbox: where the pictures are.
        model: a chat model or its name; None for the command reader.
        approve: ask before every call that makes or changes a picture.
        ask: asks the person a question and returns the answer.
        say: shows the person a line.
    """

    toolbox: Toolbox
    ask: Callable[[str], str]
    say: Say
    model: BaseChatModel | str | None = None
    approve: bool = False
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Make the agent; it remembers the conversation."""
        from langgraph.checkpoint.memory import InMemorySaver

        self._agent: CompiledStateGraph[Any, Any, Any, Any] = create_image_assistant(
            self.model, self.toolbox, approve=self.approve, checkpointer=InMemorySaver()
        )
        self._thread: Any = {"configurable": {"thread_id": uuid.uuid4().hex}}  # Any: a config

    def turn(self, text: str) -> None:
        """Carry out what the person said, and say what came of it."""
        from langchain_core.messages import HumanMessage

        with _interrupts_cancel(self.toolbox):
            state = self._agent.invoke({"messages": [HumanMessage(text)]}, self._thread)
            while "__interrupt__" in state:
                state = self._agent.invoke(self._decided(state["__interrupt__"]), self._thread)
        messages: list[BaseMessage] = state["messages"]
        self.say(str(messages[-1].text))
        self._say_new_pictures()

    def _decided(self, interrupts: Any) -> Any:  # Any: langgraph's own types
        """Return the person's decisions on what waits for approval."""
        from langgraph.types import Command

        self._say_new_pictures()  # masks of where what waits would change one
        decisions = []
        for request in interrupts[0].value["action_requests"]:
            answer = self.ask(f"{request['description']} - go ahead? [y/N] ")
            if answer.strip().casefold() in ("y", "yes"):
                decisions.append({"type": "approve"})
            else:
                decisions.append({"type": "reject", "message": "the person said no"})
        return Command(resume={"decisions": decisions})

    def _say_new_pictures(self) -> None:
        for path in self._new_pictures():
            self.say(f"  {path}")

    def _new_pictures(self) -> Iterator[Path]:
        """Yield where the pictures and masks lie that were not there before."""
        workspace = self.toolbox.workspace
        for record in reversed(workspace.list(limit=20, kind=None)):
            if record.handle not in self._seen:
                self._seen.add(record.handle)
                if _is_empty(record):
                    continue
                yield self.toolbox.shelf.path_of(record.handle)

    def know(self) -> None:
        """Take what is in the workspace now for known."""
        list(self._new_pictures())


def _is_empty(record: Record) -> bool:
    """Return whether it is a mask of something that was looked for and not found."""
    found: Any = record.result.get("queries", [])  # Any: JSON
    return record.operation == "segment" and not any(facts["matched"] for facts in found)


def talk(chat: Chat, lines: Iterator[str]) -> None:
    """Carry out line after line; an error ends the turn, not the conversation."""
    chat.know()
    for line in lines:
        if line.strip().casefold() in ENDS:
            return
        try:
            chat.turn(line)
        except TextsegError as error:
            chat.say(f"that did not work: {error}")
        except KeyboardInterrupt:
            chat.say("stopped")


def typed_lines() -> Iterator[str]:
    """Yield what a person types, with a history; from a pipe, its lines."""
    if not sys.stdin.isatty():
        for line in sys.stdin:
            if line.strip():
                yield line.rstrip("\n")
        return
    with _history():
        while True:
            try:
                yield input("> ")
            except (EOFError, KeyboardInterrupt):
                return


@contextlib.contextmanager
def _history() -> Iterator[None]:
    """Keep what is typed for the arrow keys, also for the next time."""
    try:
        import readline
    except ImportError:  # Windows has none
        yield
        return
    path = HISTORY.expanduser()
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(1000)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            readline.write_history_file(path)


@contextlib.contextmanager
def _interrupts_cancel(toolbox: Toolbox) -> Iterator[None]:
    """Let Ctrl-C stop what is at work at its next step; with nothing at work it interrupts."""

    def stop(number: int, frame: FrameType | None) -> None:
        if not toolbox.cancel():
            signal.default_int_handler(number, frame)

    try:
        before = signal.signal(signal.SIGINT, stop)
    except ValueError:  # not the main thread: whoever called looks after interrupts
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
