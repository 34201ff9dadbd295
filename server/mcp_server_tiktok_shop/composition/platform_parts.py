"""Builds what talks to the platform: tokens, the client that calls it, paging and sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.platform.authorization import AuthTransport
from mcp_server_tiktok_shop.platform.client import DiscoveryOperations, PlatformClient
from mcp_server_tiktok_shop.platform.failed_calls import FailureRules
from mcp_server_tiktok_shop.platform.order_owners import OrderOwners
from mcp_server_tiktok_shop.platform.paging import Paginator
from mcp_server_tiktok_shop.platform.rate_limits import InMemoryRateLimiter
from mcp_server_tiktok_shop.platform.request_sender import RequestSender
from mcp_server_tiktok_shop.platform.sign_in import SignIn
from mcp_server_tiktok_shop.platform.signed_requests import ApiTransport
from mcp_server_tiktok_shop.platform.tokens import TokenProvider
from mcp_server_tiktok_shop.settings import AUTH_URL
from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.composition.foundation import Foundation


class PlatformParts(Struct, frozen=True):
    """All that talks to TikTok; `order_owners` know whose orders are that were read."""

    tokens: TokenProvider
    client: PlatformClient
    paginator: Paginator
    sign_in: SignIn
    order_owners: OrderOwners


def build_platform_parts(foundation: Foundation, call_timeout_s: float) -> PlatformParts:
    """`call_timeout_s` is the deadline of one call, retries included."""
    settings, stores, secrets = foundation.settings, foundation.stores, foundation.secrets
    auth = AuthTransport(foundation.transport, settings.auth_url, foundation.guard.redact_platform_words)
    tokens = TokenProvider(
        stores.accounts,
        auth,
        PartnerApp.from_texts(settings.app_key, settings.app_secret),
        settings.app_key,
        foundation.runtime.clock,
        Account.from_first_pair(settings.app_key, settings.access_token, settings.refresh_token),
        secrets,
        foundation.metrics,
    )
    client = _build_client(foundation, tokens, call_timeout_s)
    consent_url = "" if settings.auth_url == AUTH_URL else settings.auth_url
    return PlatformParts(
        tokens,
        client,
        Paginator(foundation.catalog, client, settings.time_zone),
        SignIn(tokens, auth, client.shops, foundation.catalog, stores.oauth_states, secrets, consent_url),
        OrderOwners(),
    )


def _build_client(foundation: Foundation, tokens: TokenProvider, call_timeout_s: float) -> PlatformClient:
    settings, runtime, stores = foundation.settings, foundation.runtime, foundation.stores
    failure_rules = FailureRules(foundation.catalog, runtime.jitter)
    sender = RequestSender(
        ApiTransport(foundation.transport, settings.api_url, runtime.clock, foundation.guard.redact_platform_words),
        tokens,
        InMemoryRateLimiter(runtime.monotonic, runtime.sleep, stores.rate_marks),
        failure_rules,
        stores.write_marks,
        foundation.metrics,
        runtime.monotonic,
    )
    discovery = DiscoveryOperations(
        foundation.operations.get("get_authorized_shops"), foundation.operations.get("get_authorized_category_assets")
    )
    return PlatformClient(sender, tokens, runtime, failure_rules, discovery, call_timeout_s, settings.shop)
