"""The reader as a chat model: alone, and as the model of an agent with tools that only report."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool, ToolException, tool
from langchain_tests.unit_tests import ChatModelUnitTests
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agent_tools.reader import WELCOME, CommandReader
from textseg.toolbox import EditResult

Calls = list[tuple[str, dict[str, Any]]]  # Any: arguments of any tool
MISSING = {"code": "not_found", "message": "there is no unicorn", "hint": "name what is there"}


class TestCommandReader(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[CommandReader]:
        return CommandReader

    @property
    def chat_model_params(self) -> dict[str, Any]:  # Any: as in the base class
        return {}


def tools_that_report(made: Calls) -> list[BaseTool]:
    """Return the tools; they note what they are called with, and find no unicorns."""

    @tool
    def segment_image(query: str, region: str = "", image: str = "latest", seed: int = 0) -> str:
        """Find."""
        made.append(("segment_image", {"query": query, "region": region}))
        return f"{query} found."

    @tool
    def edit_image(
        query: str = "",
        target: str = "",
        operation: str = "replace",
        image: str = "latest",
        exclude: str = "",
        region: str = "",
        seed: int = 0,
    ) -> str:
        """Change."""
        if "unicorn" in query:
            raise ToolException(json.dumps(MISSING))
        made.append((operation, {"query": query, "target": target, "seed": seed}))
        return f"{query or target} changed."

    @tool
    def generate_and_edit(
        prompt: str, query: str = "", target: str = "", operation: str = "replace", seed: int = 0
    ) -> str:
        """Make."""
        made.append(("generate", {"prompt": prompt, "query": query}))
        return "A picture was made."

    @tool
    def list_images(limit: int = 10) -> str:
        """List."""
        made.append(("list", {"limit": limit}))
        return "img_one, img_two"

    @tool
    def undo() -> str:
        """Undo."""
        made.append(("undo", {}))
        return "Undone."

    offered = [segment_image, edit_image, generate_and_edit, list_images, undo]
    for each in offered:
        each.handle_tool_error = True
    return offered


def talk(*said: str, without: str = "") -> tuple[Calls, list[str]]:
    """Return the calls that were made, and the answer to each thing that was said."""
    made: Calls = []
    offered = [each for each in tools_that_report(made) if each.name != without]
    agent = create_agent(CommandReader(), offered)
    messages: list[BaseMessage] = []
    answers = []
    for text in said:
        messages = agent.invoke({"messages": [*messages, HumanMessage(text)]})["messages"]
        answers.append(str(messages[-1].text))
    return made, answers


def changes(made: Calls) -> list[str]:
    return [f"{args['query']} -> {args['target']}" for _, args in made if args.get("target")]


# -- in an agent


def test_command_becomes_calls_and_an_answer_of_what_was_read_and_reported() -> None:
    made, (answer,) = talk("make the house blue and remove the tree")
    assert [name for name, _ in made] == ["replace", "remove"]
    assert answer == (
        "I read: recolour: house -> blue house; remove: tree. house changed. tree changed."
    )


def test_region_stays_out_of_the_query() -> None:
    made, _ = talk("find the second tree from the right")
    assert made == [("segment_image", {"query": "tree", "region": "second from the right"})]


def test_question_calls_nothing() -> None:
    made, (answer,) = talk("make the house nicer")
    assert made == []
    assert "nicer" in answer


def test_yes_does_what_the_question_before_offered() -> None:
    wish = "remove the guy on the right my aunt loathes him"
    made, (question, answer, again) = talk(wish, "Yes, please!", "yes")
    assert "Shall I do this: remove: guy (right)?" in question
    assert answer == "I read: remove: guy (right). guy changed."
    assert [name for name, _ in made] == ["remove"]
    assert "I can find" in again


def test_yes_means_it_as_it_was_when_it_was_asked() -> None:
    made, _ = talk("find the house", "make it blue so nobody peeks at the door", "yep", "undo")
    assert changes(made) == ["house -> blue house"]
    assert made[-1][0] == "undo"


@pytest.mark.parametrize("text", ["no", "nope", "yes, make the tree green"])
def test_what_is_no_yes_does_nothing_that_was_offered(text: str) -> None:
    made, _ = talk("remove the guy on the right my aunt loathes him", text)
    assert "remove" not in [name for name, _ in made]


@pytest.mark.parametrize("said", [["yes"], ["make the house nicer", "yes"], ["list images", "yes"]])
def test_yes_to_nothing_does_nothing(said: list[str]) -> None:
    made, answers = talk(*said)
    assert [name for name, _ in made if name != "list"] == []
    assert "I can find" in answers[-1]


def test_it_is_what_the_command_before_was_about() -> None:
    made, _ = talk("find the red house", "make it blue", "now make it green")
    assert changes(made) == ["red house -> blue house", "blue house -> green house"]


def test_them_is_all_that_the_command_before_was_about() -> None:
    made, _ = talk("find the tree and the house", "make them red")
    assert changes(made) == ["tree -> red tree", "house -> red house"]


def test_it_is_not_what_was_spoken_of_before_a_question() -> None:
    made, answers = talk("find the house", "make the tree nicer", "make it blue")
    assert changes(made) == []
    assert "stand for" in answers[-1]


def test_failed_call_ends_the_command_and_says_what_was_done_and_what_not() -> None:
    made, (answer,) = talk("find the cat, make the unicorn blue and remove the tree")
    assert [name for name, _ in made] == ["segment_image"]
    assert "cat found." in answer
    assert "This did not work: recolour: unicorn -> blue unicorn." in answer
    assert "There is no unicorn. Name what is there." in answer
    assert answer.endswith("Not done either: remove: tree.")


def test_undo_after_a_command_that_changed_nothing_is_asked_back_once() -> None:
    made, answers = talk("remove the tree", "make the unicorn blue", "undo", "undo")
    assert "nothing of it can be undone" in answers[2]
    assert [name for name, _ in made] == ["remove", "undo"]


def test_undo_after_a_command_that_failed_half_way_undoes_the_half() -> None:
    made, _ = talk("remove the tree and make the unicorn blue", "undo")
    assert [name for name, _ in made] == ["remove", "undo"]


def test_after_an_undo_it_is_what_the_undone_edit_began_with() -> None:
    made, _ = talk("make the red house blue", "undo", "make it green")
    assert changes(made) == ["red house -> blue house", "red house -> green house"]


def test_after_an_undo_another_seed_repeats_the_undone_edit() -> None:
    made, _ = talk("make the red house blue", "undo", "again with another seed")
    assert [args.get("seed") for _, args in made] == [0, None, 1]


def test_after_two_undos_it_is_a_question() -> None:
    _, answers = talk("make the house blue", "remove the tree", "undo twice", "make it green")
    assert "stand for" in answers[-1]


def test_list_in_between_does_not_change_what_it_is() -> None:
    made, _ = talk("find the house", "list the images", "make it blue")
    assert changes(made) == ["house -> blue house"]


def test_what_failed_is_still_called_what_it_was() -> None:
    _, answers = talk("make the unicorn blue", "make it green")
    assert "recolour: unicorn -> green unicorn" in answers[-1]


def test_command_for_a_tool_that_is_not_bound_does_nothing_at_all() -> None:
    made, (answer,) = talk("find the cat and undo", without="undo")
    assert made == []
    assert answer == "I read: find: cat; undo. Not available here: undo."


def test_where_nothing_may_be_saved_it_says_what_to_do() -> None:
    made, (answer,) = talk("save it as cat.png", without="export_image")
    assert made == []
    assert "exports" in answer


@pytest.mark.parametrize(("decision", "done"), [("approve", 1), ("reject", 0)])
def test_person_can_approve_or_reject_a_call(decision: str, done: int) -> None:
    made: Calls = []
    agent = create_agent(
        CommandReader(),
        tools_that_report(made),
        middleware=[HumanInTheLoopMiddleware(interrupt_on={"edit_image": True})],
        checkpointer=InMemorySaver(),
    )
    thread: Any = {"configurable": {"thread_id": "one"}}  # Any: langchain's config is a typed dict
    agent.invoke({"messages": [HumanMessage("remove the tree")]}, thread)
    resume: Any = Command(resume={"decisions": [{"type": decision}]})
    answer = agent.invoke(resume, thread)["messages"][-1].text
    assert len(made) == done
    assert ("This did not work" in answer) == (not done)


# -- alone


def test_one_call_is_issued_at_a_time() -> None:
    model = CommandReader().bind_tools(tools_that_report([]))
    first = model.invoke([HumanMessage("find the cat and the dog")])
    assert [call["args"] for call in first.tool_calls] == [{"query": "cat"}]
    done = ToolMessage("cat found.", tool_call_id=first.tool_calls[0]["id"])
    second = model.invoke([HumanMessage("find the cat and the dog"), first, done])
    assert [call["args"] for call in second.tool_calls] == [{"query": "dog"}]


def test_without_a_command_it_says_what_can_be_said() -> None:
    assert CommandReader().invoke([AIMessage("Hello.")]).text == WELCOME


def test_first_text_of_a_result_is_told_and_pictures_are_not() -> None:
    asked = CommandReader().bind_tools(tools_that_report([]))
    (call,) = asked.invoke("find the cat").tool_calls
    blocks: list[Any] = [
        {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
        {"type": "text", "text": "1 cat."},
    ]
    result = ToolMessage(blocks, tool_call_id=call["id"])
    said = asked.invoke([HumanMessage("find the cat"), AIMessage("", tool_calls=[call]), result])
    assert said.text == "I read: find: cat. 1 cat."


def test_edit_made_again_starts_from_the_picture_that_it_started_from() -> None:
    asked = CommandReader().bind_tools(tools_that_report([]))
    (call,) = asked.invoke("make the red house blue").tool_calls
    artifact = EditResult.model_construct(image="img_before")
    result = ToolMessage("Done.", tool_call_id=call["id"], artifact=artifact)
    history = [HumanMessage("make the red house blue"), AIMessage("", tool_calls=[call]), result]
    (again,) = asked.invoke([*history, HumanMessage("again with another seed")]).tool_calls
    assert again["args"] == {
        "query": "red house",
        "target": "blue house",
        "image": "img_before",
        "seed": 1,
    }
    (changed,) = asked.invoke([*history, HumanMessage("make it green")]).tool_calls
    assert changed["args"] == {"query": "blue house", "target": "green house"}


@pytest.mark.parametrize("content", ["it broke", "[1]", '{"code": "x"}', "null", "3"])
def test_error_in_any_form_is_told(content: str) -> None:
    asked = CommandReader().bind_tools(tools_that_report([]))
    (call,) = asked.invoke("find the cat").tool_calls
    result = ToolMessage(content, tool_call_id=call["id"], status="error")
    said = asked.invoke([HumanMessage("find the cat"), AIMessage("", tool_calls=[call]), result])
    assert said.text == f"I read: find: cat. This did not work. {content}"
