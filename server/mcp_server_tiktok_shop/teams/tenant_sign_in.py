"""Signs sellers in to a tenant by links: link and code are used once, on whichever replica they arrive."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.calls.call_limiter import CallLimiter
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.sign_in import find_service
from mcp_server_tiktok_shop.setting_texts import CALLBACK_PATH
from mcp_server_tiktok_shop.state.postgres.sign_in_links import RedeemedLink, SignInLinks, may_be_state

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.platform.sign_in import SignIn, UnsavedPair
    from mcp_server_tiktok_shop.protocol.sign_in_callback import ReturnOutcome
    from mcp_server_tiktok_shop.teams.team_state import TeamState
    from mcp_server_tiktok_shop.teams.tenant_apps import TenantApps

UNSENT_KINDS = ("network", "not_configured", "not_permitted", "internal")  # of an exchange: the code was not sent

RETURNS_A_MINUTE = 60  # at all servers of a database: whoever makes states up gets no further

log = logging.getLogger(__name__)


class TenantSignIn(Struct, frozen=True):
    """What the callback of all tenants does with a seller's code."""

    apps: TenantApps

    async def finish(self, state: str, code: str) -> ReturnOutcome:
        """What became of the sign-in that the state belongs to. A link whose code was not sent stays good."""
        if not may_be_state(state):
            return "unknown"
        links, own_state = SignInLinks(self.apps.state.database), self.apps.state
        owner = f"{own_state.database_id} {CALLBACK_PATH}"  # no tenant's name
        try:
            await CallLimiter(own_state.rate_marks, owner, RETURNS_A_MINUTE).admit()
        except ShopError:
            return "crowded"
        try:
            link = await links.redeem(state)
            if not isinstance(link, RedeemedLink):
                return link
            try:
                async with self.apps.use_app(link.tenant_id) as tenant_app:
                    pair = await tenant_app.app.sign_in.exchange_code(code)
                    return await _store(tenant_app.app.sign_in, pair)
            except ShopError as error:
                log.warning("a seller can't be signed in to %s: %s", link.tenant_id, error.message)
                if error.kind not in UNSENT_KINDS:
                    return "refused" if error.kind == "signed_out" else "unsettled"
                await links.release(state)
        except ShopError as error:
            log.warning("a link of a seller can't be looked up: %s", error.message)
        return "unavailable"


async def make_link(state: TeamState, tenant_id: str) -> str:
    """The address of a new link by which a seller signs in to a tenant.

    Raises:
        ShopError: `not_configured` where the app's key, secret or service id is not known; else as `open_app`.

    """
    app = await state.open_app(tenant_id)
    try:
        await app.tokens.load_accounts()  # which says so where there is no app
        service_id, region = find_service(app.settings.service_id, app.settings.region, app.store.read().app)
        return app.sign_in.build_link(service_id, region, await SignInLinks(state.database).create(tenant_id))
    finally:
        await app.close()


async def _store(sign_in: SignIn, pair: UnsavedPair) -> ReturnOutcome:
    """Store the pair of a code that is spent. While its shops can't be had the seller is signed in all the same."""
    try:
        await sign_in.store(pair)
    except ShopError as error:
        log.warning("a seller's shops can't be had, or the tokens can't be stored: %s", error.message)
        try:
            return "signed_in" if await sign_in.is_stored(pair) else "unstored"
        except ShopError:
            return "unstored"
    return "signed_in"
