"""An identity provider on this computer: its metadata, its keys, and the tokens that it signs."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from scripts.team.web_servers import run_web_server
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

AUDIENCE = "https://shops.example/mcp"
SIGNERS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
SIGNERS["PS256"] = SIGNERS["RS256"]


def to_jwk(signer: Any, key_id: str, algorithm: str) -> dict[str, Any]:
    public_key = signer.public_key()
    jwk: dict[str, Any] = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(public_key))
    return jwk | {"kid": key_id, "use": "sig"}


@dataclass
class IdentityProvider:
    port: int
    audience: str = AUDIENCE
    slash: str = ""  # at the end of its name
    metadata_path: str = "/.well-known/openid-configuration"
    keys: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)  # the paths that it was asked for
    is_away: bool = False
    delay_s: float = 0.0
    changes: dict[str, Any] = field(default_factory=dict)  # of its metadata

    def __post_init__(self) -> None:
        self.keys = [to_jwk(SIGNERS[name], f"key-{name}", name) for name in ("RS256", "ES256", "EdDSA")]

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.slash}"

    def make_claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token with these changes: None takes one away, a timedelta is a time from now."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": "a-person",
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "scope": "openid shop:read shop:write",
        }
        values = {name: value for name, value in (claims | changes).items() if value is not None}
        return {n: now + int(v.total_seconds()) if isinstance(v, timedelta) else v for n, v in values.items()}

    def sign(self, algorithm: str = "ES256", headers: dict[str, Any] | None = None, **changes: Any) -> str:
        kid = "key-RS256" if algorithm == "PS256" else f"key-{algorithm}"
        return jwt.encode(
            self.make_claims(**changes), SIGNERS[algorithm], algorithm, headers={"kid": kid} | (headers or {})
        )

    async def answer(self, request: Request) -> Response:
        self.requests.append(request.url.path)
        await asyncio.sleep(self.delay_s)
        if self.is_away:
            return Response("away", 503)
        if request.url.path == "/keys":
            return JSONResponse({"keys": self.keys})
        if request.url.path == self.metadata_path:
            return JSONResponse(
                {"issuer": self.issuer, "jwks_uri": f"http://127.0.0.1:{self.port}/keys"} | self.changes
            )
        return Response(status_code=404)


@asynccontextmanager
async def run_provider(**options: Any) -> AsyncIterator[IdentityProvider]:
    listener = socket.create_server(("127.0.0.1", 0))
    provider = IdentityProvider(listener.getsockname()[1], **options)
    async with run_web_server(Starlette(routes=[Route("/{path:path}", provider.answer)]), listener):
        yield provider
