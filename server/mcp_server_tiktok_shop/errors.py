"""What can go wrong, in words for the one who can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

ErrorKind = Literal[
    "invalid_arguments",
    "batch_limit",
    "shop_required",
    "not_configured",
    "signed_out",
    "not_permitted",
    "read_only",
    "confirmation_required",
    "declined",
    "not_found",
    "rate_limited",
    "platform",
    "network",
    "unknown_outcome",
    "internal",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one argument; `argument` is its path, as in `orders[0].id`."""

    argument: str
    message: str
    allowed: str | None = None

    def to_json(self) -> dict[str, str]:
        result = {"argument": self.argument, "message": self.message}
        return result | {"allowed": self.allowed} if self.allowed else result


class ShopError(Exception):
    """A refusal that an assistant can read: what was wrong, and what to do now.

    `code` and `request_id` are the platform's own, where it was asked. `more` holds what else helps to go on
    (the shops to choose from, the items of a batch that failed).
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        hint: str = "",
        retryable: bool = False,
        problems: tuple[Problem, ...] = (),
        code: int | None = None,
        request_id: str | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.message = message
        self.hint = hint
        self.retryable = retryable
        self.problems = problems
        self.code = code
        self.request_id = request_id
        self.details = details

    def to_json(self) -> dict[str, Any]:
        """The error as an assistant reads it."""
        result: dict[str, Any] = {"error": self.kind, "message": self.message}
        if self.hint:
            result["hint"] = self.hint
        result["retryable"] = self.retryable
        if self.problems:
            result["problems"] = [problem.to_json() for problem in self.problems]
        if self.code is not None:
            result["code"] = self.code
        if self.request_id:
            result["request_id"] = self.request_id
        return result | self.details
