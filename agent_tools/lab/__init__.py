"""What the numbers about assistants come from; not part of what is installed."""
