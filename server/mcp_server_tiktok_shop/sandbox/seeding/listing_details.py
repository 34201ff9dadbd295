"""What the seeded listings say beside their names: attributes by the words of the article, and a parcel's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.listings import attributes, categories

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.seeding.assortment import Article

# By attribute: the word that stands in the article's text, and the value that it means; the last one is the rest's.
VALUES_BY_WORD: dict[str, tuple[tuple[str, str], ...]] = {
    attributes.TEA_TYPE.id: (
        ("pu-erh", "Pu-erh tea"),
        ("oolong", "Oolong tea"),
        ("green", "Green tea"),
        ("matcha", "Green tea"),
        ("white", "White tea"),
        ("fruit", "Fruit infusion"),
        ("infusion", "Herbal infusion"),
        ("", "Black tea"),
    ),
    attributes.FORM.id: (
        ("matcha", "Powder"),
        ("cake", "Pressed cake"),
        ("infusion", "Tea bags"),
        ("decaf", "Tea bags"),
        ("", "Loose leaf"),
    ),
    attributes.CAFFEINE.id: (("decaf", "Decaffeinated"), ("infusion", "Caffeine-free"), ("", "Caffeinated")),
    attributes.MATERIAL.id: (
        ("cast iron", "Cast iron"),
        ("glass", "Glass"),
        ("clay", "Clay"),
        ("china", "Porcelain"),
        ("enamel", "Enamel"),
        ("steel", "Stainless steel"),
        ("caddy", "Stainless steel"),
        ("bamboo", "Bamboo"),
        ("paper", "Paper"),
        ("", "Stoneware"),
    ),
    attributes.ACCESSORY_TYPE.id: (
        ("infuser", "Infuser"),
        ("whisk", "Whisk"),
        ("caddy", "Caddy"),
        ("filter", "Filter"),
        ("", "Other"),
    ),
    attributes.CONTENTS.id: (("", "Tea"),),
    attributes.OCCASION.id: (("", "Any"),),
}
SIZE_CM: Json = {"length": "20", "width": "15", "height": "10", "unit": "CENTIMETER"}
SIZE_IN: Json = {"length": "8", "width": "6", "height": "4", "unit": "INCH"}


def make_details(article: Article, region: str) -> Json:
    text = article.title.casefold()
    if article.category != categories.TEA:  # a tea's words tell of other teas as well
        text += f" {article.words.casefold()}"
    answers = []
    for attribute in attributes.ATTRIBUTES_BY_CATEGORY[article.category]:
        value = next((value for word, value in VALUES_BY_WORD.get(attribute.id, ()) if word in text), "")
        if value:
            answers.append({"id": attribute.id, "values": [{"id": attribute.find_value_id(value)}]})
    return {
        "product_attributes": attributes.add_names(article.category, answers),
        "package_dimensions": SIZE_IN if region == "US" else SIZE_CM,
    }
