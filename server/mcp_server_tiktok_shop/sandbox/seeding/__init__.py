"""The world that a new sandbox begins with."""
