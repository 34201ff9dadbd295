#!/usr/bin/env bash
# A client with default query parameters drops the query of every address that it is given.
#
# Library: httpx2 2.16.2
# Guess:   Client(params={"shop": "7"}) adds its parameters to each request, as its headers are added, and as
#          params= of one request is joined with them.
# Really:  the two kinds of params are joined, but a query written in the address is replaced by them: following a
#          next link ".../orders?page_token=T2" sends only "?shop=7". A redirect keeps the query of its Location, so
#          a test through a redirect does not show it, and without default parameters the link works.
# Matters: shop API clients: the key or shop id as a default and a next link by the server are a natural pair. The
#          shop answers with page one for ever: no error, but double rows, or a loop without end.
# Seen:    2026-11-28. That params= of one request replaces the address's query is known of httpx since 0.28; that
#          a client's defaults do so is easily missed, as they are not written at the call.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check httpx2==2.16.2

"$dir/venv/bin/python" - <<'PY'
import httpx2


def answer(request):
    if request.url.path == "/moved":
        return httpx2.Response(307, headers={"location": "/orders?page_token=T2"})
    return httpx2.Response(200, text=request.url.query.decode())


def sent(path, defaults, **options):
    shop = {"base_url": "http://shop.test", "transport": httpx2.MockTransport(answer), "follow_redirects": True}
    with httpx2.Client(params=defaults, **shop) as client:
        return client.get(path, **options).text


seen = {
    "link, no defaults": sent("/orders?page_token=T2", None),
    "params, defaults": sent("/orders", {"shop": "7"}, params={"page_token": "T2"}),
    "redirect, defaults": sent("/moved", {"shop": "7"}),
    "link, defaults": sent("/orders?page_token=T2", {"shop": "7"}),
}
for way, query in seen.items():
    print(f"{way:18} -> {query}")
assert seen == {
    "link, no defaults": "page_token=T2",
    "params, defaults": "shop=7&page_token=T2",
    "redirect, defaults": "page_token=T2",
    "link, defaults": "shop=7",
}
PY
