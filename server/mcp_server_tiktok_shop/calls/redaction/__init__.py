"""Redacts buyers' data, and finds text that others wrote."""
