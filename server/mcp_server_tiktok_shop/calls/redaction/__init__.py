"""Redacts buyers' data, and finds the text that others wrote."""
