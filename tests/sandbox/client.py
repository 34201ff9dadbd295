"""A small signing client, written for these tests alone: it can also be told to send something wrong."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import httpx2

    from mcp_server_tiktok_shop.sandbox import Sandbox

NOW = 1_795_349_472  # a Sunday in November 2026, towards noon
Json = dict[str, Any]
# What the platform tells again beside the field that tells it already: counted once, the parts add up.
REPEATING_FIELDS = (
    "affiliate_commission_amount_before_pit",
    "affiliate_commission_before_pit_amount",
    "tiktok_shop_shipping_incentive_amount",
)


def list_parts(breakdown: Mapping[str, str] | None) -> Mapping[str, str]:
    """The amounts of a breakdown by their fields, each once."""
    return {name: value for name, value in (breakdown or {}).items() if name not in REPEATING_FIELDS}


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def signed(secret: str, path: str, query: Mapping[str, str], body: bytes) -> str:
    names = sorted(name for name in query if name not in ("sign", "access_token"))
    message = secret + path + "".join(name + query[name] for name in names)
    return hmac.new(secret.encode(), message.encode() + body + secret.encode(), hashlib.sha256).hexdigest()


def move_to_market(sandbox: Sandbox, regions: Sequence[str]) -> None:
    """Put the first shop where an operation for some markets is there; one that names none is there in GB as well."""
    market = "GB" if not regions or "GB" in regions else regions[0]
    sandbox.accounts[0].shops[0].region = {"EU": "DE", "SEA": "ID"}.get(market, market)


class Caller:
    """Calls the sandbox as account 0 and its first shop, unless told otherwise."""

    def __init__(self, sandbox: Sandbox, http: httpx2.AsyncClient, base_url: str) -> None:
        self.sandbox, self.http, self.base_url = sandbox, http, base_url
        self.account = 0

    @property
    def shop(self) -> Any:
        return self.sandbox.accounts[self.account].shops[0]

    def renew(self) -> None:
        """A new token, where a test lets more than a week pass by."""
        self.sandbox.tokens.issue(self.sandbox.accounts[self.account])

    async def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | None] | None = None,
        body: Any = None,
        *,
        cipher: str | None = "",
        headers: Mapping[str, str | None] | None = None,
        more_query: str = "",
        files: Any = None,
        fields: Any = None,
    ) -> httpx2.Response:
        """`None` in query or headers takes away what would be sent; `body` bytes go out as they are."""
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        asked: dict[str, str | None] = {
            "app_key": self.sandbox.app_key,
            "timestamp": str(int(self.sandbox.now())),
        }
        if cipher is not None:
            asked["shop_cipher"] = cipher or self.shop.cipher
        asked |= dict(query or {})
        sent = {name: value for name, value in asked.items() if value is not None}
        if "sign" not in asked:
            sent["sign"] = signed(self.sandbox.app_secret, path, sent, b"" if files else content)
        named: dict[str, str | None] = {"x-tts-access-token": self.sandbox.accounts[self.account].access_token}
        if files is None:
            named["content-type"] = "application/json"
        named |= dict(headers or {})
        url = f"{self.base_url}{quote(path, safe='/')}?{urlencode(sent, quote_via=quote)}{more_query}"
        plain = {name: value for name, value in named.items() if value is not None}
        if files is not None:
            return await self.http.request(method, url, headers=plain, files=files, data=fields)
        return await self.http.request(method, url, headers=plain, content=content)

    async def call(self, method: str, path: str, *args: Any, **more: Any) -> Json:
        """The data of a call that is expected to succeed."""
        answer: Json = (await self.send(method, path, *args, **more)).json()
        assert answer["code"] == 0, answer
        assert answer["message"] == "Success"
        data: Json = answer["data"]
        return data

    async def refused(self, method: str, path: str, *args: Any, **more: Any) -> tuple[int, int, str]:
        """HTTP status, code and message of a call that is expected to be refused."""
        response = await self.send(method, path, *args, **more)
        answer = response.json()
        assert answer["code"] != 0, answer
        assert answer["data"] is None
        return response.status_code, answer["code"], answer["message"]

    async def code(self, method: str, path: str, *args: Any, **more: Any) -> int:
        return (await self.refused(method, path, *args, **more))[1]

    async def all_pages(self, method: str, path: str, query: Json, body: Any, name: str) -> list[Json]:
        found: list[Json] = []
        token = ""
        while True:
            data = await self.call(method, path, query | ({"page_token": token} if token else {}), body)
            found += data[name]
            token = data["next_page_token"]
            if not token:
                return found
