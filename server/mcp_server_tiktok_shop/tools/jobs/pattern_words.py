"""Says what a pattern of titles took, so that a person sees what is not meant by it."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.calls.value_texts import quote
from mcp_server_tiktok_shop.tools.jobs.product_matches import ON_SALE
from mcp_server_tiktok_shop.tools.product_titles import WILDCARD, fits_pattern, fold_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mcp_server_tiktok_shop.calls.current_state import Item

MAX_NAMED_TITLES, MAX_TITLE_CHARS = 5, 50
STATUS_WORDS = {
    "SELLER_DEACTIVATED": "switched off",
    "PLATFORM_DEACTIVATED": "taken off by TikTok",
    "FAILED": "failed in review",
    "PENDING": "in review",
    "DRAFT": "drafts",
    "FREEZE": "frozen",
    "DELETED": "deleted",
}


def describe_patterns(names: Iterable[str], products: Sequence[Item]) -> str:
    """A line for each name that is a pattern; `products` are those that the names were found to mean."""
    patterns = dict.fromkeys(name.strip() for name in names if WILDCARD in name)
    return " ".join(line for pattern in patterns for line in _describe_pattern(pattern, products))


def _describe_pattern(pattern: str, products: Sequence[Item]) -> Iterator[str]:
    fits = [product for product in products if fits_pattern(pattern, product.data.get("title"))]
    if not fits:  # it is the title or code of one, letter by letter
        return
    part = fold_title(pattern.strip(WILDCARD))
    word = re.compile(rf"(?<!\w){re.escape(part)}(?!\w)")
    inside = [str(p.data["title"]) for p in fits if not word.search(fold_title(p.data["title"]))]
    named = ", ".join(quote(title, MAX_TITLE_CHARS) for title in inside[:MAX_NAMED_TITLES])
    statuses = Counter(str(product.data.get("status")) for product in fits)
    off_sale = [f"{count} {STATUS_WORDS.get(s, s)}" for s, count in statuses.items() if s != ON_SALE]
    as_part = f", {len(inside)} not as a word of its own, such as {named}" if inside else ""
    rest = f"; {len(fits) - statuses[ON_SALE]} are not on sale ({', '.join(off_sale)})" if off_sale else ""
    yield f"{quote(pattern)} goes by letters: {len(fits)} titles have it{as_part}{rest}."
