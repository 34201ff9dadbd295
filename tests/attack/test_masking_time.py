"""Masking takes time in proportion to a text's length, whatever stands in it."""

from __future__ import annotations

import os
import random
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.calls.redaction.free_text import mask_text, strip_invisible
from mcp_server_tiktok_shop.calls.redaction.redactor import redact
from mcp_server_tiktok_shop.catalog.sensitive_fields import SensitiveFields

if TYPE_CHECKING:
    from collections.abc import Callable

SOAK = bool(os.environ.get("SOAK"))
SIZES = (10_000, 100_000, 1_000_000) if SOAK else (10_000, 100_000)
MAX_SECONDS_PER_MB = 30.0  # of the slowest there are; most texts take one
MAX_GROWTH = 30.0  # of the time, where a text grows tenfold
TRIES = 2_000 if SOAK else 60  # of texts made at random
UNITS = [
    *(
        "a",
        "a.",
        "a@",
        "a@a.",
        "1 ",
        "12 ",
        "111 ",
        "1.",
        "1,1",
        "1/",
        "1-",
        "+",
        "(",
        " ",
        "\n",
        "\t",
        "'",
        "@",
        "%40",
    ),
    *(
        "http://",
        "http://a ",
        "Aa ",
        "A1 ",
        "AB1 2",
        "GB12 ABCD ",
        "4111111111111111 ",
        "2020-01-01 ",
        "0a1b2c3d-",
        "€1.",
    ),
    *(
        "my name is ",
        "my name is Aa Bb ",
        "regards ",
        "regards,\n",
        "Via ",
        "calle a ",
        "12 a b c ",
        "12 rue de ",
        "flat 1 ",
    ),
    *(
        "Straße 1 ",
        "1 Some road, ",
        "12 Ab Cd, 12345 Town, ",
        "\u4e00",
        "\u5e02",
        "\u4e00\u5e021",
        "1 ถนน",
        "12 phố a ",
    ),
    *("\u200d", "\U0001f600\ufe0f", "0(", "***", "* ", "[", "{", '"', "\\", '{"a":', '\\"'),
]
TOKENS = [
    *UNITS,
    "St",
    "Road ",
    "de ",
    "l'",
    "Platz ",
    "丁目",
    "番",
    "หมู่",
    "SW1A 1AA",
    "apt ",
    "p.o. box ",
    "cheers ",
    "USD",
    "R$",
    "#",
    "_",
    "é",
]


def measure(mask: Callable[[str], object], text: str) -> float:
    """The seconds of work of the shorter of two runs: what else the computer does is no matter of the text."""
    times = []
    for _ in range(2):
        began = time.thread_time()
        mask(text)
        times.append(time.thread_time() - began)
    return max(min(times), 0.002)  # below, the clock tells more than the text


def repeat(unit: str, size: int) -> str:
    return (unit * (size // len(unit) + 1))[:size]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("mask", [mask_text, strip_invisible])
def test_a_text_ten_times_as_long_takes_about_ten_times_as_long(mask: Callable[[str], object], unit: str) -> None:
    times = [measure(mask, repeat(unit, size)) for size in SIZES]
    assert all(after < MAX_GROWTH * before for before, after in pairwise(times)), times
    assert times[-1] < MAX_SECONDS_PER_MB * SIZES[-1] / 1_000_000, times


def test_texts_put_together_at_random_take_no_longer() -> None:
    drawn = random.Random(6)
    for _ in range(TRIES):
        unit = "".join(drawn.choice(TOKENS) for _ in range(drawn.randint(1, 5)))
        head, tail = drawn.choice(TOKENS), drawn.choice(TOKENS)
        short = measure(mask_text, head + repeat(unit, 8_000) + tail)
        if short > 0.02:
            long = measure(mask_text, head + repeat(unit, 80_000) + tail)
            assert long < MAX_GROWTH * short, (head, unit, tail, short, long)


def redact_orders(count: int, name: str, message: str) -> float:
    """The seconds that an answer of so many orders takes, each with a buyer and a message."""
    orders = [
        {
            "recipient_address": {"name": name.format(n), "full_address": f"{n} {name.format(n)}, {n}"},
            "buyer_message": message,
        }
        for n in range(count)
    ]
    field = SensitiveFields().get_root("get_order_list")
    return measure(lambda _text: redact({"orders": orders}, field, "masked"), "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Ann Other{0}", "Ann Other7 is my name " * 5),
        ("Jalan Jalan Jalan{0}", "jalan jalan jalan " * 10),
        ("\u4e00\u4e01\u4e02{0}", "\u4e00\u4e01\u4e02\u4e03" * 20),
        ("\u4e00\u4e01\u4e02{0}" + "\u4e00" * 80, "\u4e00" * 100),
        ("a " * 60 + "{0}", "a " * 100),
    ],
)
def test_many_buyers_whose_names_begin_alike_take_time_in_proportion(name: str, message: str) -> None:
    few, many = redact_orders(300, name, message), redact_orders(3_000, name, message)
    assert many < MAX_GROWTH * few, (few, many)
    assert many < 15


def test_what_is_looked_for_in_pieces_is_masked_whole() -> None:
    """A name or address longer than what is looked for at once."""
    field = SensitiveFields().get_root("get_order_list")
    words = " ".join(f"Word{n}" for n in range(50))
    signs = "".join(chr(0x4E00 + n) for n in range(150))
    for name in (words, signs):
        order = {"recipient_address": {"name": name}, "buyer_message": f"To {name} please"}
        redacted, _ = redact({"orders": [order]}, field, "masked")
        shown = redacted["orders"][0]["buyer_message"]
        assert "Word7" not in shown
        assert not set(signs) & set(shown)
        assert shown.startswith("To ")
        assert shown.endswith(" please")
