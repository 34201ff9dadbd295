"""PostgreSQL and Redis on this computer: the system's own programs, on free ports and in folders that go with them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

POSTGRES_USER = "postgres"  # it refuses to run as root
START_TIMEOUT_S = 20.0
POSTGRES_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
POSTGRES_OPTIONS = {"fsync": "off", "max_connections": "200", "listen_addresses": "127.0.0.1"}
numbers = count()


class ServiceError(Exception):
    """A program that is not installed, or does not start; the text says which."""


class MissingServiceError(ServiceError):
    """It is not installed, or may not be used by who runs this."""


def find_postgres(name: str) -> str:
    folders = os.pathsep.join(map(str, POSTGRES_FOLDERS))
    path = shutil.which(name) or shutil.which(name, path=folders)
    if path is None:
        raise MissingServiceError(f"PostgreSQL's {name} is not installed")
    return path


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@dataclass
class Postgres:
    """A cluster in a folder of its own."""

    folder: Path
    port: int
    user: str | None
    process: subprocess.Popen[bytes] | None = None

    @property
    def server_url(self) -> str:
        return f"postgresql://{POSTGRES_USER}@127.0.0.1:{self.port}"

    def start(self) -> None:
        options = [part for name, value in POSTGRES_OPTIONS.items() for part in ("-c", f"{name}={value}")]
        options += ["-c", f"unix_socket_directories={self.folder}", "-p", str(self.port)]
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [find_postgres("postgres"), "-D", str(self.folder / "data"), *options],
                user=self.user,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                psycopg.connect(f"{self.server_url}/postgres", connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise ServiceError((self.folder / "log.txt").read_text(encoding="utf-8")) from None
                time.sleep(0.02)
            else:
                return

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT cuts connections and ends in order, SIGQUIT at once, as a power cut does."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(START_TIMEOUT_S)

    def restart(self, number: signal.Signals = signal.SIGINT) -> None:
        self.stop(number)
        self.start()

    def make_database(self) -> str:
        """The URL of an empty database."""
        name = f"team_{next(numbers)}"
        with psycopg.connect(f"{self.server_url}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"{self.server_url}/{name}"


@dataclass
class Redis:
    """A server that keeps nothing on disk."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        path = shutil.which("redis-server")
        if path is None:
            raise MissingServiceError("redis-server is not installed")
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(  # noqa: S603
            [path, *options, "--dir", str(self.folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise ServiceError("redis-server did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(START_TIMEOUT_S)


@contextmanager
def make_folder(user: str | None) -> Iterator[Path]:
    folder = Path(mkdtemp(prefix="teams-"))
    if user is not None:
        shutil.chown(folder, user)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def run_postgres() -> Iterator[Postgres]:
    initdb = find_postgres("initdb")
    user = None
    if os.geteuid() == 0:
        if POSTGRES_USER not in {entry.pw_name for entry in pwd.getpwall()}:
            raise MissingServiceError("PostgreSQL does not run as root, and there is no user postgres")
        user = POSTGRES_USER
    with make_folder(user) as folder:
        command = [initdb, "-D", str(folder / "data"), "-U", POSTGRES_USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(command, user=user, cwd=folder, check=True, capture_output=True)  # noqa: S603
        server = Postgres(folder, find_free_port(), user)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)


@contextmanager
def run_redis() -> Iterator[Redis]:
    with make_folder(None) as folder:
        server = Redis(folder, find_free_port())
        server.start()
        try:
            yield server
        finally:
            server.stop()
