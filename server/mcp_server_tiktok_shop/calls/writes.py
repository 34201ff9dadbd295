"""Executes a write: previewed, confirmed, never sent twice, entered in the audit log with its outcome."""

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
from mcp_server_tiktok_shop.calls.preview import Preview, flatten, shorten
from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.operation import IDEMPOTENCY_KEY_ARGUMENTS
from mcp_server_tiktok_shop.catalog.related_reads import find_related_reads
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.write_outcomes import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.confirmation import ConfirmationGate
    from mcp_server_tiktok_shop.calls.current_state import CurrentStateReader
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.catalog.binding import ApiCall, Upload
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.related_reads import RelatedRead
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.stores import AuditLog, Record
    from mcp_server_tiktok_shop.state.write_outcomes import WriteOutcomes

READ_STATE_TIMEOUT_S = 8.0  # for one read of the current state, before a question
MAX_AUDITED_IDS = 40  # of one name in an entry of the audit log
MAX_REPORTED_VALUES = 12  # values of a write in an error about its outcome
ID_NAME_PATTERN = re.compile(r"(^|_)ids?$")
ID_PATTERN = re.compile(r"[\w.:/-]{1,64}", re.ASCII)
PERSON_WORDS = ("buyer", "user", "creator")  # whose ids stay out of the audit log


@dataclass(frozen=True, slots=True)
class Write:
    """One write, ready to send: `values` are coerced and validated, `files` the parts of an upload by name."""

    operation: Operation
    values: Json
    target: Target
    zone: ZoneInfo
    files: Mapping[str, Upload]

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
        """Equal for writes that do the same: made of the bound request, without the idempotency key."""
        values = {n: value for n, value in self.values.items() if n not in IDEMPOTENCY_KEY_ARGUMENTS}
        call = bind(self.operation, values, self.zone)
        content: Json = {"path": call.path, "query": dict(call.query), "form": dict(call.form)}
        content["body"] = json.loads(call.body) if call.body is not None else None
        content["files"] = {n: hashlib.sha256(upload.content).hexdigest() for n, upload in self.files.items()}
        return compute_fingerprint(self.operation, content, self.target)


@dataclass(frozen=True, slots=True)
class LocalWriteConfirmation:
    """The question before one call of a tool of our own; its values are secret, and the question names none."""

    gate: ConfirmationGate
    operation: Operation
    fingerprint: str
    token: str | None
    caller: Caller

    @property
    def is_required(self) -> bool:
        return self.gate.requires_confirmation(self.operation)

    def ensure_askable(self) -> None:
        self.gate.ensure_askable(self.operation, self.caller)

    async def ensure_confirmed(self, account: Json | None = None) -> None:
        async def make_preview() -> Preview:
            return Preview(self.operation, None, {}, None, account=account)

        await self.gate.ask(self.operation, self.fingerprint, make_preview, self.token, self.caller)


@dataclass(frozen=True, slots=True)
class WriteExecutor:
    """Sends a write once: previewed, confirmed where it must be, and entered in both records before it goes out.

    `write_outcomes` refuses what was sent already and may have been done; `audit_log` is what a person reads later.
    """

    platform: PlatformClient
    confirmation_gate: ConfirmationGate
    write_outcomes: WriteOutcomes
    audit_log: AuditLog
    result_builder: ResultBuilder
    current_state_reader: CurrentStateReader

    async def build_preview(self, write: Write, *, with_current_state: bool) -> Preview:
        """What would be sent, redacted, and how things stand now where that is wanted and can be read."""
        redacted_write = replace(write, values=self.result_builder.redact_arguments(write.operation, write.values))
        current_state = await self._read_current_state(write) if with_current_state else None
        return Preview(
            write.operation, write.target.shop, redacted_write.values, redacted_write.build_call(), current_state
        )

    async def execute(self, write: Write, server_arguments: Json, caller: Caller) -> Json:
        """The normalized answer to a write that is confirmed where it must be, and was not sent before.

        `server_arguments` are our own: `confirm` is the token of a preview, `repeat` sends again what has an unknown
        outcome.

        Raises:
            ShopError: `confirmation_required`, `declined`, `unknown_outcome`, or what the platform refused.
            ElicitationRequired: As `ConfirmationGate.ensure_confirmed`.

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

    def create_local_confirmation(
        self, operation: Operation, values: Json, server_arguments: Json, caller: Caller
    ) -> LocalWriteConfirmation:
        """The question before a tool of our own exchanges or renews tokens."""
        return LocalWriteConfirmation(
            self.confirmation_gate,
            operation,
            compute_fingerprint(operation, values, None),
            server_arguments.get("confirm"),
            caller,
        )

    async def _send(self, write: Write, fingerprint: str, entry: Record) -> Json:
        """Send the write between two lines in the audit log, one before it and one with its outcome."""
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
                error.details |= self._describe_verification(write, entry)
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
            normalized = self.result_builder.normalize(write.operation, write.values, response, write.zone)
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
        """What one read says, or why it failed: a thing that can't be read must not hide the others."""
        try:
            async with asyncio.timeout(READ_STATE_TIMEOUT_S):
                return await self.current_state_reader.read(state_read, target)
        except TimeoutError:
            reason = "the platform took too long"
        except ShopError as error:
            reason = self.result_builder.redact_text(error.message)
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
        return ShopError("unknown_outcome", message, hint=hint, **self._describe_verification(write, earlier_entry))

    def _describe_verification(self, write: Write, entry: Record) -> Json:
        """When and what was sent, redacted and shortened, and the read that shows whether it was done."""
        redacted_values = self.result_builder.redact_arguments(write.operation, write.values)
        sent_values = {path: shorten(value) for path, value in islice(flatten(redacted_values), MAX_REPORTED_VALUES)}
        details: Json = {"sent_at": format_timestamp(entry["sent"]), "sent": sent_values}
        state_reads = find_related_reads(write.operation, write.values)
        return details | (
            {"look": {"tool": state_reads[0].operation, "arguments": state_reads[0].values}} if state_reads else {}
        )


def collect_ids(value: Any) -> Json:
    """The ids in arguments or an answer, by path: what the audit log may hold of them, so none of persons."""
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
