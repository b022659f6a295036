"""The assistant: any chat model, or the command reader, with the tools; and the chat around it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agent_tools import assistant
from agent_tools.assistant import MOST_CALLS, create_image_assistant
from agent_tools.chat import Chat, talk, typed_lines
from tests.agents.helpers import asks, make_toolbox, scripted
from textseg.errors import InvalidInputError, MissingExtraError
from textseg.progress import Progress
from textseg.toolbox import EditResult, Toolbox

EDIT = {"image": "garden.png", "query": "tree", "target": "house"}


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    return make_toolbox(tmp_path)


def run(agent: Any, text: str, **config: Any) -> list[Any]:
    messages: list[Any] = agent.invoke({"messages": [HumanMessage(text)]}, **config)["messages"]
    return messages


# -- a chat model


def test_model_calls_the_tools_and_reads_their_facts(toolbox: Toolbox) -> None:
    model = scripted(
        asks("segment_image", image="garden.png", query="tree"), asks("edit_image", 2, **EDIT)
    )
    messages = run(create_image_assistant(model, toolbox), "make the tree a house")
    told = [message for message in messages if isinstance(message, ToolMessage)]
    assert [message.status for message in told] == ["success", "success"]
    assert isinstance(told[1].artifact, EditResult)
    assert told[1].artifact.picture in str(told[1].content)
    assert messages[-1].content == "done"
    shown = model.seen[-1][-1].content
    assert [block["type"] for block in shown] == ["text", "image"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({**EDIT, "query": "house"}, "not_found"),
        ({**EDIT, "image": "../secret.png"}, "outside_workspace"),
        ({**EDIT, "strength": 7}, "invalid_input"),
        ({**EDIT, "image": "img_0000000000"}, "unknown_handle"),
    ],
)
def test_error_of_a_tool_ends_no_run(
    toolbox: Toolbox, arguments: dict[str, Any], code: str
) -> None:
    messages = run(create_image_assistant(scripted(asks("edit_image", **arguments)), toolbox), "go")
    told = next(message for message in messages if isinstance(message, ToolMessage))
    assert told.status == "error"
    assert json.loads(told.content)["code"] == code
    assert messages[-1].content == "done"


def test_model_that_goes_round_in_circles_is_stopped(toolbox: Toolbox) -> None:
    calls = [asks("list_images", number) for number in range(3 * MOST_CALLS)]
    agent = create_image_assistant(scripted(*calls), toolbox)
    messages = run(agent, "go", config={"recursion_limit": 10 * MOST_CALLS})
    done = [m for m in messages if isinstance(m, ToolMessage) and m.status == "success"]
    assert len(done) == MOST_CALLS
    assert "limit" in str(messages[-1].content)


@pytest.mark.parametrize(
    ("decision", "status", "edits"),
    [
        ({"type": "approve"}, "success", 1),
        ({"type": "reject", "message": "no"}, "error", 0),
        (
            {"type": "edit", "edited_action": {"name": "edit_image", "args": {**EDIT, "seed": 5}}},
            "success",
            1,
        ),
    ],
)
def test_person_approves_rejects_or_edits_what_changes_pictures(
    toolbox: Toolbox, decision: dict[str, Any], status: str, edits: int
) -> None:
    model = scripted(asks("list_images"), asks("edit_image", 2, **EDIT))
    agent = create_image_assistant(model, toolbox, approve=True, checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    paused = agent.invoke({"messages": [HumanMessage("go")]}, thread)
    assert paused["__interrupt__"]
    assert [image.made_by for image in toolbox.list_images().images] == ["import"]
    answer = agent.invoke(Command(resume={"decisions": [decision]}), thread)["messages"]
    told = [message for message in answer if isinstance(message, ToolMessage)][-1]
    assert told.status == status
    made = [image for image in toolbox.list_images().images if image.made_by == "edit"]
    assert len(made) == edits
    if decision["type"] == "edit":
        assert told.artifact.seed == 5


def test_approval_needs_a_conversation_that_is_kept(toolbox: Toolbox) -> None:
    with pytest.raises(InvalidInputError, match="checkpointer"):
        create_image_assistant(scripted(), toolbox, approve=True)


def test_missing_langchain_is_named_with_the_command(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assistant.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'textseg\[agent\]'"):
        create_image_assistant(None, toolbox)


# -- the command reader


def test_plain_commands_go_through_the_same_agent_and_tools(toolbox: Toolbox) -> None:
    agent = create_image_assistant(None, toolbox, checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}

    def says(text: str) -> str:
        state = agent.invoke({"messages": [HumanMessage(text)]}, thread)
        return str(state["messages"][-1].text)

    assert "Found" in says("find the tree in garden.png")
    assert "Changed" in says("turn it into a house")
    assert "latest picture is" in says("undo")
    assert "house" in says("make the house blue")  # there is none: it says so
    assert toolbox.list_images().total == 2
    assert "?" in says("make it nicer")


# -- the chat


def conversation(toolbox: Toolbox, *lines: str, **settings: Any) -> list[str]:
    said: list[str] = []
    answers = iter(settings.pop("answers", ()))
    chat = Chat(toolbox, ask=lambda question: next(answers), say=said.append, **settings)
    talk(chat, iter(lines))
    return said


def test_chat_carries_out_commands_and_says_where_the_pictures_lie(toolbox: Toolbox) -> None:
    said = conversation(toolbox, "turn the tree in garden.png into a house", "quit", "undo")
    assert any(line.startswith("I read: ") for line in said)
    paths = [Path(line.strip()) for line in said if line.startswith("  ")]
    assert len(paths) == 3  # the picture that came in, the edited one, the mask
    assert all(path.is_file() for path in paths)
    assert len([line for line in said if not line.startswith("  ")]) == 1


def test_edit_made_again_in_a_chat_starts_from_the_picture_before(toolbox: Toolbox) -> None:
    """The chat keeps the conversation in checkpoints, as any assistant may."""
    opened = toolbox.workspace.resolve("garden.png").handle
    conversation(toolbox, "turn the tree into a house", "try again with another seed")
    made = [image for image in toolbox.list_images().images if image.made_by == "edit"]
    assert [image.parent for image in made] == [opened, opened]


def test_chat_shows_no_mask_of_what_was_not_found(toolbox: Toolbox) -> None:
    for thing, masks in (("house", 0), ("zebra", 0), ("tree", 1)):
        said = conversation(toolbox, f"find the {thing} in garden.png")
        names = [Path(line.strip()).name for line in said if line.startswith("  ")]
        assert sum(name.startswith("mask_") for name in names) == masks


def test_chat_asks_before_it_changes_anything(toolbox: Toolbox) -> None:
    command = "turn the tree in garden.png into a house"
    conversation(toolbox, command, approve=True, answers=["n"])
    assert [image.made_by for image in toolbox.list_images().images] == ["import"]
    conversation(toolbox, command, approve=True, answers=["y"])
    assert toolbox.list_images().total == 2


def test_interrupt_stops_the_work_and_the_chat_goes_on(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted: list[bool] = []

    def interrupt(progress: Progress) -> None:
        if not interrupted:
            interrupted.append(True)
            os.kill(os.getpid(), 2)

    monkeypatch.setattr("agent_tools.langchain.emit", interrupt)
    said = conversation(toolbox, "turn the tree in garden.png into a house", "find the tree")
    assert interrupted
    assert "Stopped" in said[0]
    assert any("Found" in line for line in said)
    assert [image.made_by for image in toolbox.list_images().images] == ["import"]


def test_lines_come_from_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("find the tree\n\nundo\n"))
    assert list(typed_lines()) == ["find the tree", "undo"]


def test_model_that_fails_does_not_end_the_chat(toolbox: Toolbox) -> None:
    class Fails(type(scripted())):  # type: ignore[misc]  # its base is what scripted() makes
        def _generate(self, *_: Any, **__: Any) -> Any:
            raise MissingExtraError("no such model")

    said = conversation(toolbox, "find the tree", "undo", model=Fails(script=iter(())))
    assert [line.startswith("that did not work") for line in said] == [True, True]


@pytest.mark.slow
def test_chat_command_runs_from_a_pipe(tmp_path: Path) -> None:
    lines = "draw a red house on a meadow\nfind the house\nwhat is this\nundo\nlist the pictures\n"
    done = subprocess.run(
        [sys.executable, "-m", "textseg", "chat", "--workspace", str(tmp_path / "pictures")],
        input=lines,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout.count("I read: ") >= 3
    assert len(list((tmp_path / "pictures" / "items").glob("img_*.png"))) == 1


def test_answer_without_calls_is_said(toolbox: Toolbox) -> None:
    assert conversation(toolbox, "hello", model=scripted(AIMessage("what can I do?"))) == [
        "what can I do?"
    ]
