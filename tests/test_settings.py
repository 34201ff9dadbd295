"""Settings are followed as they were meant or refused in a sentence; no secret is in that sentence."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.errors import SettingsError
from mcp_server_tiktok_shop.settings import API_URL, AUTH_URL, SETTINGS, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mcp_server_tiktok_shop.setting_declarations import Setting

SECRET = "hunter2-hunter2"


def refused(environment: Mapping[str, str], flags: Mapping[str, str | None] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings({f"TIKTOK_SHOP_{name}": value for name, value in environment.items()}, flags)
    told = str(caught.value)
    assert "\n" not in told
    assert SECRET not in told
    return told


# ---- names


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("READONLY", "TIKTOK_SHOP_READ_ONLY"),
        ("REED_ONLY", "TIKTOK_SHOP_READ_ONLY"),
        ("APP_SECRETS", "TIKTOK_SHOP_APP_SECRET"),
        ("SANDBX", "TIKTOK_SHOP_SANDBOX"),
        ("CONFIRMS", "TIKTOK_SHOP_CONFIRM"),
        ("TIMEZONE", "TIKTOK_SHOP_TIME_ZONE"),
        ("APP_SECRT_FILE", "TIKTOK_SHOP_APP_SECRET_FILE"),
    ],
)
def test_an_unknown_name_stops_the_start_and_is_told_the_nearest(wrong: str, right: str) -> None:
    told = refused({wrong: SECRET})
    assert f"TIKTOK_SHOP_{wrong}" in told
    assert f"did you mean {right}?" in told


def test_an_unknown_name_stops_the_start_even_where_it_is_empty_or_like_none() -> None:
    refused({"READONLY": ""})
    refused({"": "1"})
    assert "is not a setting" in refused({"XQZW": "1"})


def test_other_names_are_nobodys_business() -> None:
    assert read_settings({"PATH": "/bin", "TIKTOK": "1", "TIKTOKSHOP_X": "1", "MY_TIKTOK_SHOP_X": "1"}).app_key == ""


def test_a_file_is_for_secrets_alone(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("true")
    for name in ("APP_KEY_FILE", "READ_ONLY_FILE", "API_URL_FILE", "HOME_FILE"):
        assert "is not a setting" in refused({name: str(tmp_path / "x")})


def test_every_setting_has_a_variable_and_only_those_that_are_no_secret_a_flag() -> None:
    secrets = {setting.name for setting in SETTINGS if setting.is_secret}
    assert {"app_secret", "access_token", "refresh_token", "proxy"} <= secrets
    for setting in SETTINGS:
        assert setting.variable.startswith("TIKTOK_SHOP_")
        assert setting.help.endswith(".")
    from mcp_server_tiktok_shop.cli.main import main

    flags = {option for parameter in main.params for option in parameter.opts}
    for setting in SETTINGS:
        assert (setting.flag in flags) is not setting.is_secret, setting.name
    assert not any("secret" in flag or "token" in flag or "proxy" in flag for flag in flags)


# ---- values


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("READ_ONLY", "maybe"),
        ("READ_ONLY", "ture"),
        ("READ_ONLY", "2"),
        ("SANDBOX", "si"),
        ("SANDBOX_SHOPS", "2"),
        ("SANDBOX_SHOPS", "three"),
        ("SANDBOX_ORDERS", "0"),
        ("SANDBOX_ORDERS", "200001"),
        ("SANDBOX_ORDERS", "1e3"),
        ("SANDBOX_ORDERS", "\u0663"),
        ("CONFIRM", "always"),
        ("CONFIRM", "writes"),
        ("CONFIRM", "no"),
        ("ERA", "modern"),
        ("LOG_LEVEL", "trace"),
        ("TIME_ZONE", "London"),
        ("TIME_ZONE", "Europe/Londen"),
        ("TIME_ZONE", "../../etc/passwd"),
        ("TIME_ZONE", "/etc/localtime"),
        ("TIME_ZONE", "Europe"),
        ("TIME_ZONE", "+01:00"),
        ("API_URL", "open-api.tiktokglobalshop.com"),
        ("API_URL", "ftp://open-api.tiktokglobalshop.com"),
        ("API_URL", "https://"),
        ("API_URL", "https://api.example?x=1"),
        ("API_URL", "https://api.example/#x"),
        ("API_URL", "https://api.example:99999"),
        ("API_URL", "https://api.example:port"),
        ("API_URL", "https://[::1"),
        ("API_URL", "https://api example"),
        ("API_URL", f"https://user:{SECRET}@api.example"),
        ("API_URL", f"https://:{SECRET}@api.example"),
        ("HOME", "~no-such-user-here/x"),
        ("FILES", "~no-such-user-here/x"),
        ("PROXY", "proxy.example"),
    ],
)
def test_a_value_that_cannot_be_followed_stops_the_start(name: str, value: str) -> None:
    assert refused({name: value}).startswith(f"TIKTOK_SHOP_{name} ")


@pytest.mark.parametrize("host", ["api.example", "10.0.0.1", "127.0.0.1.example", "localhost.example", "0.0.0.0"])  # noqa: S104
def test_plain_http_is_for_this_computer_alone(host: str) -> None:
    for name in ("API_URL", "AUTH_URL"):
        assert "https" in refused({name: f"http://{host}"})
        assert "https" in refused({name: f"HTTP://{host}:8080/path"})


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
def test_plain_http_may_be_used_on_this_computer(host: str) -> None:
    settings = read_settings({"TIKTOK_SHOP_API_URL": f"http://{host}:8765/"})
    assert settings.api_url == f"http://{host}:8765"
    assert settings.is_loopback


def test_without_settings_it_is_the_platform_and_nothing_is_switched_on() -> None:
    settings = read_settings({})
    assert (settings.api_url, settings.auth_url) == (API_URL, AUTH_URL)
    assert API_URL.startswith("https://")
    assert AUTH_URL.startswith("https://")
    assert not settings.is_loopback
    assert not settings.sandbox
    assert not settings.read_only
    assert settings.confirm == "asks"
    assert settings.buyer_data == "masked"
    assert settings.home.is_absolute()
    assert settings.files_folder == settings.home / "files"


@pytest.mark.parametrize("word", ["1", "true", "True", "TRUE", "yes", "on", "ON"])
def test_on_is_on_however_it_is_written(word: str) -> None:
    assert read_settings({"TIKTOK_SHOP_READ_ONLY": word}).read_only


@pytest.mark.parametrize("word", ["0", "false", "False", "no", "off", "", "  "])
def test_off_is_off_however_it_is_written(word: str) -> None:
    assert not read_settings({"TIKTOK_SHOP_READ_ONLY": word}).read_only


@pytest.mark.parametrize("word", [" true", "true\n", "\ttrue "])
def test_a_safety_setting_with_blanks_around_it_is_not_lost(word: str) -> None:
    """Read or refused, but never off."""
    try:
        assert read_settings({"TIKTOK_SHOP_READ_ONLY": word}).read_only
    except SettingsError as error:
        assert "TIKTOK_SHOP_READ_ONLY" in str(error)  # noqa: PT017


@given(st.text(max_size=20))
def test_a_switch_is_never_off_by_misunderstanding(word: str) -> None:
    try:
        on = read_settings({"TIKTOK_SHOP_READ_ONLY": word}).read_only
    except SettingsError:
        return
    assert on or word.strip().casefold() in ("", "0", "false", "no", "off")


@pytest.mark.skipif(os.name == "nt", reason="names of variables know no case there")
def test_one_setting_given_twice_in_different_case_is_not_chosen_silently() -> None:
    environment = {"TIKTOK_SHOP_READ_ONLY": "false", "tiktok_shop_read_only": "true"}
    for given_as in (environment, dict(reversed(environment.items()))):
        with pytest.raises(SettingsError):
            read_settings(given_as)


def test_the_sandbox_and_a_real_address_exclude_each_other() -> None:
    for name in ("API_URL", "AUTH_URL"):
        told = refused({"SANDBOX": "1", name: "https://api.example"})
        assert f"TIKTOK_SHOP_{name}" in told
        assert "sandbox" in told
    assert "--api-url" in refused({"SANDBOX": "1"}, {"api_url": "https://api.example"})
    assert "sandbox" in refused({"API_URL": "http://127.0.0.1:1"}, {"sandbox": "true"})
    assert read_settings({"TIKTOK_SHOP_SANDBOX": "1", "TIKTOK_SHOP_API_URL": ""}).sandbox


def test_the_sandbox_has_a_folder_of_its_own(tmp_path: Path) -> None:
    real = read_settings({"TIKTOK_SHOP_HOME": str(tmp_path)})
    simulated = read_settings({"TIKTOK_SHOP_HOME": str(tmp_path), "TIKTOK_SHOP_SANDBOX": "1"})
    assert real.home_folder.root == tmp_path
    assert simulated.home_folder.root == tmp_path / "sandbox"
    assert simulated.files_folder.is_relative_to(simulated.home_folder.root)


def test_a_flag_wins_over_its_variable(tmp_path: Path) -> None:
    environment = {
        "TIKTOK_SHOP_APP_KEY": "from-the-environment",
        "TIKTOK_SHOP_READ_ONLY": "no",
        "TIKTOK_SHOP_HOME": "/nowhere",
        "TIKTOK_SHOP_LOG_LEVEL": "nonsense",
    }
    flags = {"app_key": "from-a-flag", "read_only": "true", "home": str(tmp_path), "log_level": "debug", "era": None}
    settings = read_settings(environment, flags)
    assert settings.app_key == "from-a-flag"
    assert settings.read_only
    assert settings.home == tmp_path
    assert settings.log_level == "DEBUG"
    assert refused({"ERA": "auto"}, {"era": "modern"}).startswith("--era ")


def test_folders_are_absolute_and_know_the_persons_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings = read_settings({"TIKTOK_SHOP_HOME": "~/state", "TIKTOK_SHOP_FILES": "pictures"})
    assert settings.home == tmp_path / "state"
    assert settings.files_folder == tmp_path / "pictures"


# ---- what a program or a clipboard puts in the place of a value

CREDENTIALS = ["APP_KEY", "APP_SECRET", "ACCESS_TOKEN", "REFRESH_TOKEN", "SERVICE_ID"]
MISWRITTEN = {
    "quotation marks": f'"{SECRET}"',
    "single ones": f"'{SECRET}'",
    "typographic ones": f"\u201c{SECRET}\u201d",
    "one alone": f'{SECRET}"',
    "what JSON leaves behind": f'{SECRET}",',
    "a zero-width space": f"{SECRET[:5]}\u200b{SECRET[5:]}",
    "one at its end": f"{SECRET}\u200b",
    "a byte order mark": f"\ufeff{SECRET}",
    "a soft hyphen": f"{SECRET[:5]}\u00ad{SECRET[5:]}",
    "a line break": f"{SECRET}\n{SECRET}",
    "two values": f"{SECRET} {SECRET}",
    "a Cyrillic letter": f"{SECRET}\u0430",
    "a blank that does not break": f"{SECRET[:5]}\u00a0{SECRET[5:]}",
    "bytes of another encoding": f"{SECRET}\udcff",
}
PLACEHOLDERS = [
    "${TIKTOK_SECRET}",
    "${env:TIKTOK_SECRET}",
    "${input:app-secret}",
    "prefix-${X}",
    "$TIKTOK_SECRET",
    "%TIKTOK_SECRET%",
    "{{secrets.tiktok}}",
    "{{ tiktok }}",
    "<your app secret>",
]


@pytest.mark.parametrize("how", MISWRITTEN)
@pytest.mark.parametrize("name", CREDENTIALS)
def test_what_no_key_or_token_holds_stops_the_start_and_is_not_shown(tmp_path: Path, name: str, how: str) -> None:
    told = refused({name: MISWRITTEN[how]})
    assert told.startswith(f"TIKTOK_SHOP_{name} ")
    assert SECRET[:5] not in told
    if name not in ("APP_KEY", "SERVICE_ID") and "\udcff" not in MISWRITTEN[how] and "order mark" not in how:
        (tmp_path / "secret").write_text(MISWRITTEN[how], encoding="utf-8")
        told = refused({f"{name}_FILE": str(tmp_path / "secret")})
        assert told.startswith(f"TIKTOK_SHOP_{name}_FILE ")
        assert SECRET[:5] not in told


def test_a_flag_is_named_where_the_value_came_from_one() -> None:
    assert refused({}, {"app_key": "${KEY}"}).startswith("--app-key ")


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_placeholder_that_nobody_filled_in_stops_the_start(setting: Setting, placeholder: str) -> None:
    told = refused({setting.name.upper(): placeholder})
    assert told.startswith(f"{setting.variable} holds a placeholder")
    if setting.is_secret:
        assert refused({f"{setting.name.upper()}_FILE": placeholder}).startswith(f"{setting.variable}_FILE holds")


@pytest.mark.parametrize("folder", ["${HOME}/shop", "$HOME/shop", "%APPDATA%\\shop", "C:\\%USERNAME%", "{{home}}/shop"])
def test_a_folder_is_not_made_under_the_name_of_a_variable(folder: str) -> None:
    for name in ("HOME", "FILES"):
        assert refused({name: folder}).startswith(f"TIKTOK_SHOP_{name} holds a placeholder")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_quotation_marks_or_invisible_characters_around_a_value_stop_the_start(setting: Setting) -> None:
    for value in ('"value"', "'value'", "\ufeffvalue", "value\u200b", '""'):
        assert refused({setting.name.upper(): value}).startswith(f"{setting.variable} ")


def test_what_a_name_or_a_password_may_hold_is_taken_as_it_is(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "TIKTOK_SHOP_SHOP": "Caf\u00e9 \u201cLuz\u201d $5 & 100%",
            "TIKTOK_SHOP_PROXY": "http://proxy.example:8080:bob:$pa{ss}%w0rd%",
            "TIKTOK_SHOP_HOME": str(tmp_path / "50% of $money"),
        }
    )
    assert settings.shop == "Caf\u00e9 \u201cLuz\u201d $5 & 100%"
    assert settings.proxy is not None
    assert settings.proxy.password.get_secret_value() == "$pa{ss}%w0rd%"
    assert settings.home == tmp_path / "50% of $money"


@pytest.mark.skipif(os.name == "nt", reason="a folder that is in use can't be removed there")
def test_a_relative_folder_is_refused_where_the_current_one_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert "full path" in refused({"HOME": "state"})


# ---- secrets


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_secrets_file_is_read_as_editors_and_shells_write_it(tmp_path: Path, encoding: str) -> None:
    """With a byte order mark, as Windows' editors do; in UTF-16, as its shell does."""
    (tmp_path / "secret").write_text(f"{SECRET}\r\n", encoding=encoding)
    settings = read_settings({"TIKTOK_SHOP_APP_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.app_secret.get_secret_value() == SECRET


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf\r\n", b" \n"])
def test_an_empty_secrets_file_is_not_taken_for_a_secret_that_is_not_set(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    assert "is empty" in refused({"APP_SECRET_FILE": str(tmp_path / "secret")})


@pytest.mark.parametrize("name", ["APP_SECRET", "ACCESS_TOKEN", "REFRESH_TOKEN"])
def test_a_secret_may_stand_in_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text(f"  {SECRET}\n")
    settings = read_settings({f"TIKTOK_SHOP_{name}_FILE": str(tmp_path / "secret")})
    assert getattr(settings, name.lower()).get_secret_value() == SECRET


def test_the_file_may_be_in_the_persons_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "proxy").write_text(f"http://bob:{SECRET}@proxy.example:8080\n")
    settings = read_settings({"TIKTOK_SHOP_PROXY_FILE": "~/proxy"})
    assert settings.proxy is not None
    assert settings.proxy.password.get_secret_value() == SECRET


def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00secret\xff")
    for path in ("/no/such/file", str(tmp_path), str(tmp_path / "binary"), "~no-such-user-here/secret", "a\0b"):
        told = refused({"APP_SECRET_FILE": path})
        assert "TIKTOK_SHOP_APP_SECRET_FILE" in told


def test_what_stands_in_a_file_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "proxy").write_text(f"nonsense {SECRET}")
    assert refused({"PROXY_FILE": str(tmp_path / "proxy")}).startswith("TIKTOK_SHOP_PROXY_FILE ")


def test_a_secret_given_both_ways_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    environment = {"APP_SECRET": SECRET, "APP_SECRET_FILE": str(tmp_path / "secret")}
    for given_as in (environment, dict(reversed(environment.items()))):
        told = refused(given_as)
        assert "both" in told
        assert "TIKTOK_SHOP_APP_SECRET_FILE" in told


@pytest.mark.parametrize("order", [1, -1])
def test_an_empty_one_of_the_two_does_not_count(tmp_path: Path, order: int) -> None:
    """Configuration blocks keep empty lines for what is not filled in."""
    (tmp_path / "secret").write_text(SECRET)
    filled = {"TIKTOK_SHOP_APP_SECRET": "", "TIKTOK_SHOP_APP_SECRET_FILE": str(tmp_path / "secret")}
    settings = read_settings(dict(list(filled.items())[::order]))
    assert settings.app_secret.get_secret_value() == SECRET
    filled = {"TIKTOK_SHOP_APP_SECRET": SECRET, "TIKTOK_SHOP_APP_SECRET_FILE": ""}
    settings = read_settings(dict(list(filled.items())[::order]))
    assert settings.app_secret.get_secret_value() == SECRET


# Printable ASCII but for quotation marks and what opens a placeholder.
SECRETS = st.text(st.sampled_from("!#%&()*+,-./09:;=?@AZ[]^_az|~"), min_size=4, max_size=40).map(
    lambda t: f"s3cr3t{t}x"
)


@given(SECRETS, SECRETS, SECRETS, SECRETS)
def test_no_secret_is_in_the_repr_of_settings(secret: str, access: str, refresh: str, password: str) -> None:
    assume(not any(character in password for character in "@:/[]%"))
    settings = read_settings(
        {
            "TIKTOK_SHOP_APP_SECRET": secret,
            "TIKTOK_SHOP_ACCESS_TOKEN": access,
            "TIKTOK_SHOP_REFRESH_TOKEN": refresh,
            "TIKTOK_SHOP_PROXY": f"http://proxy.example:8080:bob:{password}",
        }
    )
    assert settings.app_secret.get_secret_value() == secret.strip()
    for shown in (repr(settings), str(settings), f"{settings}"):
        assert "s3cr3t" not in shown
