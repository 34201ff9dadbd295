"""Declares what the platform offers, as data, and reads it with pure code."""
