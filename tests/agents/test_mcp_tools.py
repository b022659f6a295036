"""The tools as a client sees them, in memory, in both eras of the protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mcp import Client
from mcp_types import CallToolResult, ImageContent, ResourceLink
from PIL import Image

from agent_tools.mcp.calls import WHOLE
from agent_tools.mcp_server import serve
from agent_tools.operations import offered
from agent_tools.previews import LONGEST_SIDE, MOST_CHARACTERS
from tests.agents.mcp_helpers import (
    ERAS,
    HEIGHT,
    WIDTH,
    Crashing,
    Gate,
    Gated,
    call,
    facts_of,
    make_toolbox,
    text_of,
    until,
    with_client,
)
from textseg.toolbox import (
    EditArguments,
    EditResult,
    Facts,
    SegmentArguments,
    SegmentResult,
    Toolbox,
    UndoResult,
)

pytestmark = pytest.mark.parametrize("mode", ERAS)

UNUSABLE = ("anyOf", "oneOf", "allOf", "not", "$ref", "$defs", "title", "prefixItems")


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    return make_toolbox(tmp_path)


def keys_of(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            yield key
            yield from keys_of(value)


def lasting(facts: Facts) -> dict[str, Any]:
    """Return the facts that are the same whenever the same is asked, known already or not."""
    return facts.model_dump(mode="json", exclude={"mask", "seconds", "evaluations"})


# -- what is offered


def test_each_era_speaks_its_version_and_says_what_this_is(toolbox: Toolbox, mode: str) -> None:
    async def look(client: Client) -> tuple[str, str | None]:
        return client.protocol_version, client.instructions

    version, instructions = with_client(serve(toolbox), look, mode=mode)
    assert version == ERAS[mode]
    assert instructions is not None
    assert "latest" in instructions


def test_tools_come_in_their_fixed_order_with_clean_schemas(toolbox: Toolbox, mode: str) -> None:
    listed = with_client(serve(toolbox), lambda client: client.list_tools(), mode=mode).tools
    assert [tool.name for tool in listed] == [
        "segment_image",
        "edit_image",
        "generate_and_edit",
        "describe_image",
        "ask_image",
        "list_images",
        "undo",
        "retouch_image",
        "arrange_image",
        "compare_images",
    ]
    for tool, operation in zip(listed, offered(toolbox), strict=True):
        assert (tool.title, tool.description) == (operation.title, operation.description)
        assert set(keys_of(tool.input_schema)).isdisjoint(UNUSABLE)
        assert tool.input_schema["additionalProperties"] is False
        assert set(tool.input_schema["properties"]) == set(operation.takes.model_fields)
        assert "description" not in tool.input_schema
        assert tool.output_schema == operation.returns.model_json_schema()


def test_hints_say_what_calls_leave_behind(toolbox: Toolbox, mode: str) -> None:
    """Nothing is ever deleted, and nothing reaches beyond this machine."""
    calls: dict[str, dict[str, Any]] = {
        "segment_image": {"query": "tree"},
        "edit_image": {"query": "tree", "operation": "remove", "image": "garden.png"},
        "generate_and_edit": {"prompt": "tree", "height": 24},
        "describe_image": {},
        "ask_image": {"about": "size", "query": "tree"},
        "list_images": {},
        "undo": {},
        "retouch_image": {"image": "garden.png", "query": "tree", "action": "grey"},
        "arrange_image": {"image": "garden.png", "query": "tree", "action": "flip"},
        "compare_images": {},
    }
    added: Any = {"operation": "add", "target": "house", "region": "right"}

    def state() -> set[str]:
        records = toolbox.workspace.list(limit=1000, kind=None)
        latest = toolbox.workspace.latest()
        return {record.handle for record in records} | {f"latest: {latest and latest.handle}"}

    async def every(client: Client) -> None:
        for tool in (await client.list_tools()).tools:
            for image in ("garden.png", "latest"):
                toolbox.edit_image(EditArguments(image=image, **added))
            before = state()
            facts_of(await client.call_tool(tool.name, calls[tool.name]))
            after = state()
            facts_of(await client.call_tool(tool.name, calls[tool.name]))
            hints = tool.annotations
            assert hints is not None
            assert hints.read_only_hint == (before == after)
            assert hints.idempotent_hint == (after == state())
            kept = {each for each in before if not each.startswith("latest")}
            assert hints.destructive_hint == (not kept <= state())
            assert hints.open_world_hint is False

    with_client(serve(toolbox), every, mode=mode)


# -- the course of things


def test_segment_edit_and_undo_give_the_facts_of_the_toolbox(toolbox: Toolbox, mode: str) -> None:
    async def course(client: Client) -> list[CallToolResult]:
        return [
            await client.call_tool("segment_image", {"image": "garden.png", "query": "tree"}),
            await client.call_tool("edit_image", {"query": "tree", "target": "house"}),
            await client.call_tool("undo", {}),
            await client.call_tool("list_images", {}),
        ]

    found, edited, undone, listed = with_client(serve(toolbox), course, mode=mode)

    segment = SegmentResult.model_validate(facts_of(found))
    same = toolbox.segment_image(SegmentArguments(image=segment.image, queries=["tree"]))
    assert lasting(segment.queries[0]) == lasting(same.queries[0])
    assert str(segment.queries[0].mask) in text_of(found)

    edit = EditResult.model_validate(facts_of(edited))
    assert edit.image == segment.image
    assert edit.check.changed_outside == 0
    assert edit.picture is not None
    assert edit.picture in text_of(edited)
    assert toolbox.shelf.picture(edit.picture).size == (HEIGHT, WIDTH)

    back = UndoResult.model_validate(facts_of(undone))
    assert (back.image.handle, back.undone) == (segment.image, edit.picture)
    latest = [image["handle"] for image in facts_of(listed)["images"] if image["latest"]]
    assert latest == [segment.image]
    assert facts_of(listed)["total"] == 2


def test_structured_content_is_what_the_output_schema_says(toolbox: Toolbox, mode: str) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "segment_image": {"image": "garden.png", "query": "tree"},
        "edit_image": {"query": "tree", "operation": "remove"},
        "generate_and_edit": {"prompt": "tree", "query": "tree", "target": "house", "height": 24},
        "describe_image": {},
        "ask_image": {"about": "larger", "queries": ["tree", "house"]},
        "list_images": {"limit": 2, "name": "garden"},
        "undo": {},
        "retouch_image": {"image": "garden.png", "query": "tree", "action": "grey"},
        "arrange_image": {"image": "garden.png", "query": "tree", "action": "flip"},
        "compare_images": {"other": "garden.png"},
    }

    async def every(client: Client) -> None:
        for tool in (await client.list_tools()).tools:
            facts = facts_of(await client.call_tool(tool.name, arguments[tool.name]))
            assert tool.output_schema is not None
            jsonschema.validate(facts, tool.output_schema)

    with_client(serve(toolbox), every, mode=mode)


def test_content_is_text_first_and_one_small_picture(toolbox: Toolbox, mode: str) -> None:
    result = call(
        serve(toolbox), "segment_image", {"image": "garden.png", "query": "tree"}, mode=mode
    )
    mask = facts_of(result)["queries"][0]["mask"]
    assert text_of(result).endswith(f"textseg://image/{mask}")
    assert len(result.content) == 2
    picture = result.content[1]
    assert isinstance(picture, ImageContent)
    assert len(picture.data) <= MOST_CHARACTERS
    shown = Image.open(io.BytesIO(base64.b64decode(picture.data)))
    assert max(shown.size) <= LONGEST_SIDE
    assert picture.mime_type == Image.MIME[shown.format or ""]
    assert picture.data[:40] not in json.dumps(result.structured_content)


def test_several_queries_give_a_line_an_address_and_a_picture_each(
    toolbox: Toolbox, mode: str
) -> None:
    asked = {"image": "garden.png", "queries": ["tree", "house"]}
    result = call(serve(toolbox), "segment_image", asked, mode=mode)
    masks = [facts["mask"] for facts in facts_of(result)["queries"]]
    lines = text_of(result).splitlines()
    assert ["tree" in lines[0], "house" in lines[1]] == [True, True]
    assert lines[2:] == [f"textseg://image/{mask}" for mask in masks]
    assert [block.type for block in result.content] == ["text", "image", "image"]


def test_preview_can_be_left_out(toolbox: Toolbox, mode: str) -> None:
    server = serve(toolbox, preview="none")
    result = call(server, "segment_image", {"image": "garden.png", "query": "tree"}, mode=mode)
    assert [block.type for block in result.content] == ["text"]
    assert facts_of(result)["queries"][0]["matched"]


def test_preview_that_fails_is_left_out(
    toolbox: Toolbox, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(handle: str) -> Image.Image:
        raise OSError("the disk is gone")

    monkeypatch.setattr(toolbox.shelf, "preview", fail)
    result = call(serve(toolbox), "generate_and_edit", {"prompt": "tree", "width": 40}, mode=mode)
    assert [block.type for block in result.content] == ["text"]
    assert toolbox.workspace.latest() is not None


def test_null_and_empty_mean_not_given(toolbox: Toolbox, mode: str) -> None:
    server = serve(toolbox)
    plain = {"image": "garden.png", "query": "tree"}
    given = {**plain, "exclude": None, "region": "", "threshold": None, "seed": None}
    first, second = (
        SegmentResult.model_validate(facts_of(call(server, "segment_image", each, mode=mode)))
        for each in (plain, given)
    )
    assert lasting(first.queries[0]) == lasting(second.queries[0])


# -- what goes wrong


def error_of(result: CallToolResult) -> dict[str, Any]:
    assert result.is_error
    assert result.structured_content is None
    assert len(result.content) == 1
    facts = json.loads(text_of(result))
    assert {"code", "message", "hint"} <= facts.keys()
    assert isinstance(facts, dict)
    return facts


def test_not_found_is_an_answer_of_segmentation(toolbox: Toolbox, mode: str) -> None:
    asked = {"image": "garden.png", "query": "house"}
    facts = facts_of(call(serve(toolbox), "segment_image", asked, mode=mode))["queries"][0]
    assert not facts["matched"]


def test_not_found_fails_an_edit_and_changes_nothing(toolbox: Toolbox, mode: str) -> None:
    asked = {"image": "garden.png", "query": "house", "target": "tree"}
    error = error_of(call(serve(toolbox), "edit_image", asked, mode=mode))
    assert error["code"] == "not_found"
    assert 0 <= error["presence"] < 0.5
    assert toolbox.workspace.count() == 1  # the import


@pytest.mark.parametrize(
    ("tool", "arguments", "named"),
    [
        ("segment_image", {}, "query"),
        ("segment_image", {"query": ""}, "query"),
        ("segment_image", {"query": "tree", "threshold": 7}, "threshold"),
        ("segment_image", {"query": {"a": "tree"}}, "query"),
        ("segment_image", {"query": "tree", "output": "/tmp/x.png"}, "output"),
        ("edit_image", {"operation": "explode", "query": "tree"}, "operation"),
        ("generate_and_edit", {"prompt": "x" * 501}, "prompt"),
        ("list_images", {"limit": 0}, "limit"),
    ],
)
def test_wrong_arguments_are_named_and_not_repeated(
    toolbox: Toolbox, mode: str, tool: str, arguments: dict[str, Any], named: str
) -> None:
    error = error_of(call(serve(toolbox), tool, arguments, mode=mode))
    assert error["code"] == "invalid_input"
    assert named in error["message"]
    assert "explode" not in error["message"]
    assert "xxx" not in error["message"]


def test_unknown_tool_is_told_the_known_ones(toolbox: Toolbox, mode: str) -> None:
    error = error_of(call(serve(toolbox), "blur_image", {}, mode=mode))
    assert error["code"] == "unknown_name"
    assert "edit_image" in error["message"]


NAMES = [
    "/etc/passwd",
    "../results/index.sqlite",
    "~/.ssh/id_rsa",
    "nothing.png",
    "broken.png",
    "folder",
    "link.png",
    "img_0000000000",
    "mask_0000000000",
    "a\0b",
    "file:///etc/passwd",
    "https://example.org/x.png",
]


@pytest.mark.parametrize("name", NAMES)
def test_errors_name_no_place_on_the_disk(tmp_path: Path, mode: str, name: str) -> None:
    toolbox = make_toolbox(tmp_path)
    pictures = tmp_path / "pictures"
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    (pictures / "folder").mkdir()
    (pictures / "link.png").symlink_to(tmp_path / "pictures" / "garden.png")
    asked = {"image": name, "query": "tree"}
    error = error_of(call(serve(toolbox), "segment_image", asked, mode=mode))
    said = json.dumps(error)
    for place in (tmp_path, toolbox.workspace.folder, Path.home(), *toolbox.workspace.roots):
        assert str(place) not in said
    assert error["code"] in ("outside_workspace", "unknown_handle", "invalid_image")


def test_fault_of_our_own_is_told_without_its_cause(tmp_path: Path, mode: str) -> None:
    toolbox = make_toolbox(tmp_path, Crashing())
    asked = {"image": "garden.png", "query": "tree"}
    error = error_of(call(serve(toolbox), "segment_image", asked, mode=mode))
    assert error["code"] == "internal"
    assert "secret" not in json.dumps(error)


def test_links_come_instead_of_pictures_where_they_are_asked_for(
    tmp_path: Path, toolbox: Toolbox, mode: str
) -> None:
    wide = tmp_path / "pictures" / "wide.png"
    Image.new("RGB", (1200, 40)).save(wide)
    first = toolbox.shelf.import_image(wide).handle
    second = toolbox.shelf.import_image(tmp_path / "pictures" / "garden.png").handle
    for handle, size in ((first, "?max=1024"), (second, "")):
        asked = {"to": handle}
        result = call(serve(toolbox, preview="links"), "undo", asked, mode=mode)
        _, link = result.content
        assert isinstance(link, ResourceLink)
        assert (link.uri, link.name) == (f"textseg://image/{handle}{size}", handle)
        assert text_of(result).endswith(link.uri)


# -- while it goes on


def test_progress_grows_and_says_what_is_done(toolbox: Toolbox, mode: str) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def listen(done: float, of: float | None, text: str | None) -> None:
        told.append((done, of, text))

    async def ask(client: Client) -> CallToolResult:
        asked = {"image": "garden.png", "query": "tree", "target": "house"}
        return await client.call_tool("edit_image", asked, progress_callback=listen)

    facts_of(with_client(serve(toolbox), ask, mode=mode))
    done = [report[0] for report in told]
    assert len(done) > 2
    assert done == sorted(set(done))
    assert {of for _, of, _ in told} == {WHOLE}
    assert WHOLE / 2 < done[-1] < WHOLE
    assert len({(text or "").partition(":")[0] for _, _, text in told}) > 1


def test_cancelled_call_stops_at_its_next_step(tmp_path: Path, mode: str) -> None:
    gate = Gate()
    toolbox = make_toolbox(tmp_path, Gated(gate=gate))

    async def leave(client: Client) -> CallToolResult:
        asked = {"image": "garden.png", "query": "tree", "target": "house"}
        task = asyncio.create_task(client.call_tool("edit_image", asked))
        await until(gate.reached)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # another request: when it is answered the notification has been read
        listed = await client.call_tool("list_images", {})
        gate.opened.set()
        await asyncio.to_thread(free, toolbox)
        return listed

    listed = with_client(serve(toolbox), leave, mode=mode)
    assert facts_of(listed)["total"] == 1
    assert gate.passed == 1
    assert toolbox.workspace.count() == 1


def free(toolbox: Toolbox) -> None:
    """Wait until nobody works with the model of a toolbox."""
    with toolbox.host.turns.turn():
        pass


def test_result_is_found_after_its_client_gave_up(
    toolbox: Toolbox, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    show = toolbox.shelf.preview

    def late(handle: str) -> Image.Image:
        gate.wait()
        return show(handle)

    monkeypatch.setattr(toolbox.shelf, "preview", late)

    async def give_up(client: Client) -> CallToolResult:
        asked = {"image": "garden.png", "query": "tree", "target": "house"}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as patience:
                waiting = asyncio.create_task(expire(patience))
                await client.call_tool("edit_image", asked)
        await waiting
        assert patience.expired()
        gate.opened.set()
        return await client.call_tool("list_images", {})

    async def expire(patience: asyncio.Timeout) -> None:
        await until(gate.reached)
        patience.reschedule(asyncio.get_running_loop().time())

    images = facts_of(with_client(serve(toolbox), give_up, mode=mode))["images"]
    assert [image["made_by"] for image in images if image["latest"]] == ["edit"]


def test_other_calls_are_answered_while_the_model_works(tmp_path: Path, mode: str) -> None:
    gate = Gate()
    toolbox = make_toolbox(tmp_path, Gated(gate=gate))

    async def two(client: Client) -> tuple[CallToolResult, CallToolResult]:
        asked = {"image": "garden.png", "query": "tree"}
        task = asyncio.create_task(client.call_tool("segment_image", asked))
        await until(gate.reached)
        listed = await client.call_tool("list_images", {})
        gate.opened.set()
        return listed, await task

    listed, found = with_client(serve(toolbox), two, mode=mode)
    assert facts_of(listed)["total"] == 1
    assert facts_of(found)["queries"][0]["matched"]


def test_call_that_waits_says_how_many_are_before_it(tmp_path: Path, mode: str) -> None:
    gate, told = Gate(), []
    toolbox = make_toolbox(tmp_path, Gated(gate=gate))

    async def listen(done: float, of: float | None, text: str | None) -> None:
        told.append(text)
        gate.opened.set()

    async def two(client: Client) -> CallToolResult:
        asked = {"image": "garden.png", "query": "tree"}
        task = asyncio.create_task(client.call_tool("segment_image", asked))
        await until(gate.reached)
        second = await client.call_tool("segment_image", asked, progress_callback=listen)
        await task
        return second

    assert facts_of(with_client(serve(toolbox), two, mode=mode))["queries"][0]["matched"]
    assert told[0] == "waiting for earlier calls: 0 of 1"
