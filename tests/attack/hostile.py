"""A platform between our server and the simulated shop that plants canaries in every text of every answer."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.sandbox.http_server import serve_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, MutableMapping

    from mcp_server_tiktok_shop.sandbox import Sandbox

EMAIL = "jane.canary@example.com"
OTHERS = "OTHERSWORDS"  # in texts that `untrusted` has to name
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
CHARS = "\u202e\u2066\u200b\U000e0041\x1b[31m"
# What is a word to somebody: not an id, an amount, a moment, a code word or an address.
WORDS = re.compile(r"^(?!https?:)(?=.*[a-z]).*$", re.DOTALL)
KEPT_KEYS = re.compile(
    r"(^|_)(ids?|cipher|token|code|url|uri|scopes?|time|date|sign|key|locale|language|type|currency)$"
)
# Without these no call of ours is made, or brought to its end.
NEEDED_KEYS = re.compile(r"(^|_)(cipher|token|next_page_token)$")
# Texts by others that rules name: shops', sellers', products', buyers' and carriers'.
OTHERS_PATHS = re.compile(
    r"(^|\.)(shops\.name|seller_name|product_name|products\.title|orders\.buyer_message|tracking\.description"
    r"|track_list\.description|errors\.message)$"
)
LABELS = re.compile(r"(^|\.)(shops\.name|seller_name)$")


@dataclass
class HostilePlatform:
    """The simulated shop behind a liar; `refusal` is the code with which all but shops and tokens is refused."""

    sandbox: Sandbox
    refusal: int = 0
    status: int = 200
    is_silent_on_shops: bool = False
    is_reckless: bool = False  # spoils ids, codes, links and moments, too, and adds names that nobody knows
    hides_ciphers: int = 0  # of so many shops, from the last one on: no call can be made for them
    planted: set[str] = field(default_factory=set)
    cut_off: Any = None

    @property
    def secrets(self) -> list[str]:
        account = self.sandbox.accounts[0]
        return [self.sandbox.app_secret, account.access_token, account.refresh_token]

    @property
    def poison(self) -> str:
        """Secrets whole and pulled apart by what nobody sees, and characters that turn a text or a terminal."""
        apart = "\u200b".join(re.findall(".{1,7}", self.secrets[1]))
        return f"{CHARS} <{' '.join(self.secrets)}> {apart} \u202c"

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        async with serve_app(self, "127.0.0.1", 0) as url:  # type: ignore[arg-type]
            self.sandbox.base_url = url
            yield url

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        start: dict[str, Any] = {}
        body = b""

        async def keep(message: MutableMapping[str, Any]) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body += message.get("body", b"")

        await self.sandbox.app(scope, receive, keep)
        body = self.rewrite(scope["path"], body)
        if self.refusal and not self.is_plumbing(scope["path"]):
            start["status"] = self.status
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        start["headers"] = [*headers, (b"content-length", str(len(body)).encode())]
        await send(start)
        await send({"type": "http.response.body", "body": body})

    def is_plumbing(self, path: str) -> bool:
        return path.startswith(("/api/v2/token", "/authorization/")) and not self.is_silent_on_shops

    def rewrite(self, path: str, body: bytes) -> bytes:
        try:
            envelope = json.loads(body)
        except ValueError:
            return body
        if not isinstance(envelope, dict) or "code" not in envelope:
            return body
        if self.refusal and not self.is_plumbing(path):
            envelope |= {"code": self.refusal, "message": f"No: {self.poison} {EMAIL} {OTHERS}", "data": None}
        else:
            envelope["data"] = self.plant(envelope.get("data"), "")
            if self.hides_ciphers and path.endswith("/shops") and path.startswith("/authorization/"):
                for shop in envelope["data"]["shops"][-self.hides_ciphers :]:
                    shop.pop("cipher", None)
            envelope["message"] = str(envelope.get("message")) + self.poison + EMAIL
        return json.dumps(envelope).encode()

    def plant(self, value: Any, path: str) -> Any:
        if isinstance(value, dict):
            planted = {name: self.plant(inner, f"{path}.{name}" if path else name) for name, inner in value.items()}
            return planted | ({f"name {self.poison}": self.poison} if self.is_reckless else {})
        if isinstance(value, list):
            return [self.plant(item, path) for item in value]
        name = path.rpartition(".")[2]
        if not isinstance(value, str) or NEEDED_KEYS.search(name):
            return value
        if not self.is_reckless and (KEPT_KEYS.search(name) or not WORDS.match(value)):
            return value
        self.planted.add(path)
        others = OTHERS if OTHERS_PATHS.search(path) else ""
        others += f" {EMAIL}" if others and not LABELS.search(path) else ""  # a shop's own name is no buyer's
        return f"{value[:12]} {others}{self.poison}"


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text and name in a value, with its path without indexes; a table's cells by their columns."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        columns, rows = value.get("columns"), value.get("rows")
        for name, inner in value.items():
            yield path, name
            if name == "rows" and isinstance(columns, list) and isinstance(rows, list):
                for row in rows:
                    for column, cell in zip(columns, row, strict=True):
                        yield from strings(cell, f"{path}.{column}" if path else column)
            else:
                yield from strings(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, path)


def assert_harmless(platform: HostilePlatform, text: str, where: str) -> None:
    """No secret, not a longer beginning of one, no e-mail, no character that nobody sees."""
    for secret in platform.secrets:
        assert secret[:14] not in text, f"a secret in {where}: {text[:400]}"
    assert EMAIL not in text, f"an e-mail address in {where}: {text[:400]}"
    found = INVISIBLE.search(text)
    assert not found, f"{found[0]!r} in {where}: {text[:400]!r}" if found else ""


def assert_json_harmless(platform: HostilePlatform, text: str, where: str) -> Any:
    """The same of every name and text in JSON; gives what it says."""
    told = json.loads(text)
    for path, part in strings(told):
        assert_harmless(platform, part, f"{where} at {path}")
    return told


def assert_others_named(data: Any, untrusted: list[str], where: str) -> int:
    """Every text by others stands at a path of `untrusted`; gives how many there are."""
    count = 0
    for path, part in strings(data):
        if OTHERS in part:
            count += 1
            named = any(
                u in ("*", path) or path.startswith(f"{u}.") or (u.endswith(".*") and path.startswith(u[:-1]))
                for u in untrusted
            )
            assert named, f"{path} of {where} is not named in {untrusted}"
    return count
