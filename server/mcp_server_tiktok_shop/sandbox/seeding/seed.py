"""Builds the simulated world: accounts, their shops, and what the shops sell. The same seed, the same world."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.durations import DAY_S
from mcp_server_tiktok_shop.sandbox.fulfillment import warehouses
from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import SALES_WAREHOUSE
from mcp_server_tiktok_shop.sandbox.gateway.tokens import SellerAccount, make_open_id
from mcp_server_tiktok_shop.sandbox.ids import draw_number, make_id
from mcp_server_tiktok_shop.sandbox.listings import uploads
from mcp_server_tiktok_shop.sandbox.listings.products import VARIANT_ATTRIBUTE, Product, Sku
from mcp_server_tiktok_shop.sandbox.seeding import seed_aftersales, seed_chats, seed_promotions, seed_samples
from mcp_server_tiktok_shop.sandbox.seeding.assortment import ARTICLES, Article
from mcp_server_tiktok_shop.sandbox.seeding.listing_details import make_details
from mcp_server_tiktok_shop.sandbox.seeding.seed_orders import add_orders
from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop, State

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.operation_records import OperationRecords

CURRENCIES = {"GB": "GBP", "DE": "EUR", "US": "USD"}
# Prices are written in pounds; abroad they are rounded up to end in .90.
PRICE_RATES = {"GB": Decimal(1), "DE": Decimal("1.19"), "US": Decimal("1.31")}
POUNDS_IN_KILOGRAM = Decimal("2.2046")
SMALL_SHOP_ORDERS = 120
# The seller overseas let the app in for a while, of which so many days are left.
DAYS_OF_AUTHORIZATION = 12
# Positions in the range that are not live, so that every status can be found.
INACTIVE_PLACES = {
    18: "FREEZE",
    19: "FAILED",
    23: "SELLER_DEACTIVATED",
    28: "DRAFT",
    31: "SELLER_DEACTIVATED",
    36: "FAILED",
}
# What sells best is out in so many days, at the pace of the last month.
SHORT_STOCK_DAYS = (3, 6, 11)
PACE_DAYS = 30
OUT_OF_STOCK_EVERY, LOW_STOCK_EVERY = 17, 11


@dataclass(frozen=True)
class ShopPlan:
    """One shop to build: how it is named, and how much of everything it has."""

    name: str
    region: str
    seller_type: str
    prefix: str
    products: int
    orders: int


def build_world(
    seed: str, shops: int, orders: int, now: float, records: OperationRecords
) -> tuple[list[SellerAccount], State]:
    """One account with one shop; or two accounts with three shops in three regions."""
    main = ShopPlan("Sandbox Tea House", "GB", "LOCAL", "GCP", len(ARTICLES), orders)
    abroad = ShopPlan("Sandbox Tea House DE", "DE", "CROSS_BORDER", "ROW", 24, min(orders, SMALL_SHOP_ORDERS))
    overseas = ShopPlan("Sandbox Tea Company", "US", "LOCAL", "TTP", 20, min(orders, SMALL_SHOP_ORDERS))
    state = State([])
    scopes = sorted({scope for operation in records.operations.values() for scope in operation.scope})
    accounts = [_build_account(seed, "Sandbox Seller", [main, abroad] if shops == 3 else [main], scopes)]  # noqa: PLR2004
    plans = [[main, abroad], [overseas]] if shops == 3 else [[main]]  # noqa: PLR2004
    if shops == 3:  # noqa: PLR2004
        accounts.append(_build_account(seed, "Sandbox Seller US", [overseas], scopes))
        accounts[1].authorized_until = int(now) - int(now) % DAY_S + DAYS_OF_AUTHORIZATION * DAY_S
    for account, shop_plans in zip(accounts, plans, strict=True):
        for plan in shop_plans:
            shop = _build_shop(seed, plan, int(now), state)
            account.shops.append(shop)
            state.shops.append(shop)
    return accounts, state


def _build_account(seed: str, name: str, plans: list[ShopPlan], scopes: list[str]) -> SellerAccount:
    account = SellerAccount(name, plans[0].region, plans[0].prefix, make_open_id(seed, name), [], list(scopes))
    for category in ("3", "7"):
        account.category_assets[f"{account.prefix}_asset{make_id('4', seed, name, category)}"] = category
    return account


def _build_shop(seed: str, plan: ShopPlan, now: int, state: State) -> SimulatedShop:
    origin = (seed, plan.name)
    digits = f"{draw_number(*origin, 'cipher', 1):016x}{draw_number(*origin, 'cipher', 2):016x}"
    shop = SimulatedShop(
        id=make_id("74", *origin, "shop"),
        name=plan.name,
        region=plan.region,
        seller_type=plan.seller_type,
        cipher=f"{plan.prefix}_{digits}",
        code=f"{plan.region}{'CB' if plan.seller_type == 'CROSS_BORDER' else 'LC'}{digits[:8].upper()}",
        currency=CURRENCIES[plan.region],
        since=now - now % DAY_S - 400 * DAY_S,
    )
    shop.warehouses = warehouses.make_seed_warehouses(plan.region, plan.seller_type, *origin)
    for place, article in enumerate(ARTICLES[: plan.products]):
        product = _build_product(shop, place, article)
        shop.products[product.id] = product
        state.uploads[product.images[0].uri] = product.images[0]
    add_orders(shop, plan.orders, f"{seed}/{plan.name}", now)
    _shorten_stock(shop, now)
    seed_aftersales.add_requests(shop, now)
    seed_promotions.add_promotions(shop, now)
    seed_samples.add_samples(shop, now)
    seed_chats.add_chats(shop, now)
    return shop


def _build_product(shop: SimulatedShop, place: int, article: Article) -> Product:
    product_id = make_id("1729", shop.id, article.code)
    warehouse = next(w.id for w in shop.warehouses if w.kind == SALES_WAREHOUSE)
    skus = [_build_sku(shop, product_id, article, variant, warehouse) for variant in range(len(article.variants))]
    created = shop.since + draw_number(product_id) % (300 * DAY_S)
    kilograms = Decimal(article.variants[0][2])
    weight = {"value": str(kilograms), "unit": "KILOGRAM"}
    if shop.region == "US":
        weight = {"value": str((kilograms * POUNDS_IN_KILOGRAM).quantize(Decimal("0.01"))), "unit": "POUND"}
    return Product(
        id=product_id,
        title=article.title,
        description=f"<p>{article.words}</p>",
        category_id=article.category,
        status=INACTIVE_PLACES.get(place, "ACTIVATE"),
        create_time=created,
        update_time=created + draw_number(product_id, "updated") % (60 * DAY_S),
        skus=skus,
        images=[uploads.make_seed_upload(product_id)],
        currency=shop.currency,
        region=shop.region,
        weight=weight,
        extras=make_details(article, shop.region),
    )


def _build_sku(shop: SimulatedShop, product_id: str, article: Article, place: int, warehouse: str) -> Sku:
    name, pounds, weight = article.variants[place]
    draw = draw_number(product_id, "stock", place)
    stock = 20 + draw % 380
    if draw % OUT_OF_STOCK_EVERY == 0:
        stock = 0
    elif draw % LOW_STOCK_EVERY == 0:
        stock = 1 + draw % 5
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
        price=_convert_price(Decimal(pounds), shop.region),
        stock={warehouse: stock},
        attributes=attributes,
        weight=weight,
    )


def _shorten_stock(shop: SimulatedShop, now: int) -> None:
    """A few of the best sellers are nearly out."""
    sold: Counter[str] = Counter()
    for order in shop.orders.values():
        if order.paid_time and not order.cancel_time and order.create_time >= now - PACE_DAYS * DAY_S:
            sold.update(line.sku.id for line in order.lines)
    skus = {sku.id: sku for product in shop.products.values() if product.status == "ACTIVATE" for sku in product.skus}
    best = [skus[sku_id] for sku_id, _ in sold.most_common() if sku_id in skus and any(skus[sku_id].stock.values())]
    for sku, days in zip(best, SHORT_STOCK_DAYS, strict=False):
        sku.stock = {warehouse: max(1, sold[sku.id] * days // PACE_DAYS) for warehouse in sku.stock}


def _convert_price(pounds: Decimal, region: str) -> Decimal:
    if region == "GB":
        return pounds
    return (pounds * PRICE_RATES[region]).to_integral_value(ROUND_CEILING) - Decimal("0.10")
