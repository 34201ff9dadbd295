"""Loads DuckDB's extension module, without the Python package around it where possible.

The package's classes for relations and expressions are used nowhere here. They took 9 MB and 70 ms of each process
that loads them, beside 14 MB and 20 ms of DuckDB's own.
"""

from __future__ import annotations

try:
    from _duckdb import DuckDBPyConnection, Error, IOException, connect
except ImportError:  # another build, which may have it in another place
    from duckdb import DuckDBPyConnection, Error, IOException, connect

__all__ = ["DuckDBPyConnection", "Error", "IOException", "connect", "initialize"]


def initialize() -> None:
    """Do what the first connection of a process does once, before there is anything to ask."""
    connect(config={"threads": 1}).close()
