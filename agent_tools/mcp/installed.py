"""Whether the MCP SDK is there; the other modules of this folder need it."""

from __future__ import annotations

from textseg.errors import MissingExtraError


def check_installed() -> None:
    """Raise ``MissingExtraError`` when the MCP SDK is not installed, or only an older one."""
    try:
        import mcp  # noqa: F401
        import mcp_types  # noqa: F401  # there since version 2
    except ImportError as error:
        raise MissingExtraError(
            "serving the tools needs the MCP SDK", hint="pip install 'textseg[mcp]'"
        ) from error
