"""Renders prompts: a skill's instructions with the arguments of this request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.protocol.skills import find_skill

if TYPE_CHECKING:
    from collections.abc import Mapping

PERIOD_COMPLETIONS = (
    "today",
    "yesterday",
    "last 7 days",
    "last 30 days",
    "this week",
    "last week",
    "this month",
    "last month",
)
MAX_ARGUMENT_CHARS, MAX_NAME_CHARS = 2_000, 60  # of an argument, and of its name in a message


def render_prompt(name: str, arguments: Mapping[str, str]) -> str:
    """The text of a prompt with its arguments.

    Raises:
        ShopError: `not_found`, or `invalid_arguments` where one is missing or unknown.

    """
    skill = find_skill(name)
    problems = [
        Problem(n, "is required and missing") for n in skill.required_arguments if not arguments.get(n, "").strip()
    ]
    problems += [
        Problem(n, "is not an argument here", ", ".join(skill.arguments))
        for n in arguments.keys() - skill.arguments.keys()
    ]
    problems += [
        Problem(n, f"has {len(text):,} characters", f"at most {MAX_ARGUMENT_CHARS:,}")
        for n, text in arguments.items()
        if len(text) > MAX_ARGUMENT_CHARS
    ]
    if problems:
        message = "; ".join(f"{problem.argument[:MAX_NAME_CHARS]} {problem.message}" for problem in problems)
        raise ShopError("invalid_arguments", message[:MAX_ARGUMENT_CHARS], problems=tuple(problems))
    values = {name: arguments[name].strip() for name in skill.arguments if arguments.get(name, "").strip()}
    wishes = [f"- {name}: {value}" for name, value in values.items()]
    if "shop" in values:
        wishes.append(f'Give shop "{values["shop"]}" to every tool that takes it.')
    return "\n".join([skill.instructions, *(["", "Asked for this time:", *wishes] if wishes else [])])
