"""Keeps buyers' data back, and names the text that others wrote."""
