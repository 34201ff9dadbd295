"""Guards everything that leaves this server: the only maker of the text that clients and terminals accept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, final

from msgspec import Struct

from mcp_server_tiktok_shop.calls.redaction.free_text import has_suspect_characters, strip_invisible
from mcp_server_tiktok_shop.calls.redaction.redactor import redact_text, strip_invisible_values
from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.redaction.redactor import BuyerDataPolicy
    from mcp_server_tiktok_shop.errors import ShopError
    from mcp_server_tiktok_shop.logs import SecretRedactor


@final
class SafeText:
    """Text that may leave; what writes to a client or a terminal takes no other.

    It is guarded by being made: characters go first, since what they pull apart may be a secret. `is_all_visible` says
    that there are none of those.
    """

    __slots__ = ("text",)
    text: Final[str]

    def __init__(self, text: str, secrets: SecretRedactor, *, is_all_visible: bool = False) -> None:
        self.text = secrets.redact_secrets(text if is_all_visible else strip_invisible(text))


class OutgoingGuard(Struct, frozen=True):
    """Takes secrets, and characters that nobody sees or that turn a text's direction, out of all that leaves.

    What is buyers' is masked where data is read, by the rules of its operation; here `buyer_data` says the same for
    words that have no rules: those of errors and tracebacks.
    """

    secrets: SecretRedactor
    buyer_data: BuyerDataPolicy

    def guard_text(self, text: str) -> SafeText:
        """A text that may leave."""
        return SafeText(text, self.secrets)

    def guard_json(self, value: Any, *, indent: int | None = None, ensure_ascii: bool = False) -> SafeText:
        """A value as JSON that may leave, compact without `indent`; every name and text in it is guarded."""
        text = to_json_text(value)
        is_all_visible = not has_suspect_characters(text)
        if not is_all_visible:
            value = strip_invisible_values(value)
            text = to_json_text(value)
        if indent is not None or ensure_ascii:
            text = json.dumps(value, indent=indent, ensure_ascii=ensure_ascii)
        return SafeText(text, self.secrets, is_all_visible=is_all_visible)

    def guard_error(self, error: ShopError) -> SafeText:
        """An error in one line, with what to do; the platform's words in it are redacted like data."""
        message = redact_text(error.message, self.buyer_data) if error.code is not None else error.message
        return self.guard_text(" ".join(filter(None, (message, error.hint))))

    def redact_platform_words(self, text: str) -> str:
        """The words of the platform's errors, which may repeat what buyers wrote, as they may be read from here on."""
        return redact_text(text, self.buyer_data)

    def guard_log_text(self, text: str) -> str:
        """Text of a log line."""
        return self.guard_text(text).text

    def guard_traceback(self, text: str) -> str:
        """A traceback: the exception's words may be anybody's."""
        return self.guard_text(redact_text(text, self.buyer_data)).text
