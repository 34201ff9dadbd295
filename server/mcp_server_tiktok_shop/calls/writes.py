"""Executes a write: previewed, confirmed, never sent twice, entered in the audit log with its outcome."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.fingerprint import compute_fingerprint
from mcp_server_tiktok_shop.calls.local_confirmation import LocalWriteConfirmation
from mcp_server_tiktok_shop.calls.preview import Preview
from mcp_server_tiktok_shop.calls.question_values import describe_differences
from mcp_server_tiktok_shop.calls.value_texts import flatten, shorten
from mcp_server_tiktok_shop.calls.write_answers import collect_ids, make_unshown_result, to_request_id
from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.operation import IDEMPOTENCY_KEY_ARGUMENTS
from mcp_server_tiktok_shop.catalog.related_reads import find_related_reads
from mcp_server_tiktok_shop.errors import ShopError, contain_faults

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.confirmation import ConfirmationGate
    from mcp_server_tiktok_shop.calls.current_state import CurrentStateReader
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.calls.value_texts import Row
    from mcp_server_tiktok_shop.catalog.binding import ApiCall, Upload
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.related_reads import RelatedRead
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.envelope import ApiResponse
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.stores import AuditLog
    from mcp_server_tiktok_shop.state.write_outcomes import SentWrite, WriteOutcomes, WriteState

READ_STATE_TIMEOUT_S = 8.0  # for one read of the current state, before a question
MAX_REPORTED_VALUES = 12  # values of a write in an error about its outcome

log = logging.getLogger(__name__)


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
            write.operation,
            write.target,
            redacted_write.values,
            redacted_write.build_call(),
            current_state,
            tuple(describe_differences(write.values, redacted_write.values)),
        )

    async def execute(self, write: Write, server_arguments: Json, caller: Caller) -> Json:
        """The normalized answer to a write that is confirmed where it must be, and was not sent before.

        `server_arguments` are our own: `confirm` is the token of a preview, `repeat` sends again what has an unknown
        outcome.

        Raises:
            ShopError: `declined`, `unknown_outcome`, `already_done`, or what the platform refused.
            ElicitationRequired, ConfirmationRequired: As `ConfirmationGate.ensure_confirmed`.

        """
        operation, fingerprint, repeat = write.operation, write.fingerprint, bool(server_arguments.get("repeat"))
        if not repeat and (earlier := await self.write_outcomes.find(fingerprint)) is not None:
            raise self._already_sent_error(write, earlier)

        async def make_preview() -> Preview:
            return await self.build_preview(write, with_current_state=True)

        note = await self.confirmation_gate.ensure_confirmed(
            operation, fingerprint, make_preview, server_arguments.get("confirm"), caller
        )
        sent_write, earlier = await self.write_outcomes.reserve(
            fingerprint, operation.name, repeat=repeat, idempotency_key=write.idempotency_key
        )
        if earlier is not None:
            raise self._already_sent_error(write, earlier)
        result = await self._send(write, fingerprint, sent_write, caller)
        return result | {"note": " ".join(filter(None, (result.get("note"), note)))} if note else result

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

    async def _send(self, write: Write, fingerprint: str, sent_write: SentWrite, caller: Caller) -> Json:
        """Send the write between two lines in the audit log, one before it and one with its outcome.

        That it was done is entered before anything else is done with the answer, and settled when the caller has it.
        """
        shop = write.target.shop
        entry_id: Json = {"id": secrets.token_hex(6)}
        target_fields = {"shop": shop.label, "shop_id": shop.id} if shop else {"account": write.target.account.name}
        start_entry = entry_id | {
            "time": sent_write.sent_at,
            **target_fields,
            "operation": write.operation.name,
        }
        await self.audit_log.append(start_entry | {"ids": collect_ids(write.values)})
        try:
            response = await self._call_platform(write, sent_write)
        except ShopError as error:
            await self._record_failure(write, fingerprint, sent_write, error)
            code = {"code": error.code} if error.code is not None else {}
            await self.audit_log.append(
                entry_id | {"outcome": _describe_failure(error), "request_id": to_request_id(error.request_id)} | code
            )
            raise
        except BaseException:  # cut off in flight: the entry stands, and the same write is refused for a while
            await asyncio.shield(self.write_outcomes.mark_unknown(fingerprint, sent_write))
            raise
        request_id = to_request_id(response.request_id)
        try:
            normalized = self._normalize(write, response)
        except ShopError as error:  # every item of a batch failed
            await self._record_failure(write, fingerprint, sent_write, error)
            await self.audit_log.append(entry_id | {"outcome": _describe_failure(error), "request_id": request_id})
            raise
        state: WriteState = "partly done" if normalized.get("failed") else "done"
        done_write = replace(sent_write, state=state, request_id=request_id or "")
        is_unclear = any("outcome" in failure for failure in normalized.get("failed", ()))
        if is_unclear:  # one of its items may have been done all the same
            await self.write_outcomes.mark_unknown(fingerprint, sent_write)
        else:
            await self.write_outcomes.mark_done(fingerprint, done_write)
        created_ids = {"made": ids} if (ids := self._collect_created_ids(write, normalized)) else {}
        await self.audit_log.append(entry_id | {"outcome": state, "request_id": request_id} | created_ids)
        if not is_unclear:
            await caller.run_after_delivery(partial(self.write_outcomes.settle, fingerprint, done_write))
        return normalized

    async def _call_platform(self, write: Write, sent_write: SentWrite) -> ApiResponse:
        """The platform's answer; a fault of ours on the way leaves it unknown whether the write was done.

        Raises:
            ShopError: As `PlatformClient.call`.

        """
        with contain_faults(log, "%s failed in a way that is a fault of this server", write.operation.name):
            return await self.platform.call(write.build_call(sent_write.key), write.target)
        message = f"{write.operation.name} may have been sent: this server failed before it knew what came of it."
        hint = "Do not repeat it yet: look first whether it took. The server's log says how it failed."
        raise ShopError("unknown_outcome", message, hint=hint)

    def _normalize(self, write: Write, response: ApiResponse) -> Json:
        """The normalized answer to a write that was done; what can't be shown of it is left out, and that is said.

        Raises:
            ShopError: `platform` or `unknown_outcome`, where every item of a batch failed.

        """
        with contain_faults(log, "the answer to %s can't be read", write.operation.name):
            try:
                return self.result_builder.normalize(write.operation, write.values, response, write.zone)
            except ShopError as error:
                if error.kind in ("platform", "unknown_outcome"):
                    raise
                log.exception("the answer to %s can't be read", write.operation.name)
        return {"data": {}, "untrusted": [], **make_unshown_result(response.request_id)}

    def _collect_created_ids(self, write: Write, normalized: Json) -> Json:
        with contain_faults(log, "the ids in the answer to %s can't be read", write.operation.name):
            return collect_ids(normalized["data"])
        return {}  # the audit log may lack them: the write was done

    async def _record_failure(self, write: Write, fingerprint: str, sent_write: SentWrite, error: ShopError) -> None:
        """Keep the entry where the write may have been done, and say how to find out; else forget it."""
        if error.kind == "unknown_outcome":
            await self.write_outcomes.mark_unknown(fingerprint, sent_write)
            error.details |= self._describe_verification(write, sent_write)
        else:
            await self.write_outcomes.clear(fingerprint)

    async def _read_current_state(self, write: Write) -> list[Row] | None:
        state_reads = find_related_reads(write.operation, write.values)
        if not state_reads:
            return None
        rows_by_read = await asyncio.gather(*(self._read_state_or_reason(read, write.target) for read in state_reads))
        return [row for rows in rows_by_read for row in rows]

    async def _read_state_or_reason(self, state_read: RelatedRead, target: Target) -> list[Row]:
        """What one read says, or why it failed: a thing that can't be read must not hide the others."""
        try:
            async with asyncio.timeout(READ_STATE_TIMEOUT_S):
                return await self.current_state_reader.read(state_read, target)
        except TimeoutError:
            reason = "the platform took too long"
        except ShopError as error:
            reason = self.result_builder.redact_text(error.message)
        return [(f"not looked up: {next(iter(flatten(state_read.values)), ('', ''))[1]}", reason)]

    def _already_sent_error(self, write: Write, earlier: SentWrite) -> ShopError:
        details = self._describe_verification(write, earlier)
        begin = f"{write.operation.name} with the same arguments was sent at {earlier.sent_at}"
        if earlier.is_done:
            outcome = "and was done" if earlier.state == "done" else "and was done in part"
            hint = "It is done; its answer may not have reached you. To do it once more, call again with repeat: true."
            if earlier.state == "partly done":
                hint = f"Look which of it was done, and send the rest by itself. {hint.partition('; ')[2].capitalize()}"
            return ShopError(
                "already_done",
                f"{begin} {outcome}: it was not sent again.",
                hint=hint,
                request_id=earlier.request_id or None,
                **details,
            )
        outcome, is_over = "and is under way or was cut off", True
        if earlier.state == "unknown":
            outcome = "and its outcome is unknown"
        elif self.write_outcomes.is_cut_off(earlier):
            outcome = "and was cut off: its outcome is unknown"
        else:
            is_over = False
        retry_advice = "call again with repeat: true" + ("" if is_over else " a minute later")
        hint = f"Look first whether it took. If it surely did not, {retry_advice}, or wait ten minutes."
        return ShopError("unknown_outcome", f"{begin} {outcome}: it was not sent again.", hint=hint, **details)

    def _describe_verification(self, write: Write, sent_write: SentWrite) -> Json:
        """When and what was sent, redacted and shortened, and the read that shows whether it was done."""
        redacted_values = self.result_builder.redact_arguments(write.operation, write.values)
        sent_values = {path: shorten(value) for path, value in islice(flatten(redacted_values), MAX_REPORTED_VALUES)}
        details: Json = {"sent_at": sent_write.sent_at, "sent": sent_values}
        state_reads = find_related_reads(write.operation, write.values)
        return details | (
            {"look": {"tool": state_reads[0].operation, "arguments": state_reads[0].values}} if state_reads else {}
        )


def _describe_failure(error: ShopError) -> str:
    """The outcome of a write that brought an error, as the audit log has it."""
    return "unknown" if error.kind == "unknown_outcome" else f"not done: {error.kind}"
