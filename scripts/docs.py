"""Writes into the documents what they take from the code, or checks that it still stands there and that links hold.

python scripts/docs.py [--check]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a file, it finds its modules from the project's root

from scripts.documents.links import find_broken, find_unlinked
from scripts.documents.pages import make_pages
from scripts.documents.tables import PlaceError, fill, make_tables

from mcp_server_tiktok_shop.catalog.loader import Catalog

ROOT = Path(__file__).parents[1]
INDEX = "docs/README.md"
# The order in which a seller comes by them; pages that are not named here follow.
ORDER = ("clients", "accounts", "answers", "safety", "tools", "settings", "commands", "troubleshooting", "codes")


def read_documents() -> dict[str, str]:
    """All documents as they stand, by their path from the root."""
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}


def make_documents(texts: dict[str, str]) -> dict[str, str]:
    """All documents as they should read. Pages that the code no longer makes are not among them.

    Raises:
        PlaceError: A table and its place do not come together.

    """
    catalog = Catalog()
    made = {f"docs/{path}": text for path, text in make_pages(catalog).items()}
    texts = {page: text for page, text in texts.items() if not page.startswith("docs/operations/")} | made
    return fill(texts, make_tables(catalog) | {"pages": list_pages(texts)})


def list_pages(texts: dict[str, str]) -> str:
    """Every page of `docs` with its first sentence."""
    names = [Path(page).stem for page in texts if re.fullmatch(r"docs/[^/]+\.md", page) and page != INDEX]
    names.sort(key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    lines = []
    for name in names:
        title, first = re.findall(r"\S.*", texts[f"docs/{name}.md"])[:2]
        lines.append(f"- [{title.removeprefix('# ')}]({name}.md): {first}")
    return "\n".join(lines)


def main() -> None:
    texts = read_documents()
    try:
        made = make_documents(texts)
    except PlaceError as error:
        sys.exit(f"documents: {error}")
    stale = [page for page in made if made[page] != texts.get(page)]
    gone = sorted(texts.keys() - made.keys())
    if "--check" in sys.argv:
        faults = find_broken(made, lambda path: (ROOT / path).exists())
        faults += [f"no link leads to {page}" for page in find_unlinked(made, "README.md")]
        if stale or gone:
            faults.append(f"out of step with the code, run `make docs`: {', '.join([*stale, *gone])}")
        if faults:
            sys.exit("\n".join(faults))
        return
    for page in stale:
        (ROOT / page).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / page).write_text(made[page], encoding="utf-8")
    for page in gone:
        (ROOT / page).unlink()


if __name__ == "__main__":
    main()
