"""The tree of errors: what can go wrong, in words for the one who can mend it.

* TikTokShopServerError
  * ShopError                   a call was refused: the assistant reads why, and what to do now
    · DamagedCopyError          a shop's local copy can't be read, and is to be made anew
  * SettingsError               a setting can't be followed: the person who runs the server reads why
    · UnknownToolError          it names a toolset or tool that does not exist
  * RequestError                a request to the platform brought no data: `platform/` turns it into a ShopError
    · RateLimitDeadlineError    it was not sent: its turn would come too late
    · ConnectError              it surely did not arrive
    · UnknownOutcomeError       it may have been carried out
      · UnusableAnswerError     its answer can't be read here, for its size, depth or form
    · ApiError                  the platform refused it, with a code

  · TokenRefusalError         an access token is not good here: who bears it is answered with 401
  · NoTenantError             an access token is good, and does not say whose shops it is for: answered with 403
  · UnknownKeyError           an access token names a signing key that its issuer does not have
  · NotificationError         a text that the platform signed is no notification
  · KeysUnavailableError      whether the issuer has a signing key can't be found out now

  · WorkersBusyError            a worker process: too many jobs are under way
  · WorkerEndedError            it ended in the midst of a job
  · QueryError                  DuckDB refused a question: the gate turns it into a ShopError
  · SnapshotFileError           a local copy can't be opened
  · NoChartError                nothing can be drawn of an answer's rows: it says so beside them

  * NestingError                JSON by others is nested too deep: who reads it says what that means
  · SnapshotError               the local copy of a shop can't be read or written: it is made anew, or that is told

Marked `·` are those defined where they are raised. Outside the tree stand what is no fault (`ElicitationRequired`: a
call is answered with a question, `ConfirmationRequired`: with a result that waits for a yes), what never leaves its
module, the command line's wrong use, which is click's (`CommandError`), and the simulated shop, which is another
program.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

ErrorKind = Literal[
    "invalid_arguments",
    "batch_limit",
    "shop_required",
    "not_configured",
    "signed_out",
    "not_permitted",
    "read_only",
    "declined",
    "not_found",
    "rate_limited",
    "platform",
    "network",
    "unknown_outcome",
    "already_done",
    "internal",
]


# Of an error that is in what was given: of several shops none goes on, since it is not known what is meant.
GIVEN_KINDS: frozenset[ErrorKind] = frozenset({"invalid_arguments", "batch_limit"})


class Problem(Struct, frozen=True):
    """One thing wrong with one argument; `argument` is its path, as in `orders[0].id`, `allowed` what it may be."""

    argument: str
    message: str
    allowed: str | None = None

    def to_json(self) -> dict[str, str]:
        result = {"argument": self.argument, "message": self.message}
        return result | {"allowed": self.allowed} if self.allowed else result


class TikTokShopServerError(Exception):
    """The base of every error of this server."""


class SettingsError(TikTokShopServerError):
    """A setting that can't be followed; the text is for the person who wrote it and holds no secret."""


class RequestError(TikTokShopServerError):
    """A request to the platform that brought no data; the text holds no secret."""


class NestingError(TikTokShopServerError):
    """JSON text by others that is nested deeper than what can be gone through."""


class ShopError(TikTokShopServerError):
    """A refusal that an assistant can read: what was wrong, and what to do now.

    `code` and `request_id` are the platform's own, where the platform refused. `details` stand in the JSON beside the
    other keys and hold what else helps to go on (the shops to choose from, the items of a batch that failed).
    `is_not_here` says that the shop has nothing of the ids that were named, and another may.
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
        is_not_here: bool = False,
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
        self.is_not_here = is_not_here
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


@contextmanager
def contain_faults(log: logging.Logger, message: str, *arguments: object) -> Iterator[None]:
    """Log an exception of any kind, and go on behind the block: for what must not undo what was done before it.

    A `ShopError` passes: it is a refusal, and no fault of this program.
    """
    try:
        yield
    except ShopError:
        raise
    except Exception:
        log.exception(message, *arguments)
