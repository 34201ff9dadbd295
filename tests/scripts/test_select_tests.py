"""A change leads to its tests: by import, by name, by room; and nothing that changed is passed over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
from scripts.select_tests import ALWAYS, PACKAGE, ROOT, TESTS, WIRE, Suite, list_changes, main

SUITE = Suite(ROOT)
FILES = {
    "server/mcp_server_tiktok_shop/orders/prices.py": "",
    "server/mcp_server_tiktok_shop/orders/returns/views.py": "",
    "server/mcp_server_tiktok_shop/orders/shipping.py": "",
    "server/mcp_server_tiktok_shop/orders/prices.json": "{}",
    "server/mcp_server_tiktok_shop/clock.py": "",
    "tests/conftest.py": "",
    "tests/test_clock.py": "",
    "tests/test_settings.py": "",
    "tests/parcels.py": "from mcp_server_tiktok_shop.orders import shipping\n",
    "tests/orders/conftest.py": "",
    "tests/orders/boxes.py": "from tests import parcels\n",
    "tests/orders/test_price.py": "",
    "tests/orders/test_returns_late.py": "from .boxes import BOX\n",
    "tests/orders/test_orders.py": "",
    "tests/stock/test_stock.py": "if True:\n    from mcp_server_tiktok_shop.orders.prices import gross\n",
    "tests/stock/test_counts.py": "NAMES = 'prices.json'\n",
    "README.md": "",
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Tests", "-c", "user.email=tests@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)  # noqa: S603, S607


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, FILES)
    return tmp_path


@pytest.fixture
def repository(project: Path) -> Path:
    """The project with all of it committed on `main`."""
    git(project, "init", "--initial-branch=main")
    git(project, "add", ".")
    git(project, "commit", "-m", "All of it")
    return project


@pytest.mark.parametrize(
    ("path", "tests"),
    [
        ("tests/orders/test_price.py", {"orders/test_price"}),
        ("server/mcp_server_tiktok_shop/orders/prices.py", {"orders/test_price", "stock/test_stock"}),
        ("server/mcp_server_tiktok_shop/orders/returns/views.py", {"orders/test_returns_late"}),
        (
            "server/mcp_server_tiktok_shop/orders/shipping.py",
            {"orders/test_price", "orders/test_returns_late", "orders/test_orders"},
        ),
        (
            "server/mcp_server_tiktok_shop/orders/prices.json",
            {"orders/test_price", "orders/test_returns_late", "orders/test_orders", "stock/test_counts"},
        ),
        ("server/mcp_server_tiktok_shop/clock.py", {"test_clock"}),
        ("server/mcp_server_tiktok_shop/logs.py", {"test_clock", "test_settings"}),
        ("tests/parcels.py", {"orders/test_returns_late"}),
        ("tests/orders/conftest.py", {"orders/test_price", "orders/test_returns_late", "orders/test_orders"}),
        ("README.md", set()),
    ],
)
def test_a_file_leads_to_its_tests(project: Path, path: str, tests: set[str]) -> None:
    assert Suite(project).find_tests(PurePosixPath(path)) == {TESTS / f"{name}.py" for name in tests}


def test_what_all_tests_share_leads_to_all(project: Path) -> None:
    suite = Suite(project)
    assert suite.find_tests(TESTS / "conftest.py") == suite.tests


def test_a_branch_has_changed_what_it_committed_what_it_did_not_and_what_is_new(repository: Path) -> None:
    assert list_changes(repository) == []
    write(repository, {"README.md": "more"})
    assert list_changes(repository) == [PurePosixPath("README.md")]
    git(repository, "switch", "-c", "branch")
    git(repository, "commit", "-am", "Say more")
    write(repository, {"tests/test_clock.py": "import time\n", "tests/test_ünused.py": ""})
    git(repository, "mv", "tests/parcels.py", "tests/boxes.py")
    names = ("README.md", "tests/boxes.py", "tests/parcels.py", "tests/test_clock.py", "tests/test_ünused.py")
    assert list_changes(repository) == [PurePosixPath(name) for name in names]


def test_what_happened_on_main_meanwhile_is_no_change_of_the_branch(repository: Path) -> None:
    git(repository, "switch", "-c", "branch")
    git(repository, "switch", "main")
    write(repository, {"README.md": "more"})
    git(repository, "commit", "-am", "Say more")
    git(repository, "switch", "branch")
    assert list_changes(repository) == []


def test_where_no_branch_is_called_main_the_last_commit_counts(repository: Path) -> None:
    git(repository, "branch", "-m", "trunk")
    write(repository, {"README.md": "more"})
    assert list_changes(repository) == [PurePosixPath("README.md")]


def test_every_module_leads_to_a_test() -> None:
    modules = {PurePosixPath(path.relative_to(ROOT).as_posix()) for path in (ROOT / PACKAGE).rglob("*.py")}
    assert [str(path) for path in modules if not SUITE.find_tests(path)] == []


def test_what_is_sent_is_looked_at_on_the_wire() -> None:
    wire = SUITE.list_folder(WIRE)
    assert wire
    for room in ("catalog", "platform"):
        assert wire <= SUITE.find_tests(PACKAGE / room / "__init__.py")


def test_a_room_is_named_by_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog"]) == 0
    names = capsys.readouterr().out.splitlines()
    assert names
    assert all(name.startswith("tests/catalog/test_") for name in names)


def test_a_room_that_is_not_there_is_no_leave_to_run_everything() -> None:
    script = [sys.executable, str(ROOT / "scripts" / "select_tests.py"), "catalogue"]
    ended = subprocess.run(script, capture_output=True, text=True, check=False)  # noqa: S603
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "catalog," in ended.stderr


def test_the_rules_of_the_house_are_always_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert str(ALWAYS) in capsys.readouterr().out.splitlines()
    assert ALWAYS in SUITE.tests
