"""Builds the simulated world: accounts, their shops, and what the shops sell. The same seed, the same world."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.fulfillment import warehouses
from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import SALES
from mcp_server_tiktok_shop.sandbox.gateway.tokens import Account, open_id
from mcp_server_tiktok_shop.sandbox.ids import make_id, number
from mcp_server_tiktok_shop.sandbox.listings import uploads
from mcp_server_tiktok_shop.sandbox.listings.products import VARIANT_ATTRIBUTE, Product, Sku
from mcp_server_tiktok_shop.sandbox.seeding import seed_aftersales, seed_chats, seed_promotions
from mcp_server_tiktok_shop.sandbox.seeding.assortment import RANGE, Article
from mcp_server_tiktok_shop.sandbox.seeding.listing_details import details
from mcp_server_tiktok_shop.sandbox.seeding.seed_orders import fill
from mcp_server_tiktok_shop.sandbox.shop import Shop, State

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.records import Records

DAY = 24 * 3600
CURRENCIES = {"GB": "GBP", "DE": "EUR", "US": "USD"}
# Prices are written in pounds; abroad they are rounded up to end in .90.
RATES = {"GB": Decimal(1), "DE": Decimal("1.19"), "US": Decimal("1.31")}
POUNDS_IN_KILOGRAM = Decimal("2.2046")
SMALL_SHOP_ORDERS = 80
# Positions in the range that are not live, so that every status can be found.
NOT_LIVE = {23: "SELLER_DEACTIVATED", 28: "DRAFT", 31: "SELLER_DEACTIVATED", 36: "FAILED"}
OUT_OF_STOCK, LOW = 17, 11


@dataclass(frozen=True)
class Plan:
    """One shop to build: how it is named, and how much of everything it has."""

    name: str
    region: str
    seller_type: str
    prefix: str
    products: int
    orders: int


def world(seed: str, shops: int, orders: int, now: float, records: Records) -> tuple[list[Account], State]:
    """One account with one shop; or two accounts with three shops in three regions."""
    main = Plan("Sandbox Tea House", "GB", "LOCAL", "GCP", len(RANGE), orders)
    abroad = Plan("Sandbox Tea House DE", "DE", "CROSS_BORDER", "ROW", 24, min(orders, SMALL_SHOP_ORDERS))
    overseas = Plan("Sandbox Tea Company", "US", "LOCAL", "TTP", 20, min(orders, SMALL_SHOP_ORDERS))
    state = State([])
    scopes = sorted({scope for operation in records.operations.values() for scope in operation.scope})
    accounts = [_account(seed, "Sandbox Seller", [main, abroad] if shops == 3 else [main], scopes)]  # noqa: PLR2004
    plans = [[main, abroad], [overseas]] if shops == 3 else [[main]]  # noqa: PLR2004
    if shops == 3:  # noqa: PLR2004
        accounts.append(_account(seed, "Sandbox Seller US", [overseas], scopes))
    for account, own in zip(accounts, plans, strict=True):
        for plan in own:
            shop = _shop(seed, plan, int(now), state)
            account.shops.append(shop)
            state.shops.append(shop)
    return accounts, state


def _account(seed: str, name: str, plans: list[Plan], scopes: list[str]) -> Account:
    account = Account(name, plans[0].region, plans[0].prefix, open_id(seed, name), [], list(scopes))
    for category in ("3", "7"):
        account.category_assets[f"{account.prefix}_asset{make_id('4', seed, name, category)}"] = category
    return account


def _shop(seed: str, plan: Plan, now: int, state: State) -> Shop:
    origin = (seed, plan.name)
    digits = f"{number(*origin, 'cipher', 1):016x}{number(*origin, 'cipher', 2):016x}"
    shop = Shop(
        id=make_id("74", *origin, "shop"),
        name=plan.name,
        region=plan.region,
        seller_type=plan.seller_type,
        cipher=f"{plan.prefix}_{digits}",
        code=f"{plan.region}{'CB' if plan.seller_type == 'CROSS_BORDER' else 'LC'}{digits[:8].upper()}",
        currency=CURRENCIES[plan.region],
        since=now - now % DAY - 400 * DAY,
    )
    shop.warehouses = warehouses.seeded(plan.region, plan.seller_type, *origin)
    for place, article in enumerate(RANGE[: plan.products]):
        product = _product(shop, place, article)
        shop.products[product.id] = product
        state.uploads[product.images[0].uri] = product.images[0]
    fill(shop, plan.orders, f"{seed}/{plan.name}", now)
    seed_aftersales.fill(shop, now)
    seed_promotions.fill(shop, now)
    seed_chats.fill(shop, now)
    return shop


def _product(shop: Shop, place: int, article: Article) -> Product:
    product_id = make_id("1729", shop.id, article.code)
    warehouse = next(w.id for w in shop.warehouses if w.kind == SALES)
    skus = [_sku(shop, product_id, article, variant, warehouse) for variant in range(len(article.variants))]
    created = shop.since + number(product_id) % (300 * DAY)
    kilograms = Decimal(article.variants[0][2])
    weight = {"value": str(kilograms), "unit": "KILOGRAM"}
    if shop.region == "US":
        weight = {"value": str((kilograms * POUNDS_IN_KILOGRAM).quantize(Decimal("0.01"))), "unit": "POUND"}
    return Product(
        id=product_id,
        title=article.title,
        description=f"<p>{article.words}</p>",
        category_id=article.category,
        status=NOT_LIVE.get(place, "ACTIVATE"),
        create_time=created,
        update_time=created + number(product_id, "updated") % (60 * DAY),
        skus=skus,
        images=[uploads.seeded(product_id)],
        currency=shop.currency,
        region=shop.region,
        weight=weight,
        extras=details(article, shop.region),
    )


def _sku(shop: Shop, product_id: str, article: Article, place: int, warehouse: str) -> Sku:
    name, pounds, weight = article.variants[place]
    drawn = number(product_id, "stock", place)
    stock = 20 + drawn % 380
    if drawn % OUT_OF_STOCK == 0:
        stock = 0
    elif drawn % LOW == 0:
        stock = 1 + drawn % 5
    attributes = [
        {
            "id": VARIANT_ATTRIBUTE[0],
            "name": VARIANT_ATTRIBUTE[1],
            "value_id": make_id("17", product_id, "value", place),
            "value_name": name,
        }
    ]
    return Sku(
        id=make_id("1729", product_id, "sku", place),
        product_id=product_id,
        seller_sku=f"TEA-{article.code}-{place + 1:02d}",
        price=_price(Decimal(pounds), shop.region),
        stock={warehouse: stock},
        attributes=attributes,
        weight=weight,
    )


def _price(pounds: Decimal, region: str) -> Decimal:
    if region == "GB":
        return pounds
    return (pounds * RATES[region]).to_integral_value(ROUND_CEILING) - Decimal("0.10")
