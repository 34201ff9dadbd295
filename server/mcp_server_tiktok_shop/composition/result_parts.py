"""Builds what makes results of answers, and stores those that don't fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.results.answer_plans import AnswerPlans
from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
from mcp_server_tiktok_shop.calls.results.normalized_answers import AnswerNormalizer
from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.sensitive_fields import SensitiveFields
    from mcp_server_tiktok_shop.composition.foundation import Foundation
    from mcp_server_tiktok_shop.platform.shops import ShopResolver


class ResultParts(Struct, frozen=True):
    """What results are built by, which fields of answers are sensitive, and where results are stored."""

    builder: ResultBuilder
    store: ScopedResultStore
    sensitive_fields: SensitiveFields


def build_result_parts(foundation: Foundation, shops: ShopResolver, answer_plans: AnswerPlans | None) -> ResultParts:
    """Without `answer_plans` this run has its own."""
    settings, catalog = foundation.settings, foundation.catalog
    store = ScopedResultStore(foundation.stores.results, shops, settings.buyer_data, settings.time_zone)
    answer_plans = answer_plans or AnswerPlans(catalog)
    sensitive_fields = answer_plans.sensitive_fields
    normalizer = AnswerNormalizer(answer_plans, settings.buyer_data)
    builder = ResultBuilder(catalog, sensitive_fields, normalizer, store, settings.result_bytes, settings.buyer_data)
    return ResultParts(builder, store, sensitive_fields)
