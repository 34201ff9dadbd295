"""The category tree: its names, its leaves, and the leaf that a title's words mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json

ROOT = "0"
TEA, COFFEE, CHOCOLATE, BISCUITS, GIFT = "914824", "914952", "915208", "915336", "915080"
POT, CUP, TOOL, BREWER, GLASS, FLASK, JAR = "809736", "809864", "809992", "810120", "810376", "810504", "810248"
FOOD, DRINKS, SWEETS = "700645", "914568", "914696"
KITCHEN, TEAWARE, DRINKWARE, STORAGE = "600001", "809224", "809480", "809352"

# Category id: (name, parent).
CATEGORIES: dict[str, tuple[str, str]] = {
    FOOD: ("Food & Beverages", ROOT),
    DRINKS: ("Drinks", FOOD),
    TEA: ("Tea", DRINKS),
    COFFEE: ("Coffee", DRINKS),
    CHOCOLATE: ("Hot Chocolate & Malt Drinks", DRINKS),
    SWEETS: ("Sweets & Snacks", FOOD),
    BISCUITS: ("Biscuits", SWEETS),
    GIFT: ("Food Gift Sets", FOOD),
    KITCHEN: ("Kitchenware", ROOT),
    TEAWARE: ("Tea & Coffeeware", KITCHEN),
    POT: ("Teapots", TEAWARE),
    CUP: ("Cups & Mugs", TEAWARE),
    TOOL: ("Tea Accessories", TEAWARE),
    BREWER: ("Coffee Makers", TEAWARE),
    DRINKWARE: ("Drinkware", KITCHEN),
    GLASS: ("Drinking Glasses", DRINKWARE),
    FLASK: ("Vacuum Flasks", DRINKWARE),
    STORAGE: ("Kitchen Storage", KITCHEN),
    JAR: ("Storage Jars", STORAGE),
}
LEAVES = frozenset(CATEGORIES) - {parent for _, parent in CATEGORIES.values()}
# The words of a title that mean a leaf; the first leaf that has one of them is meant.
LEAF_WORDS: tuple[tuple[str, frozenset[str]], ...] = (
    (GIFT, frozenset({"gift", "gifts", "hamper"})),
    (FLASK, frozenset({"flask", "thermos", "tumbler"})),
    (BREWER, frozenset({"espresso", "cafetiere", "percolator", "dripper"})),
    (POT, frozenset({"teapot", "teapots", "pot", "kyusu"})),
    (
        TOOL,
        frozenset({"infuser", "infusers", "strainer", "whisk", "caddy", "filter", "filters", "scoop", "cosy", "cozy"}),
    ),
    (JAR, frozenset({"jar", "jars", "canister"})),
    (GLASS, frozenset({"drinking", "wine", "highball", "tumblers"})),
    (CUP, frozenset({"cup", "cups", "mug", "mugs", "bowl", "saucer", "glass", "glasses"})),
    (BISCUITS, frozenset({"biscuit", "biscuits", "shortbread", "cookies"})),
    (CHOCOLATE, frozenset({"chocolate", "cocoa", "malted"})),
    (COFFEE, frozenset({"coffee"})),
    (
        TEA,
        frozenset(
            {"tea", "teas", "matcha", "oolong", "sencha", "chai", "rooibos", "infusion", "assam", "darjeeling"}
            | {"hojicha", "genmaicha", "chamomile", "peppermint", "earl", "pekoe", "pu-erh"}
        ),
    ),
)
WORD_PATTERN = re.compile(r"[a-z]+(?:-[a-z]+)*")


def find_leaf(words: str) -> str:
    """The leaf for a title; empty where nothing fits."""
    title_words = set(WORD_PATTERN.findall(words.casefold()))
    return next((leaf for leaf, leaf_words in LEAF_WORDS if title_words & leaf_words), "")


def is_match(category_id: str, keyword: str) -> bool:
    """By a part of the name, or by one of the words that mean the leaf."""
    term = keyword.casefold().strip()
    return term in CATEGORIES[category_id][0].casefold() or any(
        leaf == category_id and term in leaf_words for leaf, leaf_words in LEAF_WORDS
    )


def list_chain(category_id: str) -> list[Json]:
    """From the root to the leaf."""
    categories: list[Json] = []
    while category_id in CATEGORIES:
        name, parent = CATEGORIES[category_id]
        leaf = category_id in LEAVES
        categories.insert(0, {"id": category_id, "parent_id": parent, "local_name": name, "is_leaf": leaf})
        category_id = parent
    return categories
