"""Tells where the platform's published OpenAPI description and the catalog have drifted apart.

    python scripts/drift.py [FOLDER] [--json FILE] [--write] [--settle] [--all]

FOLDER is an unpacked npm package `@tts-open-toolkit/cli`; without it npm fetches the newest. CONTRIBUTING.md tells the
routine. Exit code 0: in step; 1: drift was found; 2: the description can't be read.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a file, it finds its modules from the project's root

from scripts.import_facts import CATALOG
from scripts.published import comparing, description, laying, memory, telling


def main(arguments: list[str]) -> int:
    asked = _asked(arguments)
    try:
        return _drift(asked)
    except description.UnreadableError as error:
        print(f"drift: {error}", file=sys.stderr)
        return 2


def _asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="drift.py", description="Compare the catalog with what the platform publishes."
    )
    parser.add_argument("folder", nargs="?", type=Path, help="an unpacked package; without it npm fetches the newest")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the differences there as well")
    parser.add_argument("--write", action="store_true", help="lay new facts into the records; words stay as they are")
    parser.add_argument(
        "--settle", action="store_true", help="what is still reported was gone through: be silent on it"
    )
    parser.add_argument(
        "--all", action="store_true", help="report what was settled earlier, too; with --write it is not laid"
    )
    parser.add_argument("--catalog", type=Path, default=CATALOG, help="another catalog folder, to try on a copy")
    parser.add_argument("--settled", type=Path, default=memory.FILE, help="another file of what was settled")
    return parser.parse_args(arguments)


def _drift(asked: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as made:
        published = description.read(asked.folder or description.fetch(Path(made)))
    records, recalled = laying.Records.opened(asked.catalog), memory.recall(asked.settled)
    pairs = comparing.paired(records.operations(), published)
    standing = comparing.differences(pairs, recalled.operations)
    found = recalled.unsettled(standing)
    told = standing if asked.all else found
    print(_told(told, pairs, published, recalled))
    if asked.json:
        summary = {"version": published.version, "settled": recalled.version, "counts": telling.counts(told)}
        text = json.dumps(telling.as_json(told, summary), indent=1, ensure_ascii=False)
        asked.json.write_text(text + "\n", encoding="utf-8")
    if asked.write:
        left = laying.lay(found, records)
        print(f"\n{len(found) - len(left)} written, {len(left)} for you to judge; new ones want words: make test")
    if asked.settle:
        pairs = comparing.paired(records.operations(), published)
        memory.settle(asked.settled, published, comparing.differences(pairs, {}))
    return int(bool(told))


def _told(
    told: list[comparing.Difference],
    pairs: comparing.Pairs,
    published: description.Description,
    recalled: memory.Memory,
) -> str:
    lines = [
        f"description {published.version} (settled: {recalled.version}): {len(published.operations)} operations",
        f"{len(pairs.known)} are ours, {len(pairs.older)} older versions of ours, {len(pairs.added)} unknown to us",
        f"{len(pairs.unseen)} of ours are not in it",
        "",
        *(f"{count:5}  {kind}" for kind, count in telling.counts(told).items()),
    ]
    return "\n".join([*lines, "", telling.table(told)] if told else [*lines, "in step"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
