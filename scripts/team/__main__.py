"""Starts all that a team's server wants on this computer, plays a session of two tenants, and stops everything."""

from __future__ import annotations

import argparse
import asyncio
import base64
import secrets
import signal
import socket
import sys
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from scripts.team.identity_provider import run_provider
from scripts.team.proxy import run_proxy
from scripts.team.replicas import make_variables, run_replica
from scripts.team.services import Postgres, Redis, ServiceError, run_postgres, run_redis
from scripts.team.session import PromiseError, TeamSession

from mcp_server_tiktok_shop.sandbox import Sandbox

TENANT_CLAIM = "org"
REPLICA_NAMES = ("A", "B")
ORDERS = 60
INSTALL_WORDS = "Debian and its kind have both: apt-get install postgresql redis-server"


async def play(postgres: Postgres, redis: Redis, home: Path, console: Console) -> None:
    """Serve two replicas behind a proxy, and show what two tenants see of them.

    Raises:
        PromiseError: Something was not as it should be.
        ServiceError: A replica did not start.

    """
    sandbox = Sandbox(shops=3, orders=ORDERS)
    async with AsyncExitStack() as stack:
        shop_url = await stack.enter_async_context(sandbox.serve())
        listener = socket.create_server(("127.0.0.1", 0))
        public_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        provider = await stack.enter_async_context(run_provider(audience=f"{public_url}/mcp"))
        settings = {
            "home": str(home),
            "api_url": shop_url,
            "auth_url": shop_url,
            "app_key": sandbox.app_key,
            "app_secret": sandbox.app_secret,
            "service_id": "7",
            "region": "row",
            "database": postgres.make_database(),
            "database_key": base64.b64encode(secrets.token_bytes(32)).decode(),
            "redis": redis.url,
            "http_issuer": provider.issuer,
            "http_url": public_url,
            "http_tenant_claim": TENANT_CLAIM,
        }
        origins = {}
        for name in REPLICA_NAMES:
            variables = make_variables(settings | {"home": str(home / name)})
            replica = await stack.enter_async_context(run_replica(variables, stop_signal=signal.SIGTERM))
            origins[name] = replica.url.removesuffix("/mcp")
        await stack.enter_async_context(run_proxy(listener, origins))
        console.print(f"PostgreSQL at port {postgres.port}, Redis at {redis.port}, the simulated shop at {shop_url},")
        console.print(f"an identity provider at {provider.issuer}, two replicas behind {public_url}/mcp.")
        session = TeamSession(f"{public_url}/mcp", sandbox, provider, TENANT_CLAIM, console)
        await session.play(make_variables(settings))


def _find_promise(error: BaseException) -> BaseException:
    return _find_promise(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def main() -> int:
    argparse.ArgumentParser(prog="python -m scripts.team", description=__doc__).parse_args()
    console = Console(highlight=False, soft_wrap=True)
    try:
        with ExitStack() as stack:
            postgres = stack.enter_context(run_postgres())
            redis = stack.enter_context(run_redis())
            home = stack.enter_context(TemporaryDirectory(prefix="team-"))
            asyncio.run(play(postgres, redis, Path(home), console))
    except ServiceError as error:
        print(f"{error}. {INSTALL_WORDS}", file=sys.stderr)
        return 1
    except ExceptionGroup as group:  # of the client, in which the session was played
        broken, others = group.split(PromiseError)
        if broken is None or others is not None:
            raise
        print(f"A promise does not hold: {_find_promise(broken)}.", file=sys.stderr)
        return 1
    console.print("\nAll of it is stopped again.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
