"""What the seeded tea shop sells: names, variants, prices in pounds, and the leaf they stand in."""

from __future__ import annotations

from dataclasses import dataclass

from mcp_server_tiktok_shop.sandbox.listings.categories import CUP, GIFT, POT, TEA, TOOL


@dataclass(frozen=True)
class Article:
    """One product of the range; variants are (name, price in pounds, weight in kilograms)."""

    title: str
    code: str
    category: str
    words: str
    variants: tuple[tuple[str, str, str], ...]


BAG_VARIANTS = (("50 g", "4.95", "0.08"), ("100 g", "8.50", "0.14"), ("250 g", "18.90", "0.30"))
FINE_VARIANTS = (("25 g", "7.90", "0.05"), ("50 g", "14.50", "0.08"), ("100 g", "26.00", "0.14"))
DAILY_VARIANTS = (("40 bags", "3.95", "0.12"), ("80 bags", "6.95", "0.22"), ("160 bags", "11.95", "0.42"))

ARTICLES: tuple[Article, ...] = (
    Article("English Breakfast Loose Leaf Tea", "EBR", TEA, "Brisk and malty, for milk.", BAG_VARIANTS),
    Article("Earl Grey Loose Leaf Tea", "EGR", TEA, "Black tea with bergamot oil.", BAG_VARIANTS),
    Article("Assam Second Flush Loose Leaf Tea", "ASM", TEA, "Deep, honeyed, full-bodied.", BAG_VARIANTS),
    Article("Darjeeling First Flush Loose Leaf Tea", "DJF", TEA, "Light and flowery, spring picking.", FINE_VARIANTS),
    Article("Ceylon Orange Pekoe Loose Leaf Tea", "COP", TEA, "Bright and citrusy.", BAG_VARIANTS),
    Article("Lapsang Souchong Smoked Tea", "LAP", TEA, "Dried over pine smoke.", BAG_VARIANTS),
    Article("Yunnan Golden Tips Black Tea", "YGT", TEA, "Soft, with cocoa and malt.", FINE_VARIANTS),
    Article("Sencha Green Tea", "SEN", TEA, "Fresh and grassy; brew at 75 degrees.", BAG_VARIANTS),
    Article("Genmaicha Green Tea with Toasted Rice", "GEN", TEA, "Nutty and warming.", BAG_VARIANTS),
    Article(
        "Ceremonial Matcha Powder",
        "MAT",
        TEA,
        "Stone-ground, for whisking.",
        (("30 g tin", "19.90", "0.09"), ("100 g tin", "54.00", "0.18")),
    ),
    Article("Dragon Well Green Tea", "DRW", TEA, "Pan-fired, chestnut-sweet.", FINE_VARIANTS),
    Article("Jasmine Pearls Green Tea", "JAS", TEA, "Hand-rolled, scented with blossoms.", FINE_VARIANTS),
    Article("Milk Oolong Tea", "MOO", TEA, "Creamy and smooth.", FINE_VARIANTS),
    Article("Iron Goddess Oolong Tea", "IGO", TEA, "Orchid notes, many infusions.", FINE_VARIANTS),
    Article("Silver Needle White Tea", "SNW", TEA, "Buds only, delicate.", FINE_VARIANTS),
    Article("White Peony Tea", "WPE", TEA, "Round and fruity white tea.", FINE_VARIANTS),
    Article(
        "Ripe Pu-erh Tea Cake",
        "PUE",
        TEA,
        "Earthy, pressed, aged five years.",
        (("100 g cake", "16.50", "0.13"), ("357 g cake", "48.00", "0.42")),
    ),
    Article("Peppermint Herbal Infusion", "PEP", TEA, "Caffeine-free, cooling.", DAILY_VARIANTS),
    Article("Chamomile Herbal Infusion", "CHA", TEA, "Caffeine-free, for the evening.", DAILY_VARIANTS),
    Article("Rooibos Vanilla Infusion", "ROO", TEA, "Caffeine-free, sweet without sugar.", DAILY_VARIANTS),
    Article("Ginger and Lemon Infusion", "GIN", TEA, "Warm and sharp.", DAILY_VARIANTS),
    Article("Masala Chai Black Tea", "MCH", TEA, "Cardamom, cinnamon, clove and ginger.", BAG_VARIANTS),
    Article("Everyday Decaf Black Tea", "DEC", TEA, "All of the taste, none of the caffeine.", DAILY_VARIANTS),
    Article("Blackcurrant Fruit Infusion", "BLC", TEA, "Good cold with ice.", DAILY_VARIANTS),
    Article(
        "Cast Iron Teapot",
        "CIT",
        POT,
        "Keeps tea hot for an hour; with strainer.",
        (("0.6 l black", "34.00", "1.45"), ("0.6 l blue", "34.00", "1.45"), ("1.0 l black", "46.00", "2.10")),
    ),
    Article(
        "Glass Teapot with Infuser",
        "GLT",
        POT,
        "Watch the leaves unfold.",
        (("0.8 l", "22.50", "0.70"), ("1.2 l", "27.50", "0.95")),
    ),
    Article(
        "Stoneware Teapot",
        "STT",
        POT,
        "Thrown, glazed, dishwasher-safe.",
        (("Cream", "29.00", "1.10"), ("Moss", "29.00", "1.10"), ("Slate", "29.00", "1.10"), ("Rust", "29.00", "1.10")),
    ),
    Article("Travel Teapot for One", "TRT", POT, "Pot, cup and case in one.", (("0.25 l", "24.00", "0.55"),)),
    Article("Side-Handle Pot", "KYU", POT, "For green tea, with a fine clay filter.", (("0.3 l", "38.00", "0.48"),)),
    Article(
        "Double-Wall Tea Glasses",
        "DWG",
        CUP,
        "Cool outside, hot inside.",
        (("Set of 2", "15.90", "0.40"), ("Set of 4", "28.90", "0.78")),
    ),
    Article(
        "Enamel Mug",
        "ENM",
        CUP,
        "For the garden and the hills.",
        (("White", "8.90", "0.22"), ("Green", "8.90", "0.22"), ("Blue", "8.90", "0.22")),
    ),
    Article("Tea Bowl", "BOW", CUP, "A wide bowl for whisking matcha.", (("Speckled", "18.00", "0.36"),)),
    Article(
        "Bone China Cup and Saucer",
        "BCC",
        CUP,
        "Thin-rimmed, for afternoon tea.",
        (("Plain white", "14.50", "0.38"), ("Gold rim", "17.50", "0.38")),
    ),
    Article(
        "Stainless Steel Tea Infuser",
        "INF",
        TOOL,
        "Fine mesh, fits every mug.",
        (("Ball", "5.50", "0.06"), ("Basket", "7.50", "0.09")),
    ),
    Article(
        "Bamboo Matcha Whisk", "WHI", TOOL, "A hundred tines, carved from one piece.", (("Single", "12.90", "0.05"),)
    ),
    Article(
        "Airtight Tea Caddy",
        "CAD",
        TOOL,
        "Keeps 100 g of tea fresh.",
        (("Copper", "13.90", "0.21"), ("Black", "12.90", "0.21"), ("White", "12.90", "0.21")),
    ),
    Article(
        "Paper Tea Filters",
        "FIL",
        TOOL,
        "Unbleached, one-cup size.",
        (("100 pieces", "3.50", "0.07"), ("300 pieces", "8.90", "0.20")),
    ),
    Article(
        "Afternoon Tea Gift Set", "GAF", GIFT, "Three teas, a caddy and an infuser.", (("Boxed", "39.00", "0.85"),)
    ),
    Article("Matcha Starter Gift Set", "GMA", GIFT, "Matcha, whisk and bowl.", (("Boxed", "52.00", "0.75"),)),
    Article(
        "Tea Tasting Gift Box",
        "GTA",
        GIFT,
        "Small tins from one garden each.",
        (("6 tins", "24.90", "0.40"), ("12 tins", "44.90", "0.76")),
    ),
)
