"""PostgreSQL and Redis for tests, which skip where they are not installed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from scripts.team.services import MissingServiceError, Postgres, Redis, run_postgres, run_redis

from mcp_server_tiktok_shop.state.redis import connection

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def skip_without_services() -> Iterator[None]:
    try:
        yield
    except MissingServiceError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with skip_without_services(), run_postgres() as server:
        yield server


@pytest.fixture
def database_url(postgres: Postgres) -> str:
    return postgres.make_database()


@pytest.fixture
def redis() -> Iterator[Redis]:
    with skip_without_services(), run_redis() as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "TIMEOUT_S", 10.0)  # on a busy machine it takes its time, and is not away for that
        yield server
