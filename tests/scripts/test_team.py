"""`make team` plays its whole session, or says which program it lacks."""

from __future__ import annotations

import sys

import pytest
from scripts.team import __main__ as team
from scripts.team import services


@pytest.mark.usefixtures("postgres", "redis")  # skips where they are not installed
def test_two_tenants_work_on_two_replicas(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["team"])
    assert team.main() == 0
    out = capsys.readouterr().out
    for words in ("answered by replica A", "answered by replica B", "changes in its journal: 1", "is stopped again"):
        assert words in out


@pytest.mark.parametrize("program", ["initdb", "redis-server"])
def test_a_program_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest, program: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["team"])
    if program == "initdb":
        monkeypatch.setattr(services, "POSTGRES_FOLDERS", [])
    else:
        request.getfixturevalue("postgres")
    monkeypatch.setenv("PATH", "")
    assert team.main() == 1
    error = capsys.readouterr().err
    assert f"{program} is not installed" in error
    assert "apt-get install postgresql redis-server" in error
