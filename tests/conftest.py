"""What tests stand on: our server behind the SDK's own client, in both protocol eras, against real HTTP."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import httpcore2
import pytest
from hypothesis import HealthCheck, settings
from mcp import Client

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.settings import read_settings
from tests.keys import ACCESS_TOKEN, APP_KEY, APP_SECRET, REFRESH_TOKEN
from tests.teams.services import database_url, postgres, redis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

__all__ = ["database_url", "postgres", "redis"]  # fixtures

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("house")

CATALOG = Catalog()  # servers only read it: one for all of a run


class Connect(Protocol):
    def __call__(self, **more: Any) -> AbstractAsyncContextManager[Client]: ...


@pytest.fixture(scope="session", autouse=True)
def certificate_cache() -> Iterator[None]:
    """Each server's HTTP client reads this machine's certificates, which takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpcore2.default_ssl_context", cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def connect(era: str, home: Path) -> Connect:
    """Connects a client to a server with settings of the test's choosing; `put_together`'s options pass through.

    `asked` answers what the server asks its person; without it the client says that it can't.
    """

    @asynccontextmanager
    async def connected(**more: Any) -> AsyncIterator[Client]:
        options = {name: more.pop(name) for name in ("runtime", "call_timeout_s", "sandbox_object") if name in more}
        sandbox = options.pop("sandbox_object", None)
        asked = more.pop("asked", None)
        environment = {"TIKTOK_SHOP_HOME": str(home), "TIKTOK_SHOP_CONFIRM": "none"}
        if not more.get("sandbox"):
            environment |= {
                "TIKTOK_SHOP_APP_KEY": APP_KEY,
                "TIKTOK_SHOP_APP_SECRET": APP_SECRET,
                "TIKTOK_SHOP_ACCESS_TOKEN": ACCESS_TOKEN,
                "TIKTOK_SHOP_REFRESH_TOKEN": REFRESH_TOKEN,
            }
        environment |= {f"TIKTOK_SHOP_{name.upper()}": str(value) for name, value in more.items()}
        parts = build_app(read_settings(environment), sandbox=sandbox, catalog=CATALOG, **options)
        server = parts.build_server()
        async with Client(server, mode=era, elicitation_callback=asked) as client:
            yield client

    return connected
