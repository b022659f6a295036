"""Whether the MCP SDK is there; the other modules of this folder need it."""

from __future__ import annotations

from textseg.errors import needing_extra


def check_installed() -> None:
    """Raise ``MissingExtraError`` when the MCP SDK is not installed, or only an older one."""
    with needing_extra("serving the tools needs the MCP SDK", "mcp"):
        import mcp  # noqa: F401
        import mcp_types  # noqa: F401  # there since version 2
