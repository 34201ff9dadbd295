"""The simulated TikTok Shop: a platform of its own to talk to, with checks written apart from the client's."""

from mcp_server_tiktok_shop.sandbox.gateway.faults import KINDS, Fault, Faults, Gate
from mcp_server_tiktok_shop.sandbox.gateway.log import Entry
from mcp_server_tiktok_shop.sandbox.gateway.tokens import SellerAccount
from mcp_server_tiktok_shop.sandbox.sandbox import Sandbox

__all__ = ["KINDS", "Entry", "Fault", "Faults", "Gate", "Sandbox", "SellerAccount"]
