"""Declares the columns of a profit, and what each means."""

from __future__ import annotations

# Amounts bear the platform's sign: those from `net_sales` on, but for `settlement`, add up to it.
COLUMN_MEANINGS = {
    "basis": "`settled`: what statements say, exact but for a split that `fees_by_sku` calls estimated. `estimated`: "
    "what TikTok expects of orders in no statement yet. Totals tell both, "
    "and rows with `columns: all` or `basis`",
    "estimated": "what of settlement is TikTok's estimate, in rows that hold both bases",
    "units": "units sold, cancelled ones left out, where the order is settled first",
    "sales": "goods at the seller's price after seller discounts, before refunds; without any refunds "
    "net_sales alone stands",
    "refunds": "what buyers got back of it",
    "net_sales": "both together: a statement's revenue",
    "platform_commission, transaction_fee, vat, …": "platform fees and the taxes on them, a column a kind, as TikTok "
    "names it; beyond eight kinds the smaller ones stand together",
    "fees": "platform fees and taxes together, of rows that do not tell them by kind",
    "other_fees": "fees that TikTok names no kind of, and kinds that have no column",
    "affiliate_commission": "commission of creators and affiliate partners, that on shop ads included",
    "ads": "ads that are billed through the settlement",
    "shipping": "shipping costs less what buyers and TikTok paid for it",
    "adjustments": "corrections, penalties, reimbursements",
    "unexplained": "what a transaction settles beyond its parts",
    "settlement": "what the seller gets: net sales and all amounts after it",
    "goods_cost": "unit costs of the units sold, each of its order's day; percents are of the price before discounts",
    "goods_back": "what of goods_cost buyers sent back (completed returns with goods): where it can be sold again, "
    "profit is that much more; of a refund without the goods there is none",
    "profit": "settlement and goods cost, of the units whose cost is known",
    "margin_percent": "profit of net sales, of the same units",
    "covers_percent": "the share of net sales whose goods have a cost; without any, the four before are empty",
    "fees_by_sku": "how orders with several SKUs are split: `exact`: by TikTok; `estimated`: by line value, until "
    "TikTok's split is read in the background; `partly estimated`: both; left out where all are exact",
}
AMOUNTS_BEFORE_FEES = ("sales", "refunds", "net_sales")
AMOUNTS_AFTER_FEES = ("affiliate_commission", "ads", "shipping", "adjustments", "unexplained", "settlement")
# Left out where all of them are nothing.
OPTIONAL_AMOUNTS = ("refunds", "affiliate_commission", "ads", "adjustments", "unexplained")
GOODS_BACK = "goods_back"
PROFIT_COLUMNS = ("goods_cost", GOODS_BACK, "profit", "margin_percent", "covers_percent")
BASIS, ESTIMATED = "basis", "estimated"  # a row has one of them: what it is, or how much of it is an estimate
OTHER_FEES = "other_fees"
FEES = "fees"
