"""A proxy is read as people write it: no character of its password is lost, and none is shown."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.errors import SettingsError
from mcp_server_tiktok_shop.proxies import SCHEMES, Proxy, parse_proxy
from mcp_server_tiktok_shop.settings import read_settings

HOSTS = st.sampled_from(["proxy.example", "10.0.0.1", "[2001:db8::1]", "localhost", "Proxy-1.Example", "p_1"])
PORTS = st.integers(1, 65535)
SPELLED = st.sampled_from([*SCHEMES, "HTTP", "Https", "SOCKS5", "Socks5H"])
# What a shell or a form may hold; blanks at the ends are cut off with the rest of the text.
SECRETS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(
    lambda t: t == t.strip()
)
NAMES = SECRETS.filter(lambda text: ":" not in text)
# What also reads as credentials in front: `host:1:user:x@other:2`.
TWO_WAYS = re.compile(r"@(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}/?$")


def parts(proxy: Proxy) -> tuple[str, str, int, str | None, str]:
    return proxy.scheme, proxy.host, proxy.port, proxy.user, proxy.password.get_secret_value()


@given(SPELLED, HOSTS, PORTS)
def test_a_proxy_without_credentials(scheme: str, host: str, port: int) -> None:
    for end in ("", "/"):
        assert parts(parse_proxy(f"{scheme}://{host}:{port}{end}")) == (scheme.lower(), host, port, None, "")


@given(SPELLED, HOSTS, PORTS, NAMES, SECRETS)
@example("http", "proxy.example", 8080, "Bob", "P@ss:Word/#?%41&=+ Ü")
def test_credentials_behind_are_taken_as_they_are(scheme: str, host: str, port: int, user: str, password: str) -> None:
    assume(not TWO_WAYS.search(f"{user}:{password}"))
    proxy = parse_proxy(f"{scheme}://{host}:{port}:{user}:{password}")
    assert parts(proxy) == (scheme.lower(), host, port, user, password)


@given(SPELLED, HOSTS, PORTS, SECRETS, SECRETS)
@example("http", "proxy.example", 8080, "Bob", "P@ss:Word/#?%41&=+ Ü")
@example("http", "proxy.example", 8080, "bob", "123:abc")
def test_credentials_in_front_may_be_percent_encoded(
    scheme: str, host: str, port: int, user: str, password: str
) -> None:
    proxy = parse_proxy(f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{host}:{port}")
    assert parts(proxy) == (scheme.lower(), host, port, user, password)


@pytest.mark.parametrize(
    ("text", "user", "password"),
    [
        ("http://bob:secret@proxy.example:8080", "bob", "secret"),
        ("http://BOB:SeCReT@proxy.example:8080", "BOB", "SeCReT"),
        ("http://bob:p@ss@proxy.example:8080", "bob", "p@ss"),
        ("http://bob:p:ss@proxy.example:8080", "bob", "p:ss"),
        ("http://bob:p/ss@proxy.example:8080/", "bob", "p/ss"),
        ("http://bob:p#s?s@proxy.example:8080", "bob", "p#s?s"),
        ("http://bob:a+b@proxy.example:8080", "bob", "a+b"),
        ("http://bob:12345@proxy.example:8080", "bob", "12345"),
        ("http://bob:100%@proxy.example:8080", "bob", "100%"),
        ("http://bob:%40%3a%2F@proxy.example:8080", "bob", "@:/"),
        ("http://bob%40corp:x@proxy.example:8080", "bob@corp", "x"),
        ("http://bob@proxy.example:8080", "bob", ""),
        ("http://bob:@proxy.example:8080", "bob", ""),
        ("http://:key@proxy.example:8080", "", "key"),
    ],
)
def test_credentials_in_front_may_stand_as_they_are(text: str, user: str, password: str) -> None:
    assert parts(parse_proxy(text)) == ("http", "proxy.example", 8080, user, password)


@pytest.mark.parametrize(
    "text",
    [
        "http://bob:123:abc@proxy.example:8080",
        "http://proxy.example:8080:bob:x@other.example:99",
        "http://proxy.example:8080:bob@corp.example:12345",
    ],
)
def test_what_reads_two_ways_is_refused(text: str) -> None:
    """Either way of reading may send the traffic, and the password with it, to a host that was not meant."""
    with pytest.raises(ValueError):
        parse_proxy(text)


@given(HOSTS, PORTS, NAMES, SECRETS)
def test_credentials_are_never_shown(host: str, port: int, user: str, password: str) -> None:
    proxy = parse_proxy(f"http://{quote(user, safe='')}:{quote(password, safe='')}@{host}:{port}")
    assert str(proxy) == f"http://{host}:{port} (with credentials)"
    assert proxy.url == f"http://{host}:{port}"
    other = parse_proxy(f"http://{quote(user, safe='')}:another@{host}:{port}")
    assert repr(proxy) == repr(other)  # nothing in it depends on the password


@pytest.mark.parametrize(
    "text",
    [
        "proxy.example:8080",
        "bob:hunter2@proxy.example:8080",
        "ftp://bob:hunter2@proxy.example:8080",
        "socks4://bob:hunter2@proxy.example:1080",
        "http:/bob:hunter2@proxy.example:8080",
        "http//bob:hunter2@proxy.example:8080",
        "http://bob:hunter2@proxy.example",
        "http://bob:hunter2@proxy.example:0",
        "http://bob:hunter2@proxy.example:65536",
        "http://bob:hunter2@proxy.example:99999",
        "http://bob:hunter2@proxy.example:port",
        "http://bob:hunter2@:8080",
        "http://bob:hunter2@proxy example:8080",
        "http://bob:hunter2@proxy.example:8080/path",
        "http://bob:hunter2@proxy.example:8080?x=1",
        "http://proxy.example:8080:hunter2",
        "http://[::1:8080:bob:hunter2",
        "hunter2://proxy.example:8080",
        "http://",
        "://hunter2",
        "hunter2",
    ],
)
def test_what_names_no_proxy_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_proxy(text)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(SettingsError) as told:
        read_settings({"TIKTOK_SHOP_PROXY": text})
    assert "hunter2" not in str(told.value)
    assert "bob" not in str(told.value)
    assert str(told.value).startswith("TIKTOK_SHOP_PROXY ")
    assert "\n" not in str(told.value)


@given(st.text(max_size=60).map(lambda text: f"{text}s3cr3tp4ss"))
def test_whatever_is_given_is_read_or_refused_without_a_word_of_it(text: str) -> None:
    try:
        proxy = parse_proxy(text)
    except ValueError as error:
        assert "s3cr3tp4ss" not in str(error)  # noqa: PT017
    else:
        assert 0 < proxy.port < 65536
        assert proxy.host


@given(st.sampled_from(SCHEMES), st.text(alphabet=":@/[]%0123456789ab.-", max_size=40))
def test_whatever_stands_behind_a_scheme_is_read_or_refused(scheme: str, rest: str) -> None:
    try:
        proxy = parse_proxy(f"{scheme}://{rest}")
    except ValueError:
        return
    assert 0 < proxy.port < 65536
    assert proxy.host
    assert "@" not in proxy.url
