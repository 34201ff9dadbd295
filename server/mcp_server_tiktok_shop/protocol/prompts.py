"""Renders prompts for a seller's routines: what the assistant is to do, tool by tool."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Mapping

PERIOD_COMPLETIONS = (
    "today",
    "yesterday",
    "last 7 days",
    "last 30 days",
    "this week",
    "last week",
    "this month",
    "last month",
)
MAX_ARGUMENT_CHARS, MAX_NAME_CHARS = 2_000, 60  # of an argument, and of its name in a message
SHOP_DESCRIPTION = "which shop, where there are several"
ANSWER_STYLE = "Answer in the language of the question, with amounts in their currency; say what is a part only."


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """One prompt. `text` holds its arguments in braces; those left out take their value from `defaults`.

    `arguments` are in the order in which a person types them after the prompt's name, the rarest last. It is listed
    where this server does all `required_tools`.
    """

    title: str
    description: str
    arguments: Mapping[str, str]
    defaults: Mapping[str, str]
    text: str
    required_tools: tuple[str, ...]
    required_arguments: tuple[str, ...] = ()


PROMPT_TEMPLATES: Mapping[str, PromptTemplate] = {
    "todays_parcels": PromptTemplate(
        "Today's parcels",
        "What has to be shipped now, in the order of its deadlines.",
        {"shop": SHOP_DESCRIPTION},
        {"shop": ""},
        "What has to be shipped today{for_shop}? Call get_order_list twice, with order_status AWAITING_SHIPMENT and "
        'PARTIALLY_SHIPPING, each with pages all and fields ["orders.id", "orders.shipping_due_time", '
        '"orders.is_buyer_request_cancel", "orders.buyer_message", "orders.line_items.seller_sku", '
        '"orders.line_items.product_name", "orders.line_items.sku_name", "orders.line_items.package_status", '
        '"orders.line_items.package_id"]. Of partly shipped orders take the items whose package_status is TO_FULFILL. '
        "List the orders by shipping_due_time, those overdue first, each with its items; then what to pick in all, by "
        "SKU. Name apart the orders whose buyer asks to cancel, and messages that ask for something. Do not ship "
        "anything yet: ask which parcels to arrange, and how.",
        ("get_order_list",),
    ),
    "last_payout": PromptTemplate(
        "Last payout",
        "What was paid out last, and whether it agrees with its transactions.",
        {"period": "which days, as get_report takes them", "shop": SHOP_DESCRIPTION},
        {"shop": "", "period": "last 30 days"},
        "What was paid out last{for_shop}, and does it add up? Call get_report with report payouts and period "
        "{period}, then with report settlements, the same period and group_by payout. Tell the newest payout with its "
        "statements, revenue, fees, shipping and what arrived, what is not paid yet, and every difference with its "
        "amount. If all agrees, say so in one sentence. " + ANSWER_STYLE,
        ("get_report",),
    ),
    "weekly_sales": PromptTemplate(
        "Weekly sales",
        "Sales by day and by product, against the days before.",
        {"period": "which days", "shop": SHOP_DESCRIPTION},
        {"shop": "", "period": "last 7 days"},
        "How did sales go{for_shop} in this period: {period}? Call get_report with report sales, period {period} and "
        "group_by day, then with group_by product and compare_with previous period. Tell the total and its change, "
        "orders, units, average order, the best and the worst day, the five best products, and how many were cancelled "
        "or are unpaid. " + ANSWER_STYLE,
        ("get_report",),
    ),
    "low_stock": PromptTemplate(
        "Low stock",
        "What is out of stock or will be soon.",
        {"period": "whose pace counts", "shop": SHOP_DESCRIPTION},
        {"shop": "", "period": "last 30 days"},
        "What is running low{for_shop}? Call get_report with report stock and period {period}: what lasts shortest "
        "stands first. List what is out, then what lasts less than two weeks, with product, seller SKU, units and days "
        "of cover. Suggest what to reorder; change no stock. " + ANSWER_STYLE,
        ("get_report",),
    ),
    "list_a_product": PromptTemplate(
        "List a product",
        "Puts a new product up for sale, step by step.",
        {"product": "what it is, with price, stock and where its picture lies", "shop": SHOP_DESCRIPTION},
        {"shop": ""},
        "Put this product up for sale{for_shop}: {product}\nFirst find the category (run_read_operation with "
        "recommend_category, then get_category_rules and get_category_attributes), the warehouse (get_warehouse_list), "
        "and upload the picture (upload_product_image). Ask for what is missing: price, stock, weight, size, "
        "attributes that must be given. Then show the whole listing, and only when it is agreed to, call "
        "create_product; use dry_run first if in doubt. Tell the product id and what happens next (review).",
        (
            *("run_read_operation", "recommend_category", "get_category_rules", "get_category_attributes"),
            *("get_warehouse_list", "upload_product_image", "create_product"),
        ),
        ("product",),
    ),
}


def get_prompt_template(name: str) -> PromptTemplate:
    """The prompt of a name.

    Raises:
        ShopError: `not_found`, with the nearest name.

    """
    template = PROMPT_TEMPLATES.get(name)
    if template is None:
        suggestions = get_close_matches(name, PROMPT_TEMPLATES, n=1)
        hint = f"Did you mean {suggestions[0]}?" if suggestions else f"There are {', '.join(PROMPT_TEMPLATES)}."
        raise ShopError("not_found", f"There is no prompt {name[:60]!r}.", hint=hint)
    return template


def render_prompt(name: str, arguments: Mapping[str, str]) -> str:
    """The text of a prompt with its arguments filled in.

    Raises:
        ShopError: `not_found`, or `invalid_arguments` where one is missing or unknown.

    """
    template = get_prompt_template(name)
    problems = [
        Problem(n, "is required and missing") for n in template.required_arguments if not arguments.get(n, "").strip()
    ]
    problems += [
        Problem(n, "is not an argument here", ", ".join(template.arguments))
        for n in arguments.keys() - template.arguments
    ]
    problems += [
        Problem(n, f"has {len(text):,} characters", f"at most {MAX_ARGUMENT_CHARS:,}")
        for n, text in arguments.items()
        if len(text) > MAX_ARGUMENT_CHARS
    ]
    if problems:
        message = "; ".join(f"{problem.argument[:MAX_NAME_CHARS]} {problem.message}" for problem in problems)
        raise ShopError("invalid_arguments", message[:MAX_ARGUMENT_CHARS], problems=tuple(problems))
    values = {**template.defaults, **{name: text.strip() for name, text in arguments.items() if text.strip()}}
    fillings = values | {"for_shop": f" in the shop {values['shop']}" if values["shop"] else ""}
    # In one pass: a value with braces in it fills nothing.
    text = re.sub(r"\{(\w+)\}", lambda blank: fillings.get(blank[1], blank[0]), template.text)
    return text + (f' Give shop "{values["shop"]}" to every tool.' if values["shop"] else "")
