"""How the tools are served to other programs by the Model Context Protocol; see ``mcp_server``."""
