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

from mcp_server_tiktok_shop.calls.preview import LONGEST, Preview, flat
from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.operation import KEYS
from mcp_server_tiktok_shop.catalog.related_reads import looks
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.write_outcomes import fingerprint, moment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.confirmation import Confirming
    from mcp_server_tiktok_shop.catalog.binding import ApiCall, Upload
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.catalog.related_reads import Look
    from mcp_server_tiktok_shop.platform.client import Platform
    from mcp_server_tiktok_shop.platform.envelope import Answer
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.state.audit_log import Journal
    from mcp_server_tiktok_shop.state.expiring_records import Record
    from mcp_server_tiktok_shop.state.write_outcomes import Ledger

LOOK_PATIENCE = 8.0  # seconds that a look before a question may take
MOST_IDS = 40
TOLD = 12  # values of a write that an unknown outcome tells
ID_NAME = re.compile(r"(^|_)ids?$")
ID = re.compile(r"[\w.:/-]{1,64}", re.ASCII)
PERSONS = ("buyer", "user", "creator")  # whose ids stay out of the journal


@dataclass(frozen=True, slots=True)
class Write:
    """One write, ready to go: `values` are checked ones, `files` the parts of an upload."""

    operation: Operation
    values: Json
    target: Target
    zone: ZoneInfo
    files: Mapping[str, Upload]

    def call(self, key: str = "") -> ApiCall:
        """The request; `key` is what the ledger has for the platform's idempotency key."""
        filled = {n: key for n in KEYS if key and n in self.operation.arguments}
        return bind(self.operation, self.values | filled, self.zone, self.files)

    @property
    def key(self) -> str:
        """The caller's own idempotency key, or nothing."""
        return next((str(self.values[n]) for n in KEYS if n in self.values), "")

    @property
    def mark(self) -> str:
        """The same for the same thing to do, however it was written: under another key it would be done twice."""
        values = {n: value for n, value in self.values.items() if n not in KEYS}
        call = bind(self.operation, values, self.zone)
        told: Json = {"path": call.path, "query": dict(call.query), "form": dict(call.form)}
        told["body"] = json.loads(call.body) if call.body is not None else None
        told["files"] = {n: hashlib.sha256(upload.content).hexdigest() for n, upload in self.files.items()}
        return fingerprint(self.operation, told, self.target)


@dataclass(frozen=True, slots=True)
class Writes:
    """`opened` makes an answer fit to be told, `look` reads what a write is about.

    `guard` masks values that are shown, `said` the platform's words.
    """

    platform: Platform
    confirming: Confirming
    ledger: Ledger
    journal: Journal
    opened: Callable[[Operation, Json, Answer, ZoneInfo], Json]
    look: Callable[[Look, Target], Awaitable[list[tuple[str, Any]]]]
    guard: Callable[[Operation, Json], Json]
    said: Callable[[str], str]

    async def preview(self, write: Write, *, looking: bool) -> Preview:
        """What would be sent, and what it is about where a look tells it."""
        shown = replace(write, values=self.guard(write.operation, write.values))
        now = await self._now(write) if looking else None
        return Preview(write.operation, write.target.shop, shown.values, shown.call(), now)

    async def do(self, write: Write, own: Json, caller: Caller) -> Json:
        """What the platform answers to a write that was confirmed, where it must be, and not sent before.

        Raises:
            ShopError: `confirmation_required`, `declined`, `unknown_outcome`, or what the platform refused.

        """
        operation, mark, repeat = write.operation, write.mark, bool(own.get("repeat"))
        if not repeat and (earlier := await self.ledger.records.get(mark)) is not None:
            raise self._sent_before(write, earlier)

        async def preview() -> Preview:
            return await self.preview(write, looking=True)

        await self.confirming.check(operation, mark, preview, own.get("confirm"), caller)
        entry, in_the_way = await self.ledger.begin(mark, operation, repeat=repeat, key=write.key)
        if in_the_way is not None:
            raise self._sent_before(write, in_the_way)
        return await self._send(write, mark, entry)

    async def confirm(self, operation: Operation, values: Json, own: Json, caller: Caller) -> None:
        """Confirm a write that is not the platform's API's: a token call, whose values are secret.

        Raises:
            ShopError: `confirmation_required` or `declined`.

        """

        async def preview() -> Preview:
            return Preview(operation, None, {}, None)

        await self.confirming.check(
            operation, fingerprint(operation, values, None), preview, own.get("confirm"), caller
        )

    async def _send(self, write: Write, mark: str, entry: Record) -> Json:
        shop = write.target.shop
        noted: Json = {"id": secrets.token_hex(6)}
        whom = {"shop": shop.label, "shop_id": shop.id} if shop else {"account": write.target.account.name}
        began = noted | {"time": moment(entry["sent"]), **whom, "operation": write.operation.name}
        await self.journal.write(began | {"ids": ids_in(write.values)})
        try:
            answer = await self.platform.call(write.call(entry["key"]), write.target)
        except ShopError as error:
            if error.kind == "unknown_outcome":
                await self.ledger.lost(mark, entry)
                error.more |= self._how_to_look(write, entry)
            else:
                await self.ledger.settled(mark)
            outcome = "unknown" if error.kind == "unknown_outcome" else f"not done: {error.kind}"
            code = {"code": error.code} if error.code is not None else {}
            await self.journal.write(noted | {"outcome": outcome, "request_id": error.request_id} | code)
            raise
        except BaseException:  # cut off in flight: the entry stands, and the same write is refused for a while
            await asyncio.shield(self.ledger.lost(mark, entry))
            raise
        await self.ledger.settled(mark)
        try:
            told = self.opened(write.operation, write.values, answer, write.zone)
        except ShopError as error:  # every item of a batch failed
            await self.journal.write(noted | {"outcome": f"not done: {error.kind}", "request_id": answer.request_id})
            raise
        outcome = "partly done" if told.get("failed") else "done"
        made = {"made": ids} if (ids := ids_in(told["data"])) else {}
        await self.journal.write(noted | {"outcome": outcome, "request_id": answer.request_id} | made)
        return told

    async def _now(self, write: Write) -> list[tuple[str, Any]] | None:
        reads = looks(write.operation, write.values)
        if not reads:
            return None
        found = await asyncio.gather(*(self._looked(read, write.target) for read in reads))
        return [row for rows in found for row in rows]

    async def _looked(self, read: Look, target: Target) -> list[tuple[str, Any]]:
        """What one look tells; a thing that can't be looked up must not hide the others."""
        try:
            async with asyncio.timeout(LOOK_PATIENCE):
                return await self.look(read, target)
        except (ShopError, TimeoutError) as error:
            why = self.said(error.message) if isinstance(error, ShopError) else "the platform took too long"
            return [(f"not looked up: {next(iter(flat(read.values)), ('', ''))[1]}", why)]

    def _sent_before(self, write: Write, earlier: Record) -> ShopError:
        when, state = moment(earlier["sent"]), "and is under way or was cut off"
        over = earlier.get("lost") or self.ledger.ended(str(earlier.get("process", "")))
        if over:
            state = "and its outcome is unknown" if earlier.get("lost") else "and was cut off: its outcome is unknown"
        told = f"{write.operation.name} with the same arguments was sent at {when} {state}: it was not sent again."
        again = "call again with repeat: true" + ("" if over else " a minute later")
        hint = f"Look first whether it took. If it surely did not, {again}, or wait ten minutes."
        return ShopError("unknown_outcome", told, hint=hint, **self._how_to_look(write, earlier))

    def _how_to_look(self, write: Write, entry: Record) -> Json:
        sent = dict(_short(flat(self.guard(write.operation, write.values))))
        told: Json = {"sent_at": moment(entry["sent"]), "sent": sent}
        reads = looks(write.operation, write.values)
        return told | ({"look": {"tool": reads[0].operation, "arguments": reads[0].values}} if reads else {})


def _short(rows: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The first values, long ones cut: enough to know the write by."""
    return [(path, v if len(str(v)) <= LONGEST else f"{str(v)[:LONGEST]}…") for path, v in islice(rows, TOLD)]


def ids_in(value: Any) -> Json:
    """The ids in arguments or an answer, by name: what a journal may keep of them."""
    found: dict[str, list[str]] = {}
    for path, leaf in flat(value) if isinstance(value, dict) else ():
        name = re.sub(r"\[\d+\]| \(.*\)", "", path)
        last = name.rpartition(".")[2]
        if not ID_NAME.search(last) or any(person in name for person in PERSONS):
            continue
        ids = [text for text in str(leaf).split(", ") if ID.fullmatch(text)]
        kept = found.setdefault(name, [])
        kept += [text for text in ids if text not in kept][: MOST_IDS - len(kept)]
    return {name: ids[0] if len(ids) == 1 else ids for name, ids in found.items() if ids}
