"""Shows which titles a pattern matched, so that a person sees what they did not mean."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.value_texts import quote
from mcp_server_tiktok_shop.tools.product_titles import WILDCARD, fits_exactly, fits_partly, fits_pattern, fold_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mcp_server_tiktok_shop.calls.current_state import Item

MAX_NAMED_TITLES, MAX_TITLE_CHARS = 5, 50
MAX_WORDS = 16
ON_SALE = "ACTIVATE"
STATUS_WORDS = {
    "SELLER_DEACTIVATED": "switched off",
    "PLATFORM_DEACTIVATED": "taken off by TikTok",
    "FAILED": "failed in review",
    "PENDING": "in review",
    "DRAFT": "drafts",
    "FREEZE": "frozen",
    "DELETED": "deleted",
}


class TitleMatch(Struct, frozen=True):
    """A product that names were found to mean, by its title; `status` is empty where nobody asked for it."""

    title: str
    status: str = ""

    @classmethod
    def from_products(cls, products: Iterable[Item]) -> list[TitleMatch]:
        return [cls(str(each.data.get("title") or ""), str(each.data.get("status"))) for each in products]


def describe_patterns(names: Iterable[str], matches: Sequence[TitleMatch]) -> str:
    """A line for each name that goes by letters; `matches` are those that the names were found to mean."""
    return " ".join(line for name in dict.fromkeys(map(str.strip, names)) for line in _describe_name(name, matches))


def _describe_name(name: str, matches: Sequence[TitleMatch]) -> Iterator[str]:
    """What a pattern took, or a part of several titles; nothing of a name that is one title or code as it stands."""
    is_pattern = WILDCARD in name
    fits_name = fits_pattern if is_pattern else fits_partly
    fits = [match for match in matches if fits_name(name, match.title)]
    if not fits or (not is_pattern and (len(fits) == 1 or any(fits_exactly(name, match.title) for match in fits))):
        return
    part = ".*".join(re.escape(fold_title(each)) for each in name.strip(WILDCARD).split(WILDCARD))
    word, next_word = re.compile(rf"(?<!\w){part}(?!\w)"), re.compile(rf"(?<!\w){part}\W+(\w[\w-]*)")
    inside = [match.title for match in fits if not word.search(fold_title(match.title))]
    named = ", ".join(quote(title, MAX_TITLE_CHARS) for title in inside[:MAX_NAMED_TITLES])
    as_part = f", {len(inside)} not as a word of its own, such as {named}" if inside else ""
    # What is said of the goods often stands behind their kind: tea is in "Tea Bowl".
    behind = dict.fromkeys(found[1] for match in fits if (found := next_word.search(fold_title(match.title))))
    more = ", …" if len(behind) > MAX_WORDS else ""
    words = ", ".join(sorted(behind)[:MAX_WORDS])
    as_word = f"; behind it stand: {quote(words, len(words))}{more}" if len(behind) > 1 else ""
    statuses = Counter(match.status for match in fits if match.status)
    off_sale = [f"{count} {STATUS_WORDS.get(s, s)}" for s, count in statuses.items() if s != ON_SALE]
    rest = f"; {statuses.total() - statuses[ON_SALE]} are not on sale ({', '.join(off_sale)})" if off_sale else ""
    yield f"{quote(name)} goes by letters: {len(fits)} titles have it{as_part}{as_word}{rest}."
