"""Names the files of tests that a change asks for, or those of one room: for a quick answer between two runs of all.

    python scripts/select_tests.py [ROOM]

What changed is what differs from where the branch left `main`, on `main` itself from the last commit; new files count.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
PACKAGE = PurePosixPath("server/mcp_server_tiktok_shop")
TESTS = PurePosixPath("tests")
WIRE = TESTS / "wire"
ON_THE_WIRE = {"catalog", "platform"}  # what these rooms do wrong shows in a request
ALWAYS = TESTS / "test_architecture.py"  # quick, and any module can break it


@dataclass(frozen=True)
class Suite:
    """The tests of a project, and which of them a file leads to."""

    root: Path

    @cached_property
    def tests(self) -> frozenset[PurePosixPath]:
        return frozenset(path for path in self._texts if path.name.startswith("test_"))

    @cached_property
    def rooms(self) -> list[str]:
        return sorted({test.parent.name for test in self.tests if test.parent != TESTS})

    @cached_property
    def _texts(self) -> dict[PurePosixPath, str]:
        paths = (self.root / TESTS).rglob("*.py")
        return {PurePosixPath(p.relative_to(self.root).as_posix()): p.read_text(encoding="utf-8") for p in paths}

    @cached_property
    def _imports(self) -> dict[PurePosixPath, frozenset[str]]:
        return {path: _list_imports(path, text) for path, text in self._texts.items()}

    def list_folder(self, folder: PurePosixPath) -> set[PurePosixPath]:
        return {test for test in self.tests if test.is_relative_to(folder)}

    def find_tests(self, path: PurePosixPath) -> set[PurePosixPath]:
        """The tests that a change of this file asks for.

        A test asks for itself, and what tests share for those that share it. A module asks for the tests that import
        it and for those of its room that have its name, or for all of its room where none has; any other file for
        the tests that name it and for those of its room. A module in no room, or in one without tests, has the tests
        that are in none.
        """
        if path in self.tests:
            return {path}
        if path.name == "conftest.py":
            return self.list_folder(path.parent)
        if path.suffix == ".py" and path.is_relative_to(TESTS):
            return {test for importer in self._list_importers(path) for test in self.find_tests(importer)}
        place, start = (PACKAGE, PACKAGE.parent) if path.is_relative_to(PACKAGE) else (PurePosixPath(), PurePosixPath())
        *folders, name = path.relative_to(place).with_suffix("").parts
        room = TESTS.joinpath(*folders[:1])
        in_none = {test for test in self.tests if test.parent == TESTS}
        in_room = self.list_folder(room) if room != TESTS else in_none
        if path.suffix == ".py":
            found = self._list_importers(path.relative_to(start)) & self.tests
            found |= _list_namesakes([*folders[1:], name], in_room) or in_room or in_none
        else:
            found = {test for test in self.tests if path.name in self._texts[test]}
            found |= in_room if folders else set()
        return found | (self.list_folder(WIRE) if room.name in ON_THE_WIRE else set())

    def _list_importers(self, path: PurePosixPath) -> set[PurePosixPath]:
        """What below `tests` imports a module; its path begins where its name does."""
        module = ".".join(path.with_suffix("").parts)
        return {importer for importer, imports in self._imports.items() if module in imports}


def _list_namesakes(names: list[str], tests: set[PurePosixPath]) -> set[PurePosixPath]:
    """`results/order_views.py` has namesakes in `test_orders.py` and in `test_results_small.py`."""
    words = {word.removesuffix("s") for name in names for word in name.split("_")}
    return {test for test in tests if test.stem.split("_")[1].removesuffix("s") in words}


def _list_imports(path: PurePosixPath, text: str) -> frozenset[str]:
    """The full names of all that a module imports, for types as well."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = path.parts[: len(path.parts) - node.level] if node.level else ()
            base = ".".join([*package, *([node.module] if node.module else [])])
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return frozenset(names)


def list_changes(root: Path) -> list[PurePosixPath]:
    """The files that differ from where the branch left `main`, new ones and those that are gone included."""
    base = _ask_git(root, "merge-base", "HEAD", "main") or ["HEAD"]
    names = _ask_git(root, "diff", "--name-only", "--no-renames", *base)
    names += _ask_git(root, "ls-files", "--others", "--exclude-standard")
    return sorted(map(PurePosixPath, set(names)))


def _ask_git(root: Path, *arguments: str) -> list[str]:
    """The lines of git's answer; none where it has none, such as for a branch that is not there."""
    command = ["git", "-c", "core.quotepath=off", *arguments]
    answer = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    return answer.stdout.splitlines() if answer.returncode == 0 else []


def main(arguments: list[str]) -> int:
    suite = Suite(ROOT)
    if arguments:
        tests = suite.list_folder(TESTS / arguments[0])
        if not tests:
            print(f"There is no room {arguments[0]}. There are: {', '.join(suite.rooms)}.", file=sys.stderr)
            return 2
    else:
        tests = {ALWAYS}
        for path in list_changes(ROOT):
            found = suite.find_tests(path)
            tests |= found
            if not found:
                print(f"{path}: no test is known by it; `make test` runs all", file=sys.stderr)
    print("\n".join(sorted(map(str, tests))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
