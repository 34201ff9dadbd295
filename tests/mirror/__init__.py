"""The local copy of the shops."""
