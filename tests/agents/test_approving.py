"""What a person reads before an assistant makes or changes a picture."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agent_tools.assistant import create_image_assistant
from agent_tools.chat import Chat, talk
from tests.agents.helpers import asks, make_toolbox, scripted
from textseg.toolbox import EditArguments, PlanResult, Toolbox

EDIT = {"image": "garden.png", "query": "tree", "target": "house"}
THREAD: Any = {"configurable": {"thread_id": "1"}}


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    return make_toolbox(tmp_path)


def assistant(toolbox: Toolbox, name: str, **arguments: Any) -> Any:
    model = scripted(asks(name, **arguments))
    return create_image_assistant(model, toolbox, approve=True, checkpointer=InMemorySaver())


def asked(state: Any) -> str:
    (request,) = state["__interrupt__"][0].value["action_requests"]
    return str(request["description"])


def masks(toolbox: Toolbox, made_by: str) -> list[str]:
    found = toolbox.workspace.list(limit=20, kind="mask")
    return [record.handle for record in found if record.operation == made_by]


def test_person_reads_where_and_how_a_picture_would_change(toolbox: Toolbox) -> None:
    agent = assistant(toolbox, "edit_image", **EDIT)
    call, plan = asked(agent.invoke({"messages": [HumanMessage("go")]}, THREAD)).splitlines()
    assert call == "edit_image: image 'garden.png', query 'tree', target 'house'"
    (mask,) = masks(toolbox, "plan")
    facts = PlanResult.model_validate(toolbox.workspace.record(mask).result)
    assert plan.startswith("replace: another thing in its place; place: ")
    assert f"{facts.share:.1%} of the picture, where 'tree' was found" in plan
    assert f"; method: {facts.method}, " in plan
    box = ",".join(map(str, facts.box))
    assert plan.endswith(f"; box {box} of {facts.image}, mask {mask}")


def test_approved_edit_is_the_one_that_was_described(toolbox: Toolbox) -> None:
    agent = assistant(toolbox, "edit_image", **EDIT)
    agent.invoke({"messages": [HumanMessage("go")]}, THREAD)
    done = agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), THREAD)
    made = done["messages"][-2].artifact
    (mask,) = masks(toolbox, "plan")  # described once, though the run began at the question again
    assert made.evaluations.mask == 0
    there = toolbox.shelf.mask(made.region_mask).soft
    assert (there == toolbox.shelf.mask(mask).soft).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({**EDIT, "query": "house"}, "'house' was not found in the picture"),
        ({**EDIT, "strength": 7}, "strength"),
        ({**EDIT, "image": "../secret.png"}, "secret.png"),
    ],
)
def test_person_reads_what_will_not_work(
    toolbox: Toolbox, arguments: dict[str, Any], said: str
) -> None:
    agent = assistant(toolbox, "edit_image", **arguments)
    plan = asked(agent.invoke({"messages": [HumanMessage("go")]}, THREAD)).splitlines()[1]
    assert plan.startswith("cannot be planned: ")
    assert said in plan
    assert masks(toolbox, "plan") == []


def test_picture_that_is_not_made_yet_has_no_plan(toolbox: Toolbox) -> None:
    agent = assistant(toolbox, "generate_and_edit", prompt="a tree")
    state = agent.invoke({"messages": [HumanMessage("go")]}, THREAD)
    assert asked(state) == "generate_and_edit: prompt 'a tree'"


def test_event_loop_goes_on_while_an_edit_is_planned(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = assistant(toolbox, "edit_image", **EDIT)
    planned_on: list[threading.Thread] = []
    plan = toolbox.plan_edit

    def noted(arguments: EditArguments, **follow: Any) -> PlanResult:
        planned_on.append(threading.current_thread())
        return plan(arguments, **follow)

    monkeypatch.setattr(toolbox, "plan_edit", noted)
    state = asyncio.run(agent.ainvoke({"messages": [HumanMessage("go")]}, THREAD))
    assert "another thing in its place" in asked(state)
    assert planned_on != [threading.main_thread()]


def test_chat_shows_the_mask_before_it_asks(toolbox: Toolbox) -> None:
    told: list[str] = []

    def answer(question: str) -> str:
        told.append(question)
        return "n"

    chat = Chat(toolbox, ask=answer, say=told.append, approve=True)
    talk(chat, iter(["turn the tree in garden.png into a house"]))
    (mask,) = masks(toolbox, "plan")
    at = next(k for k, line in enumerate(told) if line.endswith("- go ahead? [y/N] "))
    assert f"  {toolbox.shelf.path_of(mask)}" in told[:at]
    assert f", mask {mask} - go ahead" in told[at]
    assert not any(line.startswith("  ") for line in told[at:]), "nothing is new afterwards"
