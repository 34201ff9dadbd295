"""A write from its checked values to its known outcome: shown, confirmed, never sent twice, written down."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.fingerprint import compute_fingerprint
from mcp_server_tiktok_shop.calls.preview import MAX_VALUE_CHARS, Preview, flatten
from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.operation import IDEMPOTENCY_KEY_ARGUMENTS
from mcp_server_tiktok_shop.catalog.related_reads import find_related_reads
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.write_outcomes import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.confirmation import ConfirmationGate
    from mcp_server_tiktok_shop.catalog.binding import ApiCall, Upload
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.related_reads import RelatedRead
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.envelope import ApiResponse
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.stores import AuditLog, Record
    from mcp_server_tiktok_shop.state.write_outcomes import WriteOutcomes

READ_STATE_TIMEOUT_S = 8.0  # seconds that a look before a question may take
MAX_AUDITED_IDS = 40
MAX_REPORTED_VALUES = 12  # values of a write that an unknown outcome tells
ID_NAME_PATTERN = re.compile(r"(^|_)ids?$")
ID_PATTERN = re.compile(r"[\w.:/-]{1,64}", re.ASCII)
PERSON_WORDS = ("buyer", "user", "creator")  # whose ids stay out of the journal


@dataclass(frozen=True, slots=True)
class Write:
    """One write, ready to go: `values` are checked ones, `files` the parts of an upload."""

    operation: Operation
    values: Json
    target: Target
    zone: ZoneInfo
    files: Mapping[str, Upload]

    def build_call(self, idempotency_key: str = "") -> ApiCall:
        """The request; `key` is what the ledger has for the platform's idempotency key."""
        idempotency_keys = {
            n: idempotency_key for n in IDEMPOTENCY_KEY_ARGUMENTS if idempotency_key and n in self.operation.arguments
        }
        return bind(self.operation, self.values | idempotency_keys, self.zone, self.files)

    @property
    def idempotency_key(self) -> str:
        """The caller's own idempotency key, or nothing."""
        return next((str(self.values[n]) for n in IDEMPOTENCY_KEY_ARGUMENTS if n in self.values), "")

    @property
    def fingerprint(self) -> str:
        """The same for the same thing to do, however it was written: under another key it would be done twice."""
        values = {n: value for n, value in self.values.items() if n not in IDEMPOTENCY_KEY_ARGUMENTS}
        call = bind(self.operation, values, self.zone)
        content: Json = {"path": call.path, "query": dict(call.query), "form": dict(call.form)}
        content["body"] = json.loads(call.body) if call.body is not None else None
        content["files"] = {n: hashlib.sha256(upload.content).hexdigest() for n, upload in self.files.items()}
        return compute_fingerprint(self.operation, content, self.target)


@dataclass(frozen=True, slots=True)
class WriteExecutor:
    """`opened` makes an answer fit to be told, `look` reads what a write is about.

    `guard` masks values that are shown, `said` the platform's words.
    """

    platform: PlatformClient
    confirmation_gate: ConfirmationGate
    write_outcomes: WriteOutcomes
    audit_log: AuditLog
    normalize_response: Callable[[Operation, Json, ApiResponse, ZoneInfo], Json]
    read_current_state: Callable[[RelatedRead, Target], Awaitable[list[tuple[str, Any]]]]
    redact_arguments: Callable[[Operation, Json], Json]
    redact_text: Callable[[str], str]

    async def build_preview(self, write: Write, *, with_current_state: bool) -> Preview:
        """What would be sent, and what it is about where a look tells it."""
        redacted_write = replace(write, values=self.redact_arguments(write.operation, write.values))
        current_state = await self._read_current_state(write) if with_current_state else None
        return Preview(
            write.operation, write.target.shop, redacted_write.values, redacted_write.build_call(), current_state
        )

    async def execute(self, write: Write, server_arguments: Json, caller: Caller) -> Json:
        """What the platform answers to a write that was confirmed, where it must be, and not sent before.

        Raises:
            ShopError: `confirmation_required`, `declined`, `unknown_outcome`, or what the platform refused.

        """
        operation, fingerprint, repeat = write.operation, write.fingerprint, bool(server_arguments.get("repeat"))
        if not repeat and (earlier_entry := await self.write_outcomes.records.get(fingerprint)) is not None:
            raise self._already_sent_error(write, earlier_entry)

        async def make_preview() -> Preview:
            return await self.build_preview(write, with_current_state=True)

        await self.confirmation_gate.ensure_confirmed(
            operation, fingerprint, make_preview, server_arguments.get("confirm"), caller
        )
        entry, blocking_entry = await self.write_outcomes.reserve(
            fingerprint, operation.name, repeat=repeat, idempotency_key=write.idempotency_key
        )
        if blocking_entry is not None:
            raise self._already_sent_error(write, blocking_entry)
        return await self._send(write, fingerprint, entry)

    async def confirm_local_write(
        self, operation: Operation, values: Json, server_arguments: Json, caller: Caller
    ) -> None:
        """Confirm a write that is not the platform's API's: a token call, whose values are secret.

        Raises:
            ShopError: `confirmation_required` or `declined`.

        """

        async def make_preview() -> Preview:
            return Preview(operation, None, {}, None)

        await self.confirmation_gate.ensure_confirmed(
            operation,
            compute_fingerprint(operation, values, None),
            make_preview,
            server_arguments.get("confirm"),
            caller,
        )

    async def _send(self, write: Write, fingerprint: str, entry: Record) -> Json:
        shop = write.target.shop
        entry_id: Json = {"id": secrets.token_hex(6)}
        target_fields = {"shop": shop.label, "shop_id": shop.id} if shop else {"account": write.target.account.name}
        start_entry = entry_id | {
            "time": format_timestamp(entry["sent"]),
            **target_fields,
            "operation": write.operation.name,
        }
        await self.audit_log.append(start_entry | {"ids": collect_ids(write.values)})
        try:
            response = await self.platform.call(write.build_call(entry["key"]), write.target)
        except ShopError as error:
            if error.kind == "unknown_outcome":
                await self.write_outcomes.mark_unknown(fingerprint, entry)
                error.details |= self._verification_details(write, entry)
            else:
                await self.write_outcomes.clear(fingerprint)
            outcome = "unknown" if error.kind == "unknown_outcome" else f"not done: {error.kind}"
            code = {"code": error.code} if error.code is not None else {}
            await self.audit_log.append(entry_id | {"outcome": outcome, "request_id": error.request_id} | code)
            raise
        except BaseException:  # cut off in flight: the entry stands, and the same write is refused for a while
            await asyncio.shield(self.write_outcomes.mark_unknown(fingerprint, entry))
            raise
        await self.write_outcomes.clear(fingerprint)
        try:
            normalized = self.normalize_response(write.operation, write.values, response, write.zone)
        except ShopError as error:  # every item of a batch failed
            await self.audit_log.append(
                entry_id | {"outcome": f"not done: {error.kind}", "request_id": response.request_id}
            )
            raise
        outcome = "partly done" if normalized.get("failed") else "done"
        created_ids = {"made": ids} if (ids := collect_ids(normalized["data"])) else {}
        await self.audit_log.append(entry_id | {"outcome": outcome, "request_id": response.request_id} | created_ids)
        return normalized

    async def _read_current_state(self, write: Write) -> list[tuple[str, Any]] | None:
        state_reads = find_related_reads(write.operation, write.values)
        if not state_reads:
            return None
        rows_by_read = await asyncio.gather(*(self._read_state_or_reason(read, write.target) for read in state_reads))
        return [row for rows in rows_by_read for row in rows]

    async def _read_state_or_reason(self, state_read: RelatedRead, target: Target) -> list[tuple[str, Any]]:
        """What one look tells; a thing that can't be looked up must not hide the others."""
        try:
            async with asyncio.timeout(READ_STATE_TIMEOUT_S):
                return await self.read_current_state(state_read, target)
        except (ShopError, TimeoutError) as error:
            reason = self.redact_text(error.message) if isinstance(error, ShopError) else "the platform took too long"
            return [(f"not looked up: {next(iter(flatten(state_read.values)), ('', ''))[1]}", reason)]

    def _already_sent_error(self, write: Write, earlier_entry: Record) -> ShopError:
        sent_at, outcome_text = format_timestamp(earlier_entry["sent"]), "and is under way or was cut off"
        is_over = earlier_entry.get("lost") or self.write_outcomes.is_cut_off(earlier_entry)
        if is_over:
            outcome_text = (
                "and its outcome is unknown" if earlier_entry.get("lost") else "and was cut off: its outcome is unknown"
            )
        message = (
            f"{write.operation.name} with the same arguments was sent at {sent_at} {outcome_text}: "
            "it was not sent again."
        )
        retry_advice = "call again with repeat: true" + ("" if is_over else " a minute later")
        hint = f"Look first whether it took. If it surely did not, {retry_advice}, or wait ten minutes."
        return ShopError("unknown_outcome", message, hint=hint, **self._verification_details(write, earlier_entry))

    def _verification_details(self, write: Write, entry: Record) -> Json:
        sent_values = dict(_shorten(flatten(self.redact_arguments(write.operation, write.values))))
        details: Json = {"sent_at": format_timestamp(entry["sent"]), "sent": sent_values}
        state_reads = find_related_reads(write.operation, write.values)
        return details | (
            {"look": {"tool": state_reads[0].operation, "arguments": state_reads[0].values}} if state_reads else {}
        )


def _shorten(rows: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The first values, long ones cut: enough to know the write by."""
    return [
        (path, v if len(str(v)) <= MAX_VALUE_CHARS else f"{str(v)[:MAX_VALUE_CHARS]}…")
        for path, v in islice(rows, MAX_REPORTED_VALUES)
    ]


def collect_ids(value: Any) -> Json:
    """The ids in arguments or an answer, by name: what a journal may keep of them."""
    ids_by_name: dict[str, list[str]] = {}
    for path, leaf in flatten(value) if isinstance(value, dict) else ():
        name = re.sub(r"\[\d+\]| \(.*\)", "", path)
        last = name.rpartition(".")[2]
        if not ID_NAME_PATTERN.search(last) or any(person in name for person in PERSON_WORDS):
            continue
        ids = [text for text in str(leaf).split(", ") if ID_PATTERN.fullmatch(text)]
        collected_ids = ids_by_name.setdefault(name, [])
        collected_ids += [text for text in ids if text not in collected_ids][: MAX_AUDITED_IDS - len(collected_ids)]
    return {name: ids[0] if len(ids) == 1 else ids for name, ids in ids_by_name.items() if ids}
