"""Where the shop's events are to be sent: one address an event, set, listed and taken back."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.service.notices import read_statuses
from mcp_server_tiktok_shop.sandbox.service.webhooks import Webhook

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json


def get_shop_webhooks(call: Call) -> Json:
    rows = [
        {
            "event_type": event,
            "address": webhook.address,
            "create_time": webhook.create_time * 1000,
            "update_time": webhook.update_time * 1000,
        }
        for event, webhook in call.shop.webhooks.items()
    ]
    return {"webhooks": rows, "total_count": len(rows)}


def update_shop_webhook(call: Call) -> Json:
    address, event = call.arguments["address"], call.arguments["event_type"]
    _check_address(address)
    if not call.shop.webhooks:  # what changes from now on is reported
        call.shop.reported_statuses = read_statuses(call.shop, call.now)
    previous = call.shop.webhooks.get(event)
    call.shop.webhooks[event] = Webhook(address, previous.create_time if previous else call.now, call.now)
    return {}


def _check_address(address: str) -> None:
    """An https address with a domain name, without a port."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise RefusalError(98001004, "Invalid 'address': not an address.") from None
    host = parts.hostname or ""
    if parts.scheme != "https" or "." not in host:
        raise RefusalError(98001004, "Invalid 'address': it must begin with 'https://' and a domain name.")
    if port is not None or _is_ip(host):
        raise RefusalError(98001004, "Invalid 'address': neither an IP address nor a port is accepted.")


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def delete_webhook_for_an_event(call: Call) -> Json:
    event = call.arguments["event_type"]
    if call.shop.webhooks.pop(event, None) is None:
        raise RefusalError(98001004, f"Invalid 'event_type': no address is set for '{event}'.")
    return {}
