"""What the weights of the embedded model, its captioner and its judge come from."""
