"""Commands in plain English, read as calls of the tools: ``read("make the red house blue")``.

A text is made even and taken apart into clauses (`clauses`), and each clause is matched with the
patterns of its verb (`frames`), which `edits` makes calls of. What stands where a thing or a place
must stand is read by `things`; `reading` answers what no tool can help with and puts the calls
together. Words are listed in `lexicon` only.

Whatever has no single certain reading becomes a question back; nothing is guessed.

Small rules instead of a grammar for a parser library: nouns are an open class, so that every name
of a thing could be any words, and a grammar of these commands is ambiguous at every word ("make the
red house blue": red what?). What decides is the order of the patterns and the shortest name whose
rest is a colour or another known quality; in a grammar both would be priorities and filters around
it, and the tables that are left would be no shorter.

How well that works is measured by ``python -m agent_tools.lab.accuracy``.
"""

from __future__ import annotations

from agent_tools.commands.calls import Reading, ToolCall
from agent_tools.commands.reading import read

__all__ = ["Reading", "ToolCall", "read"]
