"""Tokens live, end and are renewed as on the platform; the consent page gives codes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Clock, Json

SHOPS = "/authorization/202309/shops"
GET, REFRESH = "/api/v2/token/get", "/api/v2/token/refresh"
DAY = 24 * 3600


async def token_call(caller: Caller, path: str, **query: str | None) -> Json:
    grant = "authorized_code" if path == GET else "refresh_token"
    asked: dict[str, Any] = {
        "app_key": caller.sandbox.app_key,
        "app_secret": caller.sandbox.app_secret,
        "grant_type": grant,
    }
    asked |= query
    response = await caller.http.get(f"{caller.base_url}{path}", params=asked)
    assert response.status_code == 200
    answer: Json = response.json()
    return answer


async def works(caller: Caller, token: str) -> int:
    response = await caller.send("GET", SHOPS, cipher=None, headers={"x-tts-access-token": token})
    code: int = response.json()["code"]
    return code


async def test_a_code_buys_a_pair_once(caller: Caller, clock: Clock) -> None:
    code = caller.sandbox.authorization_code()
    answer = await token_call(caller, GET, auth_code=code)
    assert (answer["code"], answer["message"]) == (0, "success")
    data = answer["data"]
    assert data["access_token_expire_in"] == int(clock.now) + 7 * DAY
    assert data["refresh_token_expire_in"] > int(clock.now) + 99 * 365 * DAY
    assert data["seller_base_region"] == "GB"
    assert data["user_type"] == 0
    assert "seller.order.info" in data["granted_scopes"]
    assert data["access_token"].startswith("GCP_")
    assert await works(caller, data["access_token"]) == 0
    assert (await token_call(caller, GET, auth_code=code))["code"] == 36004004


async def test_a_code_is_too_old_after_half_an_hour(caller: Caller, clock: Clock) -> None:
    in_time, late = caller.sandbox.authorization_code(), caller.sandbox.authorization_code()
    clock.pass_by(29 * 60)
    assert (await token_call(caller, GET, auth_code=in_time))["code"] == 0
    clock.pass_by(60)
    answer = await token_call(caller, GET, auth_code=late)
    assert (answer["code"], answer["data"]) == (36004004, None)


@pytest.mark.parametrize("wrong", ["app_key", "app_secret", "grant_type"])
async def test_a_wrong_credential_does_not_use_up_the_code(caller: Caller, wrong: str) -> None:
    code = caller.sandbox.authorization_code()
    assert (await token_call(caller, GET, auth_code=code, **{wrong: "no"}))["code"] != 0
    assert (await token_call(caller, GET, auth_code=code))["code"] == 0


async def test_a_renewal_gives_a_new_pair_and_ends_the_old_refresh_token(caller: Caller) -> None:
    account = caller.sandbox.accounts[0]
    old_access, old_refresh = account.access_token, account.refresh_token
    data = (await token_call(caller, REFRESH, refresh_token=old_refresh))["data"]
    assert data["access_token"] == account.access_token != old_access
    assert data["refresh_token"] == account.refresh_token != old_refresh
    assert await works(caller, old_access) == 0
    assert await works(caller, data["access_token"]) == 0
    assert (await token_call(caller, REFRESH, refresh_token=old_refresh))["code"] == 36004004
    assert (await token_call(caller, REFRESH, refresh_token=data["refresh_token"]))["code"] == 0
    assert caller.sandbox.tokens.renewals == 2


async def test_what_a_renewal_kills_can_be_chosen(caller: Caller) -> None:
    tokens, account = caller.sandbox.tokens, caller.sandbox.accounts[0]
    tokens.old_access_token_survives, tokens.old_refresh_token_survives = False, True
    old_access, old_refresh = account.access_token, account.refresh_token
    assert (await token_call(caller, REFRESH, refresh_token=old_refresh))["code"] == 0
    assert await works(caller, old_access) == 36009004
    assert (await token_call(caller, REFRESH, refresh_token=old_refresh))["code"] == 0


async def test_an_access_token_ends_after_seven_days(caller: Caller, clock: Clock) -> None:
    clock.pass_by(7 * DAY - 1)
    assert await works(caller, caller.sandbox.accounts[0].access_token) == 0
    clock.pass_by(1)
    refused = await caller.refused("GET", SHOPS, cipher=None)
    assert refused[:2] == (401, 105002)


async def test_a_token_can_be_made_to_expire_and_renewed(caller: Caller) -> None:
    caller.sandbox.expire_access_token()
    assert await caller.code("GET", SHOPS, cipher=None) == 105002
    await token_call(caller, REFRESH, refresh_token=caller.sandbox.accounts[0].refresh_token)
    assert await caller.call("GET", SHOPS, cipher=None)


async def test_a_revoked_authorization_needs_a_new_consent(caller: Caller) -> None:
    caller.sandbox.revoke()
    account = caller.sandbox.accounts[0]
    assert await caller.code("GET", SHOPS, cipher=None) == 105001
    assert (await token_call(caller, REFRESH, refresh_token=account.refresh_token))["code"] == 36004004
    await token_call(caller, GET, auth_code=caller.sandbox.authorization_code())
    assert await caller.call("GET", SHOPS, cipher=None)


async def test_a_made_up_token_is_garbage(caller: Caller) -> None:
    assert await works(caller, "GCP_made_up") == 36009004


async def test_the_consent_page_leads_back_with_a_code_and_the_state(caller: Caller) -> None:
    caller.sandbox.redirect_url = "https://shop.example/back?from=tiktok"
    page = await caller.http.get(f"{caller.base_url}/open/authorize", params={"service_id": "7", "state": "a&b=1"})
    assert page.headers["content-type"].startswith("text/html")
    agree, decline = (link.replace("&amp;", "&") for link in re.findall(r'href="([^"]+)"', page.text))
    assert agree.startswith("https://shop.example/back?from=tiktok&")
    given, refused = parse_qs(urlsplit(agree).query), parse_qs(urlsplit(decline).query)
    assert given["state"] == refused["state"] == ["a&b=1"]
    assert (await token_call(caller, GET, auth_code=given["code"][0]))["code"] == 0
    assert (refused["code"], refused["error"]) == (["null"], ["auth_denied"])


async def test_without_a_service_there_is_nothing_to_consent_to(caller: Caller) -> None:
    assert (await caller.http.get(f"{caller.base_url}/open/authorize")).status_code == 400
    assert (await caller.http.get(f"{caller.sandbox.redirect_url}")).status_code == 200


async def test_each_seller_of_the_sandbox_can_consent(three: Caller) -> None:
    page = await three.http.get(f"{three.base_url}/open/authorize", params={"service_id": "7", "state": "s"})
    codes = [
        parse_qs(urlsplit(link).query)["code"][0] for link in re.findall(r'href="([^"]+code=[^n"][^"]*)"', page.text)
    ]
    regions = [(await token_call(three, GET, auth_code=code))["data"]["seller_base_region"] for code in codes]
    assert regions == ["GB", "US"]


async def test_tokens_are_never_in_a_repr(caller: Caller) -> None:
    account = caller.sandbox.accounts[0]
    assert account.access_token not in repr(account)
    assert account.shops[0].cipher not in repr(account)
