"""One tool call, from a model's arguments to what it reads."""
