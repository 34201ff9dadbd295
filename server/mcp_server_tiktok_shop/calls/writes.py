"""Executes a write: previewed, confirmed, never sent twice, recorded in the audit log with its outcome."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.current_state import READ_STATE_TIMEOUT_S, CurrentState, describe_states
from mcp_server_tiktok_shop.calls.fingerprint import compute_fingerprint
from mcp_server_tiktok_shop.calls.listing_preview import LISTING_OPERATION, describe_listing
from mcp_server_tiktok_shop.calls.local_confirmation import LocalWriteConfirmation
from mcp_server_tiktok_shop.calls.new_prices import describe_discounts
from mcp_server_tiktok_shop.calls.plan_warnings import warn_of_no_way_back
from mcp_server_tiktok_shop.calls.preview import Preview
from mcp_server_tiktok_shop.calls.question_values import describe_differences
from mcp_server_tiktok_shop.calls.value_texts import flatten, shorten
from mcp_server_tiktok_shop.calls.way_back import plan_way_back
from mcp_server_tiktok_shop.calls.write_answers import (
    collect_amounts,
    collect_made_ids,
    make_unshown_result,
)
from mcp_server_tiktok_shop.calls.write_requests import WriteRequest
from mcp_server_tiktok_shop.catalog.looks import describe_delay, find_looks
from mcp_server_tiktok_shop.errors import ShopError, contain_faults

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.audit_entries import AuditWriter
    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.confirmation import ConfirmationGate
    from mcp_server_tiktok_shop.calls.current_state import CurrentStateReader
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.calls.undo_checks import UndoChecker
    from mcp_server_tiktok_shop.calls.warning_finder import WarningFinder
    from mcp_server_tiktok_shop.calls.write import Write
    from mcp_server_tiktok_shop.calls.writes_under_way import WritesUnderWay
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.envelope import ApiResponse
    from mcp_server_tiktok_shop.state.write_outcomes import SentWrite, WriteOutcomes, WriteState

MIN_READ_STATE_S = 1.0  # that must be left before the deadline to look once more
MAX_REPORTED_VALUES = 12  # values of a write in an error about its outcome

log = logging.getLogger(__name__)


class WriteExecutor(Struct, frozen=True):
    """Sends a write once: previewed, confirmed where it must be, and entered in both records before it goes out.

    `write_outcomes` refuses what was sent already and may have been done; `audit_writer` enters what people read later.
    """

    platform: PlatformClient
    confirmation_gate: ConfirmationGate
    write_outcomes: WriteOutcomes
    result_builder: ResultBuilder
    current_state_reader: CurrentStateReader
    undo_checker: UndoChecker
    audit_writer: AuditWriter
    warning_finder: WarningFinder
    writes_under_way: WritesUnderWay

    async def build_preview(self, write: Write) -> Preview:
        """What would be sent, redacted, how things stand now as far as that can be read, and what to be warned of.

        Raises:
            ShopError: It is to take an earlier write back, and can't: as `UndoChecker.ensure_undoable`.

        """
        operation, values, target = write.operation, write.values, write.target
        state = write.known_state or await self.current_state_reader.read(operation, values, target)
        undoing = await self.undo_checker.ensure_undoable(
            write.undo_of, operation, values, target, state, may_be_part=write.is_confirmed
        )
        way_back = plan_way_back(self.current_state_reader.operations, operation, values, state)
        found = await self.warning_finder.find(operation, values, state, target, write.zone)
        redacted_write = replace(write, values=self.result_builder.redact_arguments(operation, values))
        return Preview(
            operation,
            target,
            redacted_write.values,
            redacted_write.build_call(),
            state,
            tuple(describe_differences(values, redacted_write.values)),
            warnings=(*warn_of_no_way_back(operation, way_back), *found),
            way_back=way_back,
            undoing=undoing,
            zone=write.zone,
            new_prices=describe_discounts(values, state.items, target.shop),
            listing=describe_listing(redacted_write.values, state.surroundings)
            if operation.name == LISTING_OPERATION
            else None,
        )

    async def execute(self, write: Write, server_arguments: Json, caller: Caller) -> Json:
        """The normalized answer to a write that is confirmed where it must be, and was not sent before.

        It has `before` and `now`, how the things stood and stand that it was about; and `warnings` where nobody was
        asked. `server_arguments` are our own: `confirm` is the token of a preview, `repeat` sends again what has an
        unknown outcome.

        Raises:
            ShopError: `declined`, `unknown_outcome`, `already_done`, or what the platform refused.
            ElicitationRequired, ConfirmationRequired: As `ConfirmationGate.ensure_confirmed`.

        """
        operation, fingerprint, repeat = write.operation, write.fingerprint, bool(server_arguments.get("repeat"))
        if not repeat and (earlier := await self.write_outcomes.find(fingerprint)) is not None:
            raise self._already_sent_error(write, earlier)

        request = WriteRequest(
            operation,
            fingerprint,
            partial(self.build_preview, write),
            server_arguments.get("confirm"),
            caller,
            call=write.call,
            has_token_alone=write.has_token_alone,
        )
        note = "" if write.is_confirmed else await self.confirmation_gate.ensure_confirmed(request)
        if write.undo_of:  # of a job's the whole was agreed to: whether this one is in time is asked now
            await request.load_preview()
        sent_write, earlier = await self.write_outcomes.reserve(
            fingerprint, operation.name, repeat=repeat, idempotency_key=write.idempotency_key
        )
        if earlier is not None:
            raise self._already_sent_error(write, earlier)
        deadline = self.platform.new_deadline()
        entry_id, result = await self.writes_under_way.run(self._send(write, fingerprint, sent_write, caller))
        preview = await request.load_preview()
        if preview.warnings and not self.confirmation_gate.must_ask(preview):
            result["warnings"] = list(preview.warnings)
        state_note = await self._add_new_state(write, preview.current_state, result, entry_id, deadline)
        rest_note = await self.undo_checker.describe_rest(write.undo_of) if write.undo_of else ""
        notes = [result.get("note"), note, state_note, rest_note]
        return result | ({"note": text} if (text := " ".join(filter(None, notes))) else {})

    async def _add_new_state(
        self, write: Write, earlier: CurrentState | None, result: Json, entry_id: str, deadline: float
    ) -> str:
        """Look once more, as far as there is time, and put `before` and `now` into the result; returns a note.

        Both are entered in the audit log, with the way back.
        """
        add_states = partial(self.audit_writer.add_states, entry_id, write.operation, write.values, made=result["data"])
        timeout_s = min(READ_STATE_TIMEOUT_S, self.platform.time_remaining(deadline))
        if timeout_s < MIN_READ_STATE_S:
            await add_states((earlier, CurrentState()))
            return "There was no time left to read the new state."
        with contain_faults(log, "what %s brought about can't be shown", write.operation.name):
            state = await self.current_state_reader.read_created(
                write.operation, write.values, result["data"], write.target, timeout_s
            )
            await add_states((earlier, state))
            if not state.is_known:
                return ""
            earlier_state = earlier.to_json() if earlier else []
            result |= describe_states(earlier_state, state.to_json(), is_brief=write.has_token_alone)
            if delay := describe_delay(write.operation):
                return f"{delay}: that takes a moment, and `now` may not show it yet."
        return ""

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

    async def _send(self, write: Write, fingerprint: str, sent_write: SentWrite, caller: Caller) -> tuple[str, Json]:
        """Send the write between two lines in the audit log; returns the id of its entry there, and the answer.

        That it was done is entered before anything else is done with the answer, and settled when the caller has it.
        """
        entry_id = await self.audit_writer.open_entry(
            write.operation, write.values, write.target, sent_write.sent_at, write.origin
        )
        try:
            response = await self._call_platform(write, sent_write)
        except ShopError as error:
            await self._record_failure(write, fingerprint, sent_write, error)
            await self.audit_writer.add_failure(entry_id, error, error.request_id)
            raise
        except BaseException:  # cut off in flight: the entry stands, and the same write is refused for a while
            await asyncio.shield(self.write_outcomes.mark_unknown(fingerprint, sent_write))
            raise
        request_id = response.request_id
        try:
            normalized = self._normalize(write, response)
        except ShopError as error:  # every item of a batch failed
            await self._record_failure(write, fingerprint, sent_write, error)
            await self.audit_writer.add_failure(entry_id, error, request_id)
            raise
        state: WriteState = "partly done" if normalized.get("failed") else "done"
        done_write = replace(sent_write, state=state, request_id=request_id or "")
        is_unclear = any("outcome" in failure for failure in normalized.get("failed", ()))
        if is_unclear:  # one of its items may have been done all the same
            await self.write_outcomes.mark_unknown(fingerprint, sent_write)
        else:
            await self.write_outcomes.mark_done(fingerprint, done_write)
        await self.audit_writer.add_outcome(
            entry_id, state, request_id, self._collect_ids_and_amounts(write, normalized)
        )
        if not is_unclear:
            await caller.run_after_delivery(partial(self.write_outcomes.settle, fingerprint, done_write))
        return entry_id, normalized

    async def _call_platform(self, write: Write, sent_write: SentWrite) -> ApiResponse:
        """The platform's answer; a fault of ours on the way leaves it unknown whether the write was done.

        Raises:
            ShopError: As `PlatformClient.call`.

        """
        with contain_faults(log, "%s failed in a way that is a fault of this server", write.operation.name):
            return await self.platform.call(write.build_call(sent_write.key), write.target)
        message = f"{write.operation.name} may have been sent: this server failed before it knew the outcome."
        hint = "Do not repeat it yet: check first whether it took effect. The server's log says how it failed."
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

    def _collect_ids_and_amounts(self, write: Write, normalized: Json) -> Json:
        """The ids of what a write made and the amounts that it came to, as far as the answer names any."""
        with contain_faults(log, "the ids in the answer to %s can't be read", write.operation.name):
            found = {"made": collect_made_ids(normalized["data"]), "amounts": collect_amounts(normalized["data"])}
            return {name: values for name, values in found.items() if values}
        return {}  # the audit log may lack them: the write was done

    async def _record_failure(self, write: Write, fingerprint: str, sent_write: SentWrite, error: ShopError) -> None:
        """Keep the entry where the write may have been done, and say how to find out; else forget it."""
        if error.kind == "unknown_outcome":
            await self.write_outcomes.mark_unknown(fingerprint, sent_write)
            error.details |= self._describe_verification(write, sent_write)
        else:
            await self.write_outcomes.clear(fingerprint)

    def _already_sent_error(self, write: Write, earlier: SentWrite) -> ShopError:
        details = self._describe_verification(write, earlier)
        begin = f"{write.operation.name} with the same arguments was sent at {earlier.sent_at}"
        if earlier.is_done:
            outcome = "and was done" if earlier.state == "done" else "and was done in part"
            hint = "It is done; its answer may not have reached you. To do it once more, call again with repeat: true."
            if earlier.state == "partly done":
                hint = f"Check what of it was done, and send only the rest. {hint.partition('; ')[2].capitalize()}"
            message, request_id = f"{begin} {outcome}: it was not sent again.", earlier.request_id or None
            return ShopError("already_done", message, hint=hint, request_id=request_id, **details)
        outcome, is_over = "and is under way or was cut off", True
        if earlier.state == "unknown":
            outcome = "and its outcome is unknown"
        elif self.write_outcomes.is_cut_off(earlier):
            outcome = "and was cut off: its outcome is unknown"
        else:
            is_over = False
        retry_advice = "call again with repeat: true" + ("" if is_over else " a minute later")
        hint = f"Check first whether it took effect. If it certainly did not, {retry_advice}, or wait ten minutes."
        return ShopError("unknown_outcome", f"{begin} {outcome}: it was not sent again.", hint=hint, **details)

    def _describe_verification(self, write: Write, sent_write: SentWrite) -> Json:
        """When and what was sent, redacted and shortened, and the read that shows whether it was done."""
        redacted_values = self.result_builder.redact_arguments(write.operation, write.values)
        sent_values = {path: shorten(value) for path, value in islice(flatten(redacted_values), MAX_REPORTED_VALUES)}
        details: Json = {"sent_at": sent_write.sent_at, "sent": sent_values}
        looks = find_looks(write.operation, write.values)
        return details | ({"look": {"tool": looks[0].operation, "arguments": looks[0].values}} if looks else {})
