"""One request to one reply: the gateway's checks, then the operation; and whatever else the host serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment import documents
from mcp_server_tiktok_shop.sandbox.gateway import arguments, auth, gateway, handlers
from mcp_server_tiktok_shop.sandbox.gateway.call import Call
from mcp_server_tiktok_shop.sandbox.gateway.wire import Envelopes, Reply
from mcp_server_tiktok_shop.sandbox.listings import upload_calls
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.sandbox.gateway.faults import Faults
    from mcp_server_tiktok_shop.sandbox.gateway.rates import Rates
    from mcp_server_tiktok_shop.sandbox.gateway.records import Operation, Records
    from mcp_server_tiktok_shop.sandbox.gateway.tokens import Account, Tokens
    from mcp_server_tiktok_shop.sandbox.gateway.wire import Received
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.shop import State


@dataclass(frozen=True)
class Target:
    """What a request is for, known before anything is checked: an operation's name, or a page's."""

    name: str
    operation: Operation | None = None


@dataclass
class Platform:
    """All that answers a request. `form` fields of an upload are read before, by the one who reads the body."""

    records: Records
    state: State
    accounts: list[Account]
    tokens: Tokens
    faults: Faults
    rates: Rates
    clock: Callable[[], float]
    app_key: str
    app_secret: str
    base_url: str
    redirect_url: str

    def __post_init__(self) -> None:
        self.envelopes = Envelopes()

    def target(self, method: str, path: str) -> Target:
        """The operation that a request means; a page's name, or none, where it means no operation."""
        found = self.records.find(path)
        if found and method in found[0].operations:
            operation = found[0].operations[method]
            return Target(operation.name, operation)
        return Target(path.split("/", 2)[1] if path.count("/") > 1 else path.strip("/"))

    def answer(self, target: Target, received: Received, form: Json | None) -> Reply:
        page = self._page(received)
        if page is not None:
            return page
        now = self.clock()
        try:
            data = self._run(target, received, form, now)
        except Refusal as refusal:
            return self.envelopes.refuse(refusal, self.base_url, now)
        success = "success" if target.operation and target.operation.host == "auth" else "Success"
        return self.envelopes.wrap(0, success, data, now)

    def refuse(self, refusal: Refusal) -> Reply:
        return self.envelopes.refuse(refusal, self.base_url, self.clock())

    def _run(self, target: Target, received: Received, form: Json | None, now: float) -> Json:
        operation = target.operation
        if operation is not None and operation.host == "auth":
            return auth.answer(operation.name, received.query, self.tokens, self.app_key, self.app_secret)
        route = gateway.route(self.records, received.method, received.path)
        gateway.check_app(received, self.app_key, self.app_secret, now)
        gateway.check_content_type(route.operation, received)
        caller = gateway.check_caller(route.operation, received, self.tokens)
        self.rates.check(caller.shop.id, route.operation.name, now)
        given = arguments.read(route.operation, received, route.ids, form)
        return handlers.answer(
            Call(
                operation=route.operation,
                arguments=given,
                account=caller.account,
                shop=caller.shop,
                state=self.state,
                faults=self.faults,
                now=int(now),
                base_url=self.base_url,
                secret=self.app_secret,
            )
        )

    def _page(self, received: Received) -> Reply | None:
        """What needs no signature: consent, its landing page, documents, pictures, help on a code."""
        path, query = received.path, received.query
        if received.method not in ("GET", "HEAD"):
            return None
        reply: Reply | None = None
        if path in auth.CONSENT_PATHS:
            reply = auth.consent(query, self.accounts, self.tokens, self.redirect_url)
        elif path == "/callback":
            reply = auth.landing()
        elif path.startswith("/documents/"):
            reply = documents.serve(self.state, self.app_secret, path, query, self.clock())
        elif path.startswith("/images/"):
            reply = upload_calls.serve(self.state, path.removeprefix("/images/"))
        elif path.startswith("/help/"):
            text = f"The simulated shop answered with code {path.removeprefix('/help/')}."
            reply = Reply(200, text.encode(), "text/plain")
        return reply
