"""Benchmarks the server against the SDK's bare one, side by side in one run: `python -m bench`."""
