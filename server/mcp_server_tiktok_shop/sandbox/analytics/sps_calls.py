"""The Shop Performance Score over the wire: the score, its metrics, how each is counted, and the orders behind it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import REASON_TEXTS
from mcp_server_tiktok_shop.sandbox.analytics.sps_metrics import (
    DIMENSION_WEIGHTS,
    RULES,
    WINDOW_DAYS,
    Metric,
    PoorOrder,
    find_status,
    measure,
)
from mcp_server_tiktok_shop.sandbox.durations import DAY_S
from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import CARRIERS
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.money import ZERO, format_amount, round_amount
from mcp_server_tiktok_shop.sandbox.ordering.order_json import compute_delivery_due
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line

BEST_STATUS = "EXCELLENT"
# What the platform knows besides, and no order here tells.
UNMEASURED_CODES = ("NRR", "AHT", "IM_DSAT")
DEFAULT_TREND_DAYS, MAX_TREND_DAYS = 7, 60


def get_sps_overview(call: Call) -> Json:
    metrics = _list_metrics(call)
    if not metrics:
        return {"evaluate_duration_days": WINDOW_DAYS, "update_time": call.now}
    by_dimension: dict[str, list[Decimal]] = {}
    for metric in metrics:
        by_dimension.setdefault(metric.rule.dimension, []).append(metric.score)
    scores = {name: round_amount(sum(found, ZERO) / len(found)) for name, found in by_dimension.items()}
    weight = sum(DIMENSION_WEIGHTS[name] for name in scores)
    whole = round_amount(sum((score * DIMENSION_WEIGHTS[name] for name, score in scores.items()), ZERO) / weight)
    return {
        "sps_score": format_amount(whole),
        **_render_status(whole, "sps_tier"),
        "dimensions": [
            {"name": name, "score": format_amount(score), "weight": str(DIMENSION_WEIGHTS[name])}
            | _render_status(score)
            for name, score in scores.items()
        ],
        "top_issues": _render_issues(metrics),
        "update_time": metrics[0].end,
    } | _render_window(metrics[0])


def _list_metrics(call: Call) -> list[Metric]:
    return [metric for code in RULES if (metric := measure(call.shop, code, call.now))]


def _render_status(score: Decimal, name: str = "status") -> Json:
    status = find_status(score)
    return {name: status, f"{name}_text": status.capitalize()}


def _render_percent(part: int, total: int) -> str:
    return format_amount(Decimal(100 * part) / total)


def _render_window(metric: Metric) -> Json:
    return {
        "evaluate_duration_days": WINDOW_DAYS,
        "start_evaluation_time": metric.start,
        "end_evaluation_time": metric.end,
    }


def _render_issues(metrics: list[Metric]) -> Json:
    can_be_better = [metric for metric in metrics if metric.problems and find_status(metric.score) != BEST_STATUS]
    worst = sorted(can_be_better, key=lambda metric: metric.score)
    issues = [
        {
            "metric_code": metric.rule.code,
            "metric_name": metric.rule.name,
            "rank": rank,
            "description": f"{len(metric.problems)} of {metric.total} orders count against the shop.",
        }
        | _render_window(metric)
        for rank, metric in enumerate(worst, start=1)
    ]
    return {"issues": issues, "summary": f"{len(issues)} of {len(metrics)} metrics can be better."}


def get_sps_metrics(call: Call) -> Json:
    return {"metrics": [_render_metric(metric) | {"metric_name": metric.rule.name} for metric in _list_metrics(call)]}


def _render_metric(metric: Metric) -> Json:
    rule = metric.rule
    return (
        {
            "metric_code": rule.code,
            "dimension": rule.dimension,
            "benchmarks": {
                "excellent_threshold": format_amount(rule.excellent),
                "poor_threshold": format_amount(rule.poor),
            },
            "value": format_amount(metric.value),
            "value_unit": "PERCENT",
            "score": format_amount(metric.score),
        }
        | _render_status(metric.score)
        | _render_window(metric)
    )


def _find_metric(call: Call, days_ago: int = 0) -> Metric | None:
    """The metric that is asked for; None where the platform knows it and no order tells it."""
    code = call.arguments["metric_code"]
    if code not in (*RULES, *UNMEASURED_CODES):
        raise RefusalError(28001022, f"Invalid 'metric_code': there is no metric '{code}'.")
    return measure(call.shop, code, call.now, days_ago) if code in RULES else None


def get_sps_metric_diagnosis(call: Call) -> Json:
    metric = _find_metric(call)
    if metric is None:
        return {}
    days = min(call.arguments.get("trend_duration_days", DEFAULT_TREND_DAYS), MAX_TREND_DAYS)
    earlier = [one for days_ago in range(days) if (one := _find_metric(call, days_ago))]
    reasons = Counter(REASON_TEXTS.get(problem.reason, problem.reason) for problem in metric.problems)
    return _render_metric(metric) | {
        "calculation_rule": {
            "numerator_label": metric.rule.numerator,
            "numerator_value": str(metric.numerator),
            "denominator_label": metric.rule.denominator,
            "denominator_value": str(metric.total),
        },
        "distribution_details": [
            {
                "name": name,
                "count": count,
                "percent": _render_percent(count, len(metric.problems)),
            }
            for name, count in reasons.most_common()
        ],
        "trend": {
            "data_points": [
                {
                    "record_date": datetime.fromtimestamp(one.end - DAY_S, UTC).strftime("%Y%m%d"),
                    "value": format_amount(one.value),
                }
                for one in reversed(earlier)
            ]
        },
    }


def get_sps_metric_problem_details(call: Call) -> Json:
    """Each order and SKU that counts against the shop, the newest first."""
    metric = _find_metric(call)
    found = [(p, line) for p in metric.problems for line in _list_skus(p)] if metric else []
    matches = SortedItems.sort(found, lambda pair: (pair[0].time, pair[1].id))
    page = pages.paginate(matches, call.arguments, call.page_scope, descending=True)
    code = call.arguments["metric_code"]
    payload = pages.render_page(page, f"{code.lower()}_problem_order_items", lambda pair: _render_problem(code, *pair))
    return payload | {"metric_code": code}


def _list_skus(problem: PoorOrder) -> list[Line]:
    """One line of each SKU."""
    return list({line.sku.id: line for line in problem.lines}.values())


def _render_problem(code: str, problem: PoorOrder, line: Line) -> Json:
    order = problem.order
    payload: Json = {"order_id": order.id, "product_name": line.product.title, "sku_id": line.sku.id}
    if code == "OTDR":
        return payload | {
            "actual_deliver_time": order.delivered_time,
            "expect_deliver_time": compute_delivery_due(order),
        }
    payload |= {"order_create_time": order.create_time, "product_id": line.product.id}
    reason = REASON_TEXTS.get(problem.reason, problem.reason)
    if code == "SFCR":
        return payload | {"cancellation_reasons": [reason]}
    return payload | {"deliver_time": order.delivered_time, "return_refund_reason": reason}


def get_sps_metric_top_items(call: Call) -> Json:
    """Products that came back most, or carriers with what they delivered."""
    metric = _find_metric(call)
    code = call.arguments["metric_code"]
    rows: list[Json] = []
    if metric and code == "NBFR":
        rows = _count_products(metric)
    elif metric and code == "OTDR":
        rows = _count_carriers(call, metric)
    name = {"NBFR": "nbfr_top_product_items", "OTDR": "otdr_logistics_items"}.get(code)
    return {"metric_code": code, "total_count": len(rows)} | ({name: rows} if name else {})


def _count_products(metric: Metric) -> list[Json]:
    names: dict[str, str] = {}
    reasons: dict[str, Counter[str]] = {}
    for problem in metric.problems:
        for product_id, line in {line.product.id: line for line in problem.lines}.items():
            names[product_id] = line.product.title
            reasons.setdefault(product_id, Counter())[REASON_TEXTS.get(problem.reason, problem.reason)] += 1
    rows = [
        {
            "product_id": product_id,
            "product_name": names[product_id],
            "return_order_count": counts.total(),
            "top_reason_order_count": counts.most_common(1)[0][1],
            "top_return_reasons": [reason for reason, _ in counts.most_common()],
        }
        for product_id, counts in reasons.items()
    ]
    return sorted(rows, key=lambda row: (-row["return_order_count"], row["product_id"]))


def _count_carriers(call: Call, metric: Metric) -> list[Json]:
    late_ids = {problem.order.id for problem in metric.problems}
    delivered: Counter[str] = Counter()
    on_time: Counter[str] = Counter()
    for order in call.shop.orders.values():
        if not order.cancel_time and metric.start <= order.delivered_time < metric.end:
            carrier = CARRIERS[order.packages[0].provider_id].name
            delivered[carrier] += 1
            on_time[carrier] += order.id not in late_ids
    return [
        {
            "logistics_provider": carrier,
            "delivered_order_count": count,
            "on_time_deliver_order_count": on_time[carrier],
            "on_time_deliver_rate": _render_percent(on_time[carrier], count),
        }
        for carrier, count in delivered.most_common()
    ]
