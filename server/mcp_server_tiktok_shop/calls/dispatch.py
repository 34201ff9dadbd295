"""Dispatches one tool call, from a model's arguments to its result: the one way through, for every tool."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.caller import NON_INTERACTIVE_CALLER
from mcp_server_tiktok_shop.calls.page_tokens import drop_joined_token
from mcp_server_tiktok_shop.calls.pending_writes import StoredCall
from mcp_server_tiktok_shop.calls.preview import Preview
from mcp_server_tiktok_shop.calls.preview_results import show_preview
from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text
from mcp_server_tiktok_shop.calls.results.projection import PLACEHOLDER_FIELD, parse_field_paths
from mcp_server_tiktok_shop.calls.results.zero_values import drop_empty
from mcp_server_tiktok_shop.calls.uploads import read_uploads
from mcp_server_tiktok_shop.calls.write import Write
from mcp_server_tiktok_shop.calls.write_answers import make_unshown_result
from mcp_server_tiktok_shop.calls.write_requests import ConfirmationRequired
from mcp_server_tiktok_shop.catalog.amounts import validate_amounts
from mcp_server_tiktok_shop.catalog.argument_limits import check_size
from mcp_server_tiktok_shop.catalog.binding import has_local_time
from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments, coerce_value
from mcp_server_tiktok_shop.catalog.server_arguments import SERVER_ARGUMENTS
from mcp_server_tiktok_shop.catalog.time_limits import validate_times
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.errors import NestingError, Problem, ShopError, contain_faults
from mcp_server_tiktok_shop.json_text import parse_json
from mcp_server_tiktok_shop.table_files.file_names import parse_file_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.jobs.runner import JobRunner
    from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
    from mcp_server_tiktok_shop.calls.local_tool import LocalToolRunner
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.calls.shops_reader import ShopsReader
    from mcp_server_tiktok_shop.calls.targets import TargetResolver
    from mcp_server_tiktok_shop.calls.writes import WriteExecutor
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder

DRY_RUN_NOTE = "A dry run: nothing was sent."
INVENTION_NOTE = "`placeholder`: the simulated shop made this up for this answer alone; it fits no other."

log = logging.getLogger(__name__)


class ToolDispatcher(Struct, frozen=True):
    """Takes a call from a model's arguments to its result, by one way for all tools: see `calls`.

    Arguments are coerced and validated by the operation's record; then a tool of our own answers (`local_tools`), a job
    is run (`get_job_runner` gives what runs it), or the platform is called: `shops_reader` and `write_executor` are the
    two arms, `targets` tells for which shop. What a call saves goes to `export_folder`. `clock` gives Unix seconds;
    `zone` is the time zone set for all shops, if one is; in the simulated shop (`is_sandbox`) every result says
    `sandbox: true`.
    """

    operations: OperationDirectory
    files: AllowedFiles
    shops_reader: ShopsReader
    targets: TargetResolver
    write_executor: WriteExecutor
    result_builder: ResultBuilder
    local_tools: LocalToolRunner
    get_job_runner: Callable[[], JobRunner]
    export_folder: ExportFolder
    clock: Callable[[], float]
    zone: ZoneInfo | None = None
    is_sandbox: bool = False

    async def call(self, name: str, arguments: Json, caller: Caller = NON_INTERACTIVE_CALLER) -> Json:
        """The result of a tool within its budget: `data` and what stands beside it, as JSON can hold it.

        Of a write that waits for a yes it has no `data`, and the `status` that says so.

        `arguments` are as a model wrote them, the platform's and ours (`shop`, `fields`, `dry_run`, …) side by side.

        Raises:
            ShopError: Every way in which a call can fail that is not a fault of this program.
            ElicitationRequired: The call is to be answered with a question to the person.

        """
        return await self._call(name, arguments, caller, has_token_alone=False)

    async def _call(self, name: str, arguments: Json, caller: Caller, *, has_token_alone: bool) -> Json:
        operation = self.operations.get(name)
        self.operations.policy.ensure_allowed(operation)
        caller.ensure_granted(operation)
        check_size(arguments)
        call_arguments = dict(arguments)
        if operation.delegates_to in ("read", "write"):
            _merge_outer_arguments(call_arguments)
        elif "undo_of" in call_arguments and "undo_of" in operation.server_arguments:
            undo_checker = self.write_executor.undo_checker
            call_arguments = await undo_checker.complete_arguments(operation, call_arguments)
        values, problems = _coerce(operation, call_arguments)
        validate(operation, drop_joined_token(operation, values), problems)
        if operation.delegates_to == "confirmed":
            return await self._send_by_token(values["token"], caller)
        if operation.delegates_to is not None:
            return await self._run_nested_operation(operation, values, caller)
        server_arguments = {name: values.pop(name) for name in operation.server_arguments if name in values}
        server_arguments = {
            name: value for name, value in server_arguments.items() if not isinstance(value, str) or value.strip()
        }
        if fields := server_arguments.get("fields"):
            parse_field_paths(fields)
        if file_name := server_arguments.get("save_as"):
            parse_file_name(file_name)
        try:
            if operation.is_job:
                result = await self.get_job_runner().run(
                    operation, values, server_arguments, caller, has_token_alone=has_token_alone
                )
            elif operation.is_local:
                result = await self._run_local(operation, values, server_arguments, caller)
            else:
                result = await self._run_remote(
                    operation, values, server_arguments, caller, has_token_alone=has_token_alone
                )
        except ConfirmationRequired as confirmation:
            result = confirmation.result
        return _mark_sandbox(result) if self.is_sandbox else result

    async def _send_by_token(self, token: str, caller: Caller) -> Json:
        """Make the call that was shown and that the token stands for, by the same way through."""
        call = await self.write_executor.confirmation_gate.load_call(token, caller)
        return await self._call(call.operation, call.arguments | {"confirm": token}, caller, has_token_alone=True)

    async def _run_nested_operation(self, runner: Operation, values: Json, caller: Caller) -> Json:
        """Run the operation that a `run_…` tool names, by the same way through."""
        operation = self.operations.get(values["name"])
        if operation.delegates_to is not None:
            message = f"{runner.name} calls operations, not other run_ tools: {operation.name} is one."
            problem = Problem("name", message, "the name of an operation, from find_operations")
            raise ShopError("invalid_arguments", message, problems=(problem,))
        if runner.delegates_to == "read" and operation.effect != "read":
            message = f"{operation.name} changes something: its effect is {operation.effect}."
            write_runner = self.operations.get("run_write_operation")
            hint = (
                f"Call it with {write_runner.name}."
                if self.operations.policy.is_available(write_runner)
                else f"Call {operation.name} as a tool."
            )
            raise ShopError("not_permitted", message, hint=hint)
        return await self.call(operation.name, values.get("arguments", {}), caller)

    async def _run_local(self, operation: Operation, values: Json, server_arguments: Json, caller: Caller) -> Json:
        """The result of a tool of our own; one that renews or exchanges tokens asks like a write."""
        if server_arguments.get("dry_run"):
            return {"data": Preview(operation, None, {}, None).to_json(), "note": DRY_RUN_NOTE}
        shop = server_arguments.get("shop")
        if not operation.is_platform_write:
            data = await self.local_tools.execute(operation, values, shop, caller)
            if file_name := server_arguments.get("save_as"):
                from mcp_server_tiktok_shop.calls.results.saved_data import save_data  # noqa: PLC0415 - seldom asked for

                data.pop("untrusted", None)
                saved = await save_data(self.export_folder, parse_file_name(file_name), data, zone=self.zone)
                return await self.result_builder.to_local_result(saved.to_json())
            return await self.result_builder.to_local_result(data, is_kept=operation.keeps_result)
        confirmation = self.write_executor.create_local_confirmation(
            operation, values | {"shop": shop}, server_arguments, caller
        )
        write_data = await self.local_tools.execute_write(operation, values, shop, confirmation)

        async def build_result() -> Json:
            return await self.result_builder.to_local_result(
                self.result_builder.redact_local_data(operation, drop_empty(write_data)), confirmation.note
            )

        return await _build_write_result(operation, None, build_result)

    async def _run_remote(
        self, operation: Operation, values: Json, server_arguments: Json, caller: Caller, *, has_token_alone: bool
    ) -> Json:
        """The result of one of the platform's operations, or of a dry run of it."""
        if operation.effect == "read":
            return await self.shops_reader.read(operation, values, server_arguments, caller)
        arguments = values | server_arguments
        files = await asyncio.to_thread(read_uploads, operation, values, self.files) if operation.upload_schemas else {}
        target = await self.targets.resolve(
            operation, server_arguments.get("shop"), server_arguments.get("category_asset")
        )
        if target.shop is not None:
            values = self.operations.complete_by_market(operation, values, target.shop.region)
        validate_amounts(operation, values, target.shop.currency if target.shop is not None else "")
        zone = target.resolve_zone(self.zone)
        validate_times(operation, values, zone, self.clock())
        has_zone_note = any(has_local_time(operation.arguments[name], value) for name, value in values.items())
        call = self._make_stored_call(operation, arguments, target)
        write = Write(
            operation, values, target, zone, files, call, has_token_alone, server_arguments.get("undo_of", "")
        )
        if server_arguments.get("dry_run"):
            preview = await self.write_executor.build_preview(write)
            result = await show_preview(self.result_builder, preview, DRY_RUN_NOTE, is_whole=False, shop=target.shop)
        else:
            normalized = await self.write_executor.execute(write, server_arguments, caller)

            async def build_result() -> Json:
                return await self.result_builder.to_result(operation, normalized, None, target.shop)

            result = await _build_write_result(operation, normalized.get("request_id"), build_result)
        if has_zone_note:
            note = f"Times given without offset were read in {zone.key}."
            result["note"] = " ".join(filter(None, (result.get("note"), note)))
        return result

    def _make_stored_call(self, operation: Operation, arguments: Json, target: Target) -> StoredCall:
        """What makes a write once more, for the same shop."""
        shop = {"shop": target.shop.id} if target.shop else {}
        kept_arguments = {name: value for name, value in arguments.items() if name not in ("confirm", "dry_run")}
        return StoredCall(operation.name, kept_arguments | shop, self.result_builder.buyer_data)


def _coerce(operation: Operation, arguments: Json) -> tuple[Json, list[Problem]]:
    """As `coerce_arguments`, within the limits of arguments: lists and objects may have come as text."""
    values, problems = coerce_arguments(operation, arguments)
    if values != arguments:
        check_size(values)
    return values, problems


def _holds_placeholder(value: Any) -> bool:
    """Whether something in the simulated shop's answer is marked as made up."""
    if isinstance(value, dict):
        return value.get(PLACEHOLDER_FIELD) is True or any(map(_holds_placeholder, value.values()))
    return isinstance(value, list) and any(map(_holds_placeholder, value))


def _mark_sandbox(result: Json) -> Json:
    """The result of the simulated shop as such; what is made up in it with a note before it."""
    if not _holds_placeholder(result.get("data")):
        return result | {"sandbox": True}
    note = " ".join(filter(None, (INVENTION_NOTE, result.get("note"))))
    return {"note": note} | {name: value for name, value in result.items() if name != "note"} | {"sandbox": True}


async def _build_write_result(operation: Operation, request_id: Any, build: Callable[[], Awaitable[Json]]) -> Json:
    """The result of a write that was done, or where it can't be built, that it was: it must not look like a failure."""
    with contain_faults(log, "the result of %s can't be shown", operation.name):
        try:
            result = await build()
            to_json_text(result)
        except ShopError:
            log.exception("the result of %s can't be shown", operation.name)
        else:
            return result
    return {"data": {}, **make_unshown_result(request_id)}


def _merge_outer_arguments(call_arguments: dict[str, Any]) -> None:
    """Move our own arguments that stand beside `arguments`, where a model easily puts them, inside it.

    None may get lost on the way: a call without its `dry_run` would be sent.

    Raises:
        ShopError: `invalid_arguments`, where one stands in both places and says different things.

    """
    inner_arguments = _parse_json_text(call_arguments.get("arguments")) or {}
    if not isinstance(inner_arguments, dict):
        return  # refused when it is read
    outer_arguments = {name: call_arguments.pop(name) for name in SERVER_ARGUMENTS if name in call_arguments}
    for name, value in outer_arguments.items():
        schema = SERVER_ARGUMENTS[name]
        inner_value = coerce_value(schema, inner_arguments.get(name, value))
        if value in (None, "") or inner_value == coerce_value(schema, value):
            continue
        if inner_arguments[name] not in (None, ""):
            problem = Problem(
                name, "is given both beside and inside `arguments`, with different values", "one of the two"
            )
            message = f"{name} {problem.message}"
            raise ShopError("invalid_arguments", message, hint="Nothing was sent.", problems=(problem,))
        inner_arguments = {**inner_arguments, name: value}
    call_arguments["arguments"] = {
        name: value for name, value in outer_arguments.items() if value not in (None, "")
    } | inner_arguments


def _parse_json_text(arguments: Any) -> Any:
    """The value of JSON text; anything else as it is."""
    try:
        return parse_json(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, NestingError):
        return arguments
