"""Commands in plain English, read as calls of the tools: ``read("make the red house blue")``.

A text is made even (`wording`) and taken apart into clauses (`clauses`). What the words of a clause
are for (`chunks`) is held against a table of rules (`rules`, ``wording.txt``): the first that
accounts for every word decides. Most rules take the words in any order; some give the order and
leave a part open, as the text of a new picture. Functions make calls of the parts: `edits` for what
a model paints, `acts` for what needs none, `work` for the work itself, `meanings` for words in any
order. What stands where a thing, a place or a quality must stand is read by `things`, `places` and
`looks`; `reading` puts the calls together.

Whatever has no single certain reading becomes a question back. It may offer what a part of the
text means (`guessing`), to be done after a yes; no guess is carried out without one.

Small rules instead of a grammar for a parser library: nouns are an open class, so that every name
of a thing could be any words, and a grammar of these commands is ambiguous at every word ("make the
red house blue": red what?). What decides is the order of the rules and the shortest name whose rest
is a colour or another known quality; in a grammar both would be priorities and filters around it,
and the tables that are left would be no shorter.

How well that works is measured by ``python -m agent_tools.lab.accuracy``.
"""

from __future__ import annotations

from agent_tools.commands.calls import Reading, ToolCall
from agent_tools.commands.reading import read

__all__ = ["Reading", "ToolCall", "read"]
