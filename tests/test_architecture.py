"""The rooms and who may import whom, a sentence at the head of every module, and what a start must not load."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import mcp_server_tiktok_shop
from mcp_server_tiktok_shop import errors
from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.cli.main import main
from mcp_server_tiktok_shop.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "mcp_server_tiktok_shop"
ROOT = Path(mcp_server_tiktok_shop.__file__).parent
PROJECT = ROOT.parent.parent
MODULES = sorted(ROOT.rglob("*.py"))
# Values without effects, for every room.
LEAVES = {"errors", "json_paths", "json_text", "json_values", "logs", "metrics", "money", "private_struct", "proxies"}
LEAVES |= {"setting_declarations", "setting_texts", "time_zones"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "json_paths": set(),
    "json_values": set(),
    "logs": set(),
    "metrics": {"errors"},
    "money": set(),
    "private_struct": set(),
    "proxies": set(),
    "setting_declarations": {"errors", "setting_texts"},
    "setting_texts": set(),
    "time_zones": set(),
    "settings": LEAVES | {"state"},
    "json_text": {"errors"},
    "catalog": {"errors", "json_text", "money", "private_struct"},
    "state": LEAVES,
    "table_files": LEAVES | {"state"},
    "platform": LEAVES | {"catalog", "state"},
    "workers": {"errors"},
    "mirror": LEAVES | {"catalog", "platform", "state", "workers"},
    "calls": LEAVES | {"catalog", "platform", "state", "table_files"},
    "tools": LEAVES | {"catalog", "platform", "state", "table_files", "workers", "mirror", "calls"},
    "protocol": LEAVES | {"catalog", "platform", "state", "calls", "tools"},
    "simulation": LEAVES | {"settings", "platform", "state", "sandbox"},
    "offer": LEAVES | {"settings", "catalog", "state", "calls", "protocol"},
    "composition": LEAVES
    | {"settings", "simulation", "catalog", "platform", "state", "table_files", "mirror", "calls", "tools", "sandbox"}
    | {"offer"},
    "application": LEAVES
    | {"settings", "catalog", "platform", "state", "mirror", "calls", "tools", "protocol"}
    | {"offer", "composition"},
    "app": LEAVES
    | {"settings", "catalog", "platform", "state", "mirror", "calls", "tools", "sandbox", "composition", "application"},
    "teams": LEAVES
    | {"settings", "catalog", "platform", "state", "mirror", "calls", "protocol", "offer", "application", "app"},
    "cli": LEAVES
    | {"settings", "catalog", "platform", "state", "mirror", "calls", "tools", "protocol", "sandbox", "app"}
    | {"offer", "application", "teams"},
    "__main__": {"cli"},
    "sandbox": set(),
}
HEAVY = (
    "jsonschema_rs",
    "pypdf",
    "PIL",
    "filelock",
    "duckdb",
    "_duckdb",
    "xlsxwriter",
    "rich",
    "tomlkit",
    "python_calamine",
    "psycopg",
    "redis",
    "prometheus_client",
    f"{PACKAGE}.sandbox",
)


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement: where it stands, and the full name of what it brings in."""

    module: str
    line: int
    name: str

    @property
    def room(self) -> str:
        """The room of ours that it reaches into, or nothing."""
        package, _, inside = self.name.partition(".")
        return inside.partition(".")[0] if package == PACKAGE else ""

    def __str__(self) -> str:
        return f"{self.module.replace('.', '/')}.py:{self.line} imports {self.name}"


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def room_of(name: str) -> str:
    return name.partition(".")[0]


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """Every import in a module, wherever it stands; those for types as well."""
    package = [PACKAGE, *path.relative_to(ROOT).parts[:-1]]
    found: list[Import] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            whole = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{whole}.{alias.name}" for alias in node.names]
        else:
            continue
        found += [Import(name_of(path), node.lineno, name) for name in names]
    return tuple(found)


def ids(path: Path) -> str:
    return name_of(path)


@pytest.mark.parametrize("path", [p for p in MODULES if name_of(p) != "__init__"], ids=ids)
def test_a_room_imports_only_what_stands_below_it(path: Path) -> None:
    room = room_of(name_of(path))
    allowed = MAY_IMPORT[room] | {room, "", "__version__"}
    rule = f"{room} may import {', '.join(sorted(MAY_IMPORT[room])) or 'nothing of ours'}"
    offending = [f"{each}; {rule}" for each in imports_of(path) if each.room not in allowed]
    assert not offending, "\n".join(offending)


def test_no_dataclass_is_made_at_a_start() -> None:
    """One takes twenty times as long to make as a struct, and there are many; the SDK's own may be copied."""
    users = {each.module for path in MODULES for each in imports_of(path) if each.name == "dataclasses.dataclass"}
    assert {name for name in users if room_of(name) != "sandbox"} == set()


def test_only_the_protocol_speaks_mcp() -> None:
    """The demo is a client of its own: it plays the other side."""
    speakers = {each.module for path in MODULES for each in imports_of(path) if each.name.split(".")[0] == "mcp"}
    assert {name for name in speakers if room_of(name) != "protocol"} == {"cli.demo"}


def test_only_those_who_take_calls_know_the_dispatcher() -> None:
    """A tool that needs what the dispatcher uses is given just that when it is made."""
    dispatcher = f"{PACKAGE}.calls.dispatch"
    rooms = {room_of(each.module) for path in MODULES for each in imports_of(path) if each.name.startswith(dispatcher)}
    assert rooms <= {"app", "application", "protocol", "cli"}


def test_every_tool_of_our_own_is_there_from_the_start(tmp_path: Path) -> None:
    app = build_app(read_settings({"TIKTOK_SHOP_HOME": str(tmp_path)}))
    operations = app.operations.catalog.operations.values()
    assert app.local_tools.reads.keys() | app.local_tools.writes.keys() | app.job_runner.jobs.keys() == {
        each.name for each in operations if each.is_local and each.delegates_to is None
    }


def test_a_start_reads_the_records_of_listed_tools_alone(tmp_path: Path) -> None:
    """Most operations are never asked for in a run: their records stay text."""
    app = build_app(read_settings({"TIKTOK_SHOP_HOME": str(tmp_path)}))
    app.build_server()
    operations = app.operations.catalog.operations.values()
    read = {each.name for each in operations if "record" in vars(each)}
    assert read <= set(app.offer.listed_tools)
    assert len(read) < len(operations) / 10


def test_the_catalog_is_pure() -> None:
    """No clock, no network, no environment, no randomness: values in, values out."""
    effects = {"os", "time", "random", "socket", "httpx2", "asyncio", "secrets", "tempfile", "logging", "subprocess"}
    for path in (ROOT / "catalog").glob("*.py"):
        assert not effects & {each.name.split(".")[0] for each in imports_of(path)}, path.name


def test_nothing_prints_and_the_environment_is_read_in_one_place() -> None:
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        assert "print" not in calls, name_of(path)
        reads = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr in ("environ", "getenv")]
        # The HTTP client reads the network's variables by itself; what is wrong with them is said by one module.
        # `__main__` sets one, which a library reads when it is imported.
        users = {"__main__", "cli.main", "cli.demo", "platform.network_environment"}
        assert not reads or name_of(path) in users, name_of(path)


def test_exceptions_of_any_kind_are_caught_in_one_place() -> None:
    catchers = set()
    for path in MODULES:
        if room_of(name_of(path)) == "sandbox":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception")
            ):
                catchers.add(name_of(path))
    assert catchers == {"protocol.call_handler", "protocol.server", "errors"}


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_every_module_opens_with_what_it_is_for(path: Path) -> None:
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert told
    first = told.partition("\n\n")[0].replace("\n", " ")
    assert first.endswith("."), first
    assert 20 <= len(first) <= 160, first


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_a_module_is_small_and_named_for_what_it_holds(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 330
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "base", "misc"}


def test_files_are_read_and_written_with_an_encoding() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr in ("read_text", "write_text"):
                assert isinstance(node, ast.Call)
                assert any(k.arg == "encoding" for k in node.keywords), (name_of(path), node.lineno)


def loaded(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after a statement."""
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return set(done.stdout.split())


def test_the_command_line_alone_loads_no_command_and_nothing_of_the_server() -> None:
    modules = loaded(f"import {PACKAGE}.cli.main")
    ours = {name.removeprefix(f"{PACKAGE}.") for name in modules if name.startswith(f"{PACKAGE}.")}
    shared = {"cli", "cli.command_error", "cli.lazy_commands", "cli.main", "cli.setting_options", "cli.start_errors"}
    assert ours == shared | {
        "errors",
        "proxies",
        "setting_declarations",
        "setting_texts",
        "settings",
        "state",
        "state.files",
        "state.files.home",
        "time_zones",
    }
    assert not {"mcp", *HEAVY} & modules


@pytest.mark.parametrize("worker", ["mirror.snapshot_worker", "mirror.sql.worker"])
def test_the_processes_of_the_local_copy_load_duckdb_without_the_python_package_around_it(worker: str) -> None:
    modules = loaded(
        f"import {PACKAGE}.{worker}, {PACKAGE}.mirror.duckdb_extension as duckdb; duckdb.connect().close()"
    )
    assert "_duckdb" in modules
    assert "duckdb" not in modules


def test_what_a_client_asks_first_is_answered_with_nothing_loaded() -> None:
    """Neither the SDK, nor an event loop, nor what makes calls."""
    statement = (
        f"from {PACKAGE}.cli import main, stdio; from {PACKAGE}.settings import read_settings; "
        "settings = read_settings({'TIKTOK_SHOP_HOME': '/nonexistent', 'TIKTOK_SHOP_SANDBOX': '1'}); "
        "assert stdio.introduce(settings, stdio.Catalog()).tools"
    )
    modules = loaded(statement)
    assert not {"mcp", "mcp_types", "anyio", "asyncio", "httpx2", *HEAVY} & modules
    assert f"{PACKAGE}.application" not in modules


def test_a_start_loads_nothing_that_is_not_needed_yet() -> None:
    modules = loaded(f"import {PACKAGE}.cli.main, {PACKAGE}.cli.stdio")
    assert {name for name in HEAVY if name in modules} == set()
    assert not {f"{PACKAGE}.cli.{name}" for name in main.list_commands(click.Context(main))} & modules


def test_what_a_command_prints_goes_through_the_redactor() -> None:
    """The simulated shop's own keys are there to be printed; the demo prints what came through a server.

    A wrong start is told to the client in the words that stand on standard error already.
    """
    printers = set()
    for path in (ROOT / "cli").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("echo", "secho", "stdout", "stderr"):
                printers.add(name_of(path))
    assert printers == {"cli.output", "cli.sandbox", "cli.start_errors"}


def exceptions_of(path: Path) -> Iterator[tuple[str, str]]:
    """Every exception class that a module shares, with its base."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for base in node.bases:
                name = ast.unparse(base)
                if name.endswith(("Error", "Exception")):
                    yield node.name, name


def test_every_exception_stands_in_the_tree_of_errors() -> None:
    """The tree in the docstring of `errors` is the one that the classes make."""
    made = {name: base for path in MODULES if room_of(name_of(path)) != "sandbox" for name, base in exceptions_of(path)}
    assert made.pop("ElicitationRequired") == made.pop("ConfirmationRequired") == "Exception"
    assert made.pop("CommandError") == "click.ClickException"
    drawn: dict[str, str] = {}
    above = ["Exception"]
    for indent, name in re.findall(r"^( *)[*·] (\w+)", errors.__doc__ or "", re.MULTILINE):
        depth = len(indent) // 2 + 1
        drawn[name] = above[depth - 1]
        above[depth:] = [name]
    assert drawn == made


def test_a_start_as_a_server_loads_no_more() -> None:
    """Up to the list of tools: parts put together, tools listed, nothing called."""
    statement = (
        f"from {PACKAGE}.app import build_app; from {PACKAGE}.settings import read_settings; "
        "app = build_app(read_settings({'TIKTOK_SHOP_HOME': '/nonexistent'})); "
        "assert app.build_server()"
    )
    modules = loaded(statement)
    assert {name for name in HEAVY if name in modules} == set()


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "py.typed").exists()


CIRCLE_FREE = set(MAY_IMPORT)  # all rooms


def import_lines(path: Path) -> dict[Path, int]:
    """Each module of ours that a module imports anywhere, for its types as well, and the line that does."""
    lines: dict[Path, int] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = [PACKAGE, *path.relative_to(ROOT).parts[:-1]]
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{source}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            imported = module_file(name) or module_file(name.rpartition(".")[0])
            if imported is not None and imported != path:
                lines.setdefault(imported, node.lineno)
    return lines


def module_file(name: str) -> Path | None:
    """Where a module of ours stands; None for all that is not one."""
    if name != PACKAGE and not name.startswith(f"{PACKAGE}."):
        return None
    place = ROOT.joinpath(*name.split(".")[1:])
    return next((file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()), None)


def reached_from(start: Path, graph: dict[Path, dict[Path, int]]) -> set[Path]:
    """All modules that a module imports, and those that they import; itself only where it stands in a circle."""
    reached: set[Path] = set()
    waiting = list(graph[start])
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += graph[path]
    return reached


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {path: import_lines(path) for path in MODULES}
    reach = {path: reached_from(path, graph) for path in MODULES}
    circles = {
        frozenset(other for other in reach[path] if path in reach[other])
        for path in MODULES
        if path in reach[path] and room_of(name_of(path)) in CIRCLE_FREE
    }
    reports = [
        "a circle of "
        + str(len(circle))
        + " modules:\n"
        + "\n".join(
            f"  {path.relative_to(PROJECT)}:{line} imports {imported.relative_to(PROJECT)}"
            for path in sorted(circle)
            for imported, line in sorted(graph[path].items(), key=lambda pair: pair[1])
            if imported in circle
        )
        for circle in circles
    ]
    assert not reports, "\n" + "\n".join(sorted(reports))


def test_the_simulated_shops_state_knows_no_request() -> None:
    """A shop and all that it is made of come from the domain; the gateway and its calls stand above them."""
    graph = {path: import_lines(path) for path in MODULES}
    below = {name_of(path) for path in reached_from(ROOT / "sandbox" / "shop.py", graph)}
    assert "sandbox.ordering.orders" in below
    assert {name for name in below if ".gateway." in name or name.endswith("_calls")} == set()


def test_only_state_knows_how_files_in_the_home_are_called() -> None:
    """No string outside it names one of them, and no path outside it goes on with the name of one of its folders."""
    from mcp_server_tiktok_shop.state.files.home import HomeFolder

    home = HomeFolder(Path("home"))
    places = [getattr(home, name) for name, value in vars(HomeFolder).items() if isinstance(value, property)]
    names = {place.root.name if isinstance(place, HomeFolder) else place.name for place in places}
    assert {"accounts.json", "journal.jsonl", "results", "sandbox"} <= names
    file_names = {name for name in names if "." in name}
    for path in MODULES:
        if room_of(name_of(path)) == "state":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{name_of(path)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not [name for name in file_names if name in node.value], where
            parts: list[ast.expr] = []
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                parts = [node.left, node.right]
            elif isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                parts = node.args if called in {"Path", "joinpath", "with_name"} else []
            assert not [part for part in parts if isinstance(part, ast.Constant) and part.value in names], where
