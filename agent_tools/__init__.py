"""The operations of ``textseg.toolbox`` as tools for language-model agents.

``agent_tools.langchain`` has them for LangChain, and ``agent_tools.mcp_server`` serves them by the
Model Context Protocol. ``agent_tools.assistant`` puts an agent around them, with or without a
language model; ``agent_tools.commands`` is what reads plain commands then.
"""
