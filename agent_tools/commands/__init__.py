"""Commands in plain English, read as calls of the tools: ``read("make the red house blue")``.

A text is made even (`wording`) and taken apart into clauses (`clauses`). Each clause is matched
with a table of patterns (`frames`), whose functions make calls of it: `edits` for what a model
paints, `acts` for what needs none, `work` for the work itself. What stands where a thing, a
place or a quality must stand is read by `things`, `places` and `looks`; `reading` puts the calls
together. Words are listed in `lexicon` only.

What no pattern fits is read by what its words are for, in any order (`chunks`): a rule (`rules`)
has to account for every word.

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
