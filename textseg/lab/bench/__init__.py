"""What the numbers in README and documentation come from."""
