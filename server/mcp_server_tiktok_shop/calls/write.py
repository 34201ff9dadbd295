"""One write, ready to send, whoever asked for it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.fingerprint import compute_fingerprint
from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.operation import IDEMPOTENCY_KEY_ARGUMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.current_state import CurrentState
    from mcp_server_tiktok_shop.calls.pending_writes import StoredCall
    from mcp_server_tiktok_shop.catalog.binding import ApiCall, Upload
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.shops import Target


class Write(Struct, frozen=True):
    """One write, ready to send: `values` are coerced and validated, `files` the parts of an upload by name.

    `call` is what makes it once more, by a token alone; `has_token_alone` says that this one is made so. `undo_of` is
    the id of the write in the audit log that it takes back; empty where it is none of those. A step of a job
    `is_confirmed` with the whole of it, and how things stand may have been read for it: `known_state`. `job_id` and
    `job_name` say which job; all writes of one have its id.
    """

    operation: Operation
    values: Json
    target: Target
    zone: ZoneInfo
    files: Mapping[str, Upload]
    call: StoredCall
    has_token_alone: bool = False
    undo_of: str = ""
    is_confirmed: bool = False
    known_state: CurrentState | None = None
    job_id: str = ""
    job_name: str = ""

    @property
    def origin(self) -> Json:
        """Where it comes from, as the audit log says it."""
        values = {"undo_of": self.undo_of, "job": self.job_id, "job_name": self.job_name}
        return {name: value for name, value in values.items() if value}

    def build_call(self, idempotency_key: str = "") -> ApiCall:
        """The request; `idempotency_key`, where given, is sent in the argument that the platform has for it."""
        idempotency_keys = {
            name: idempotency_key
            for name in IDEMPOTENCY_KEY_ARGUMENTS
            if idempotency_key and name in self.operation.arguments
        }
        return bind(self.operation, self.values | idempotency_keys, self.zone, self.files)

    @property
    def idempotency_key(self) -> str:
        """The idempotency key that the caller gave; empty where there is none."""
        return next((str(self.values[n]) for n in IDEMPOTENCY_KEY_ARGUMENTS if n in self.values), "")

    @property
    def fingerprint(self) -> str:
        """Equal for writes that do the same: made of the bound request without the idempotency key, and `undo_of`."""
        values = {n: value for n, value in self.values.items() if n not in IDEMPOTENCY_KEY_ARGUMENTS}
        call = bind(self.operation, values, self.zone)
        content: Json = {"path": call.path, "query": dict(call.query), "form": dict(call.form)}
        content["body"] = json.loads(call.body) if call.body is not None else None
        content["files"] = {n: hashlib.sha256(upload.content).hexdigest() for n, upload in self.files.items()}
        content |= {"undo_of": self.undo_of} if self.undo_of else {}
        return compute_fingerprint(self.operation, content, self.target)
