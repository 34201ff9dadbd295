"""Reads the skills: a seller's routines, each a `SKILL.md` served as a prompt, a resource and an entry."""

from __future__ import annotations

import json
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.catalog.operation import Json

SKILLS_FOLDER = Path(__file__).parents[1] / "skills"
SKILL_FILE = "SKILL.md"
SKILL_URI_PREFIX = "skill://"
FENCE = "---\n"
ARGUMENT_PREFIX = "argument-"
# Every routine takes it, last: what a person types first is another argument's.
SHOP_ARGUMENT = {"shop": "which shop, where there are several"}
MAX_SHOWN_NAME_CHARS = 60


class Skill(Struct, frozen=True):
    """One routine: its whole text, and what the frontmatter in it says.

    Of the frontmatter `metadata` is ours: `title`; `required-tools`, without which it is not offered; what a person may
    add to the prompt as `argument-<name>`, in the order in which it is typed, and which of it are `required-arguments`.
    """

    text: str
    frontmatter: Json
    instructions: str

    @property
    def name(self) -> str:
        return str(self.frontmatter["name"])

    @property
    def uri(self) -> str:
        return f"{SKILL_URI_PREFIX}{self.name}/{SKILL_FILE}"

    @property
    def title(self) -> str:
        return self._metadata["title"]

    @property
    def description(self) -> str:
        return str(self.frontmatter["description"])

    @property
    def required_tools(self) -> tuple[str, ...]:
        return tuple(self._metadata["required-tools"].split())

    @property
    def arguments(self) -> Mapping[str, str]:
        """What each argument of the prompt is."""
        own = {n.removeprefix(ARGUMENT_PREFIX): v for n, v in self._metadata.items() if n.startswith(ARGUMENT_PREFIX)}
        return own | SHOP_ARGUMENT

    @property
    def required_arguments(self) -> tuple[str, ...]:
        return tuple(self._metadata.get("required-arguments", "").split())

    @property
    def _metadata(self) -> Mapping[str, str]:
        metadata: Mapping[str, str] = self.frontmatter["metadata"]
        return metadata


@cache
def load_skills() -> Mapping[str, Skill]:
    """Every skill of this package by its name, read at the first question for them."""
    skills = [parse_skill(path.read_bytes().decode()) for path in sorted(SKILLS_FOLDER.glob(f"*/{SKILL_FILE}"))]
    return {skill.name: skill for skill in skills}


def find_skill(name: str) -> Skill:
    """The skill of a name.

    Raises:
        ShopError: `not_found`, with the nearest name.

    """
    skills = load_skills()
    skill = skills.get(name.replace("_", "-"))  # as prompts were called before they were skills
    if skill is None:
        suggestions = get_close_matches(name, skills, n=1)
        hint = f"Did you mean {suggestions[0]}?" if suggestions else f"There are {', '.join(skills)}."
        raise ShopError("not_found", f"There is no prompt {name[:MAX_SHOWN_NAME_CHARS]!r}.", hint=hint)
    return skill


def parse_skill(text: str) -> Skill:
    """A skill from its text: a frontmatter of `key: value` lines and `metadata` indented under it, then instructions.

    A value is plain or quoted as in JSON: so much of YAML, and no more, is written in our files.
    """
    _, heading, instructions = text.split(FENCE, 2)
    frontmatter: Json = {}
    for line in heading.splitlines():
        key, _, value = line.strip().partition(":")
        members = frontmatter["metadata"] if line.startswith(" ") else frontmatter
        members[key] = _parse_value(value.strip())
    return Skill(text, frontmatter, instructions.strip())


def _parse_value(text: str) -> Json | str:
    if not text:
        return {}
    return str(json.loads(text)) if text.startswith('"') else text
