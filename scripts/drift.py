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

from scripts.import_facts import CATALOG_FOLDER
from scripts.published import comparing, description, laying, memory, telling


def main(arguments: list[str]) -> int:
    options = _parse_arguments(arguments)
    try:
        return _report_drift(options)
    except description.DescriptionError as error:
        print(f"drift: {error}", file=sys.stderr)
        return 2


def _parse_arguments(arguments: list[str]) -> argparse.Namespace:
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
    parser.add_argument("--catalog", type=Path, default=CATALOG_FOLDER, help="another catalog folder, to try on a copy")
    parser.add_argument("--settled", type=Path, default=memory.SNAPSHOT_FILE, help="another file of what was settled")
    return parser.parse_args(arguments)


def _report_drift(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as temporary_folder:
        published = description.read_description(options.folder or description.fetch_package(Path(temporary_folder)))
    records, snapshot = laying.CatalogRecords.load(options.catalog), memory.load_snapshot(options.settled)
    pairs = comparing.pair_operations(records.list_operations(), published)
    all_differences = comparing.find_differences(pairs, snapshot.operations)
    new_differences = snapshot.select_new(all_differences)
    reported = all_differences if options.all else new_differences
    print(_format_report(reported, pairs, published, snapshot))
    if options.json:
        summary = {"version": published.version, "settled": snapshot.version, "counts": telling.count_by_kind(reported)}
        text = json.dumps(telling.to_json(reported, summary), indent=1, ensure_ascii=False)
        options.json.write_text(text + "\n", encoding="utf-8")
    if options.write:
        remaining = laying.apply_differences(new_differences, records)
        print(
            f"\n{len(new_differences) - len(remaining)} written, {len(remaining)} for you to judge; "
            "new ones want words: make test"
        )
    if options.settle:
        pairs = comparing.pair_operations(records.list_operations(), published)
        memory.save_snapshot(options.settled, published, comparing.find_differences(pairs, {}))
    return int(bool(reported))


def _format_report(
    reported: list[comparing.Difference],
    pairs: comparing.OperationPairs,
    published: description.Description,
    snapshot: memory.ReviewSnapshot,
) -> str:
    lines = [
        f"description {published.version} (settled: {snapshot.version}): {len(published.operations)} operations",
        f"{len(pairs.matched)} are ours, {len(pairs.older)} older versions of ours, {len(pairs.added)} unknown to us",
        f"{len(pairs.undescribed)} of ours are not in it",
        "",
        *(f"{count:5}  {kind}" for kind, count in telling.count_by_kind(reported).items()),
    ]
    return "\n".join([*lines, "", telling.format_table(reported)] if reported else [*lines, "in step"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
