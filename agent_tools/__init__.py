"""Home of the tools for language-model agents; it has none yet. Use `textseg.toolbox` meanwhile."""
