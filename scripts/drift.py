"""Compares the platform's published OpenAPI description with the catalog, and reports what has drifted apart.

    python scripts/drift.py [FOLDER] [--json FILE] [--write] [--settle] [--all]

FOLDER is an unpacked npm package `@tts-open-toolkit/cli`; without it npm fetches the newest. The routine stands in
CONTRIBUTING.md. Exit code 0: in step; 1: drift was found; 2: the description can't be read.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a file, it finds its modules from the project's root

from scripts.import_facts import CATALOG_FOLDER
from scripts.published import comparison, description, record_updates, report, review_snapshot


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
    parser.add_argument(
        "--settled", type=Path, default=review_snapshot.SNAPSHOT_FILE, help="another file of what was settled"
    )
    return parser.parse_args(arguments)


def _report_drift(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as temporary_folder:
        published = description.read_description(options.folder or description.fetch_package(Path(temporary_folder)))
    records, snapshot = (
        record_updates.CatalogRecords.load(options.catalog),
        review_snapshot.load_snapshot(options.settled),
    )
    pairs = comparison.pair_operations(records.list_operations(), published)
    all_differences = comparison.find_differences(pairs, snapshot.operations)
    new_differences = snapshot.select_new(all_differences)
    differences = all_differences if options.all else new_differences
    print(_format_report(differences, pairs, published, snapshot))
    if options.json:
        counts = report.count_by_kind(differences)
        summary = {"version": published.version, "settled": snapshot.version, "counts": counts}
        text = json.dumps(report.to_json(differences, summary), indent=1, ensure_ascii=False)
        options.json.write_text(text + "\n", encoding="utf-8")
    if options.write:
        remaining = record_updates.apply_differences(new_differences, records)
        print(
            f"\n{len(new_differences) - len(remaining)} written, {len(remaining)} for you to judge; "
            "new ones want words: make test"
        )
    if options.settle:
        pairs = comparison.pair_operations(records.list_operations(), published)
        review_snapshot.save_snapshot(options.settled, published, comparison.find_differences(pairs, {}))
    return int(bool(differences))


def _format_report(
    differences: list[comparison.Difference],
    pairs: comparison.OperationPairs,
    published: description.Description,
    snapshot: review_snapshot.ReviewSnapshot,
) -> str:
    lines = [
        f"description {published.version} (settled: {snapshot.version}): {len(published.operations)} operations",
        f"{len(pairs.matched)} are ours, {len(pairs.older)} older versions of ours, {len(pairs.added)} unknown to us",
        f"{len(pairs.undescribed)} of ours are not in it",
        "",
        *(f"{count:5}  {kind}" for kind, count in report.count_by_kind(differences).items()),
    ]
    return "\n".join([*lines, "", report.format_table(differences)] if differences else [*lines, "in step"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
