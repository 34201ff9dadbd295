"""Ids as the platform makes them: strings of 18 or 19 digits, the same for the same origin."""

from __future__ import annotations

from hashlib import blake2b


def draw_number(*origin: object) -> int:
    """A large number that only depends on its origin."""
    return int.from_bytes(blake2b(repr(origin).encode(), digest_size=8).digest(), "big")


def make_id(prefix: str, *origin: object) -> str:
    """Nineteen digits that start with `prefix`, drawn from what the thing is."""
    width = 19 - len(prefix)
    return f"{prefix}{draw_number(prefix, *origin) % 10**width:0{width}d}"


def pick(choices: tuple[str, ...] | list[str], *origin: object) -> str:
    return choices[draw_number(*origin) % len(choices)]
