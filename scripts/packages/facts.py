"""Tells what every package says of the project: name, version, words, addresses, from `pyproject.toml` and records."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_server_tiktok_shop import __version__

PROJECT = Path(__file__).parents[2]
AUTHOR = "The maintainers of mcp-server-tiktok-shop"
TITLE = "TikTok Shop"


@dataclass(frozen=True, slots=True)
class Facts:
    """`owner` is whose account at GitHub the project is published under, empty where nobody said."""

    owner: str = ""

    @property
    def project(self) -> dict[str, Any]:
        """The project's table of `pyproject.toml`."""
        text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
        project: dict[str, Any] = tomllib.loads(text)["project"]
        return project

    @property
    def name(self) -> str:
        return str(self.project["name"])

    @property
    def version(self) -> str:
        return __version__

    @property
    def description(self) -> str:
        return str(self.project["description"])

    @property
    def repository(self) -> str:
        """The address of the source, empty without an owner."""
        return f"https://github.com/{self.owner}/{self.name}" if self.owner else ""

    @property
    def privacy_policy(self) -> str:
        return f"{self.repository}/blob/main/docs/listing.md#privacy-policy" if self.owner else ""
