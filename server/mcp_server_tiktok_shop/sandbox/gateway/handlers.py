"""Which operations have a state of their own; all others are answered from the shape of their answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import cancellation_calls, eligibility, request_calls, return_calls
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_steps import advance_requests
from mcp_server_tiktok_shop.sandbox.analytics import product_analytics, shop_analytics, sps_calls
from mcp_server_tiktok_shop.sandbox.finance import finance_calls
from mcp_server_tiktok_shop.sandbox.fulfillment import (
    bulk_shipping_calls,
    document_calls,
    handover_calls,
    package_calls,
    packing,
    packing_calls,
    shipping,
    tracking_calls,
    warehouse_calls,
)
from mcp_server_tiktok_shop.sandbox.gateway import placeholders, seller_calls
from mcp_server_tiktok_shop.sandbox.listings import (
    category_calls,
    inventory_calls,
    product_calls,
    product_creation,
    product_edits,
    product_status_calls,
    upload_calls,
)
from mcp_server_tiktok_shop.sandbox.marketing import (
    affiliate_calls,
    coupon_calls,
    promotion_calls,
    promotion_product_calls,
    sample_calls,
)
from mcp_server_tiktok_shop.sandbox.ordering import order_calls, reference_calls
from mcp_server_tiktok_shop.sandbox.service import chat_calls, webhook_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

HANDLERS: dict[str, Callable[[Call], Json]] = {
    function.__name__: function
    for function in (
        seller_calls.get_authorized_shops,
        seller_calls.get_active_shops,
        seller_calls.get_seller_permissions,
        seller_calls.get_authorized_category_assets,
        order_calls.get_order_list,
        order_calls.get_order_detail,
        order_calls.get_price_detail,
        reference_calls.add_external_order_references,
        reference_calls.get_external_order_references,
        reference_calls.search_orders_by_external_reference,
        product_calls.search_products,
        product_calls.get_product,
        product_calls.delete_products,
        product_creation.create_product,
        product_edits.edit_product,
        product_edits.partial_edit_product,
        product_status_calls.activate_products,
        product_status_calls.deactivate_products,
        product_status_calls.recover_products,
        category_calls.get_categories,
        category_calls.recommend_category,
        category_calls.get_category_attributes,
        category_calls.get_category_rules,
        category_calls.get_brands,
        category_calls.check_product_listing,
        category_calls.check_listing_prerequisites,
        inventory_calls.inventory_search,
        inventory_calls.update_inventory,
        inventory_calls.update_price,
        upload_calls.upload_product_image,
        warehouse_calls.get_warehouse_list,
        warehouse_calls.create_warehouse,
        warehouse_calls.update_warehouse,
        warehouse_calls.get_global_seller_warehouses,
        warehouse_calls.get_warehouse_delivery_options,
        warehouse_calls.get_shipping_providers,
        package_calls.search_package,
        package_calls.get_package_detail,
        packing_calls.search_combinable_packages,
        packing_calls.combine_package,
        packing_calls.uncombine_packages,
        packing_calls.get_order_split_attributes,
        packing_calls.confirm_order_split,
        bulk_shipping_calls.batch_ship_packages,
        bulk_shipping_calls.mark_package_as_shipped,
        handover_calls.get_package_handover_time_slots,
        handover_calls.get_order_handover_time_slots,
        handover_calls.get_eligible_shipping_services,
        tracking_calls.get_order_tracking,
        tracking_calls.get_logistics_tracking,
        tracking_calls.update_package_shipping_info,
        tracking_calls.update_order_shipping_info,
        tracking_calls.update_package_delivery_status,
        packing.create_packages,
        shipping.ship_package,
        document_calls.get_package_shipping_document,
        request_calls.search_aftersales_requests,
        request_calls.search_return_merchandise_authorizations,
        request_calls.get_available_review_decisions,
        request_calls.review_aftersales_requests,
        return_calls.search_returns,
        return_calls.get_return_records,
        return_calls.create_return,
        return_calls.approve_return,
        return_calls.reject_return,
        cancellation_calls.search_cancellations,
        cancellation_calls.cancel_order,
        cancellation_calls.approve_cancellation,
        cancellation_calls.reject_cancellation,
        eligibility.get_reject_reasons,
        eligibility.get_decision_eligibility,
        eligibility.get_aftersale_eligibility,
        eligibility.calculate_refund,
        promotion_calls.create_promotion_activity,
        promotion_calls.search_promotion_activities,
        promotion_calls.get_activity,
        promotion_calls.update_promotion_activity,
        promotion_calls.deactivate_activity,
        promotion_calls.republish_activity,
        promotion_product_calls.update_promotion_activity_products,
        promotion_product_calls.remove_promotion_activity_products,
        coupon_calls.search_coupon_list,
        coupon_calls.get_coupon,
        affiliate_calls.search_seller_affiliate_orders,
        sample_calls.search_sample_applications,
        sample_calls.review_a_sample_application,
        chat_calls.get_agent_settings,
        chat_calls.update_agent_settings,
        chat_calls.get_conversations,
        chat_calls.get_conversation,
        chat_calls.create_conversation,
        chat_calls.get_conversation_messages,
        chat_calls.mark_buyer_messages_as_read,
        chat_calls.send_message,
        chat_calls.search_sessions,
        chat_calls.end_session,
        webhook_calls.get_shop_webhooks,
        webhook_calls.update_shop_webhook,
        webhook_calls.delete_webhook_for_an_event,
        shop_analytics.get_shop_performance,
        shop_analytics.get_shop_performance_per_hour,
        product_analytics.get_shop_product_performance_list,
        product_analytics.get_shop_product_performance_detail,
        product_analytics.get_shop_sku_performance_list,
        product_analytics.get_shop_sku_performance_detail,
        sps_calls.get_sps_overview,
        sps_calls.get_sps_metrics,
        sps_calls.get_sps_metric_diagnosis,
        sps_calls.get_sps_metric_problem_details,
        sps_calls.get_sps_metric_top_items,
        finance_calls.get_statements,
        finance_calls.get_payments,
        finance_calls.get_withdrawals,
        finance_calls.get_transactions_by_statement,
        finance_calls.get_transactions_by_order,
        finance_calls.get_unsettled_transactions,
    )
}


def answer_call(call: Call) -> Json:
    advance_requests(call.shop, call.now)
    return HANDLERS.get(call.operation.name, placeholders.make_answer)(call)
