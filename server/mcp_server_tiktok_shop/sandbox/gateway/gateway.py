"""One request to one reply: the gateway's checks, then the operation; and whatever else the host serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment import document_calls
from mcp_server_tiktok_shop.sandbox.gateway import arguments, auth, handlers, request_checks
from mcp_server_tiktok_shop.sandbox.gateway.call import Call
from mcp_server_tiktok_shop.sandbox.gateway.http_messages import EnvelopeWriter, Reply
from mcp_server_tiktok_shop.sandbox.listings import upload_calls
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.sandbox.gateway.faults import Faults
    from mcp_server_tiktok_shop.sandbox.gateway.http_messages import HttpRequest
    from mcp_server_tiktok_shop.sandbox.gateway.operation_records import OperationRecord, OperationRecords
    from mcp_server_tiktok_shop.sandbox.gateway.rates import Rates
    from mcp_server_tiktok_shop.sandbox.gateway.tokens import SellerAccount, TokenIssuer
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.shop import State


@dataclass(frozen=True)
class RequestTarget:
    """What a request is for, known before anything is checked: an operation's name, or a page's."""

    name: str
    operation: OperationRecord | None = None


@dataclass
class Gateway:
    """All that answers a request. `form` fields of an upload are read before, by the one who reads the body."""

    records: OperationRecords
    state: State
    accounts: list[SellerAccount]
    tokens: TokenIssuer
    faults: Faults
    rates: Rates
    clock: Callable[[], float]
    app_key: str
    app_secret: str
    base_url: str
    redirect_url: str

    def __post_init__(self) -> None:
        self.envelopes = EnvelopeWriter()

    def find_target(self, method: str, path: str) -> RequestTarget:
        """The operation that a request means; a page's name, or none, where it means no operation."""
        match = self.records.find_path(path)
        if match and method in match[0].operations:
            operation = match[0].operations[method]
            return RequestTarget(operation.name, operation)
        return RequestTarget(path.split("/", 2)[1] if path.count("/") > 1 else path.strip("/"))

    def answer_request(self, target: RequestTarget, http_request: HttpRequest, form: Json | None) -> Reply:
        page = self._serve_page(http_request)
        if page is not None:
            return page
        now = self.clock()
        try:
            data = self._run(target, http_request, form, now)
        except RefusalError as refusal:
            return self.envelopes.wrap_refusal(refusal, self.base_url, now)
        success = "success" if target.operation and target.operation.host == "auth" else "Success"
        return self.envelopes.wrap(0, success, data, now)

    def refuse(self, refusal: RefusalError) -> Reply:
        return self.envelopes.wrap_refusal(refusal, self.base_url, self.clock())

    def _run(self, target: RequestTarget, http_request: HttpRequest, form: Json | None, now: float) -> Json:
        operation = target.operation
        if operation is not None and operation.host == "auth":
            return auth.answer_grant(operation.name, http_request.query, self.tokens, self.app_key, self.app_secret)
        route = request_checks.find_route(self.records, http_request.method, http_request.path)
        request_checks.check_app(http_request, self.app_key, self.app_secret, now)
        request_checks.check_content_type(route.operation, http_request)
        caller = request_checks.check_caller(route.operation, http_request, self.tokens)
        self.rates.check(caller.shop.id, route.operation.name, now)
        values = arguments.parse_arguments(route.operation, http_request, route.ids, form)
        return handlers.answer_call(
            Call(
                operation=route.operation,
                arguments=values,
                account=caller.account,
                shop=caller.shop,
                state=self.state,
                faults=self.faults,
                now=int(now),
                base_url=self.base_url,
                secret=self.app_secret,
            )
        )

    def _serve_page(self, http_request: HttpRequest) -> Reply | None:
        """What needs no signature: consent, its landing page, documents, pictures, help on a code."""
        path, query = http_request.path, http_request.query
        if http_request.method not in ("GET", "HEAD"):
            return None
        reply: Reply | None = None
        if path in auth.CONSENT_PATHS:
            reply = auth.render_consent_page(query, self.accounts, self.tokens, self.redirect_url)
        elif path == "/callback":
            reply = auth.render_landing_page()
        elif path.startswith("/documents/"):
            reply = document_calls.serve_document(self.state, self.app_secret, path, query, self.clock())
        elif path.startswith("/images/"):
            reply = upload_calls.serve_picture(self.state, path.removeprefix("/images/"))
        elif path.startswith("/help/"):
            text = f"The simulated shop answered with code {path.removeprefix('/help/')}."
            reply = Reply(200, text.encode(), "text/plain")
        return reply
