"""Where the numbers and the weights come from; nothing else of the package needs it."""
