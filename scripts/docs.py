"""Writes into the documents what they take from the code, or checks that it still stands there and that links hold.

python scripts/docs.py [--check]
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a file, it finds its modules from the project's root

from scripts.documents.links import find_broken_links, find_unlinked_pages
from scripts.documents.pages import make_pages
from scripts.documents.report_pages import describe_reports
from scripts.documents.tables import PlaceError, fill_places, make_tables

from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.mirror.report_files import load_reports
from mcp_server_tiktok_shop.mirror.table_words import describe_main_columns
from mcp_server_tiktok_shop.mirror.tables import TableCatalog

ROOT = Path(__file__).parents[1]
LOCAL_RECORDS = "server/mcp_server_tiktok_shop/catalog/areas/local.json"
INDEX_PAGE = "docs/README.md"
# The order in which a seller comes by them; pages that are not named here follow.
PAGE_ORDER = (
    *("clients", "accounts", "answers", "files", "charts", "reports", "worklist", "profit", "board", "safety", "jobs"),
    *(
        "tools",
        "mirror",
        "http",
        "teams",
        "operating",
        "settings",
        "commands",
        "troubleshooting",
        "codes",
        "sandbox",
        "security",
    ),
)


def read_documents() -> dict[str, str]:
    """The text of all documents as they are now, by their path from the root."""
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}


def make_documents(texts: dict[str, str]) -> dict[str, str]:
    """All documents as they should be, from those as they are. Pages that the code no longer makes are left out.

    Raises:
        PlaceError: A table has no place, or a place no table.

    """
    catalog = Catalog()
    pages = {f"docs/{path}": text for path, text in make_pages(catalog).items()}
    pages["docs/reports.md"] = describe_reports(load_reports())
    texts = {page: text for page, text in texts.items() if not page.startswith("docs/operations/")} | pages
    return fill_places(texts, make_tables(catalog) | {"pages": list_pages(texts)})


def make_records(text: str) -> str:
    """The records of our own tools as they should be: the tables that `query_shop` names are those of the local copy.

    Raises:
        PlaceError: There is no such record.

    """
    details = json.dumps(describe_main_columns(TableCatalog()), ensure_ascii=False)
    record = re.compile(r'(?<="query_shop": \{)(.*?"details": )"(?:[^"\\]|\\.)*"', re.DOTALL)
    made, count = record.subn(lambda found: found[1] + details, text, count=1)
    if not count:
        raise PlaceError(LOCAL_RECORDS)
    return made


def list_pages(texts: dict[str, str]) -> str:
    """A Markdown list of every page of `docs` with its first sentence."""
    names = [Path(page).stem for page in texts if re.fullmatch(r"docs/[^/]+\.md", page) and page != INDEX_PAGE]
    names.sort(key=lambda name: (PAGE_ORDER.index(name) if name in PAGE_ORDER else len(PAGE_ORDER), name))
    lines = []
    for name in names:
        title, paragraph = texts[f"docs/{name}.md"].split("\n\n", 2)[:2]
        sentence = re.split(r"(?<=\.)\s", paragraph, maxsplit=1)[0]
        lines.append(f"- [{title.removeprefix('# ')}]({name}.md): {' '.join(sentence.split())}")
    return "\n".join(lines)


def main() -> None:
    texts = read_documents()
    records = (ROOT / LOCAL_RECORDS).read_text(encoding="utf-8")
    try:
        made_records = make_records(records)
        if made_records != records and "--check" not in sys.argv:
            (ROOT / LOCAL_RECORDS).write_text(made_records, encoding="utf-8")
        documents = make_documents(texts)
    except PlaceError as error:
        sys.exit(f"documents: {error}")
    stale_pages = [page for page in documents if documents[page] != texts.get(page)]
    obsolete_pages = sorted(texts.keys() - documents.keys())
    if "--check" in sys.argv:
        faults = find_broken_links(documents, lambda path: (ROOT / path).exists())
        faults += [f"no link leads to {page}" for page in find_unlinked_pages(documents, "README.md")]
        stale_records = [LOCAL_RECORDS] if made_records != records else []
        if stale_records or stale_pages or obsolete_pages:
            names = ", ".join([*stale_records, *stale_pages, *obsolete_pages])
            faults.append(f"out of step with the code, run `make docs`: {names}")
        if faults:
            sys.exit("\n".join(faults))
        return
    for page in stale_pages:
        (ROOT / page).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / page).write_text(documents[page], encoding="utf-8")
    for page in obsolete_pages:
        (ROOT / page).unlink()


if __name__ == "__main__":
    main()
