"""Builds the parts of a run in groups of those that belong together, for `app` to put in order."""
