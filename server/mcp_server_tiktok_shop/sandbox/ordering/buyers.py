"""Buyers: names that are plainly made up, masked as the platform masks them where it ships itself."""

from __future__ import annotations

from dataclasses import dataclass

from mcp_server_tiktok_shop.sandbox.ids import draw_number, make_id, pick

FIRST_NAMES = [
    "Alex",
    "Sam",
    "Jo",
    "Robin",
    "Kim",
    "Charlie",
    "Pat",
    "Morgan",
    "Lee",
    "Jamie",
    "Casey",
    "Ash",
    "Drew",
    "Quinn",
    "Rowan",
    "Sky",
]
LAST_NAMES = ["Sample", "Example", "Placeholder", "Specimen", "Testfield", "Mockford", "Dummyton", "Fixture"]
STREETS = ["Example Street", "Sample Lane", "Placeholder Road", "Specimen Avenue", "Test Terrace"]
# Region: country, towns with (region, town, postcode), and a number range kept free for fiction.
PLACES: dict[str, tuple[str, list[tuple[str, str, str]], str]] = {
    "GB": (
        "United Kingdom",
        [
            ("England", "London", "ZZ1 1ZZ"),
            ("England", "Leeds", "ZZ2 4ZZ"),
            ("Scotland", "Glasgow", "ZZ5 2ZZ"),
            ("Wales", "Cardiff", "ZZ7 9ZZ"),
            ("England", "Bristol", "ZZ3 8ZZ"),
        ],
        "(+44)7700900{:03d}",
    ),
    "DE": (
        "Germany",
        [("Berlin", "Berlin", "00001"), ("Bayern", "Nürnberg", "00002"), ("Hamburg", "Hamburg", "00003")],
        "(+49)3023125{:03d}",
    ),
    "US": (
        "United States",
        [("Oregon", "Portland", "00001"), ("Texas", "Austin", "00002"), ("Ohio", "Columbus", "00003")],
        "(+1)5035550{:03d}",
    ),
}


@dataclass(frozen=True)
class Buyer:
    user_id: str
    first_name: str
    last_name: str
    phone: str
    email: str
    street: str
    town: str
    district: str
    country: str
    postcode: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


def make_user_id(region: str, index: int) -> str:
    return make_id("7", "buyer", region, index)


def make_buyer(region: str, index: int) -> Buyer:
    """The same person for the same number, wherever it is asked."""
    country, towns, phone = PLACES[region]
    district, town, postcode = towns[draw_number("town", region, index) % len(towns)]
    return Buyer(
        user_id=make_user_id(region, index),
        first_name=pick(FIRST_NAMES, "first", index),
        last_name=pick(LAST_NAMES, "last", index),
        phone=phone.format(draw_number("phone", index) % 1000 if region != "US" else 100 + index % 100),
        email=f"{make_user_id(region, index)[-10:]}@buyers.example",
        street=f"{1 + draw_number('house', index) % 120} {pick(STREETS, 'street', index)}",
        town=town,
        district=district,
        country=country,
        postcode=postcode,
    )


def mask_words(text: str, *, keep: int = 1) -> str:
    """Each word's beginning, then asterisks."""
    return " ".join(word[:keep] + "***" for word in text.split())


def mask_phone(phone: str) -> str:
    return f"{phone[: phone.index(')') + 1]}{'*' * 7}{phone[-2:]}"
