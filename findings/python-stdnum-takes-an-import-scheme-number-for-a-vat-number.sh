#!/usr/bin/env bash
# The number under which a marketplace declares its imports passes as a buyer's VAT number.
#
# Library: python-stdnum 2.2 (PyPI), jsvat 2.5.4 (npm)
# Guess:   stdnum.eu.vat checks "a 2 letter country code followed by a number allocated per country", by the rules of
#          that country: what passes is the form of a VAT number of some member state, which may be looked up (VIES).
# Really:  it takes the numbers of the one stop shops too, which no buyer has: IM3720001234 (import scheme, IOSS) and
#          EU372022452 (non-union scheme) are valid. No check digit is worked out, so a mistyped one is valid as well.
#          guess_country() knows no country for them, and the module's page does not speak of them. jsvat refuses the
#          import scheme's, and takes the other. stdnum.eu.oss is there for those numbers.
# Matters: invoices and orders of firms: where the IOSS number of a parcel's customs form stands in the column of tax
#          numbers, "valid" makes a private sale one between firms, without tax. Ask the module of the member state, or
#          refuse what guess_country() knows no country for.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check python-stdnum==2.2
npm install --silent --prefix "$dir" jsvat@2.5.4

cd "$dir"
cat > check.py <<'PY'
from stdnum.eu import oss, vat

for number in ("DE136695976", "DE136695978", "IM3720001234", "IM3720001235", "EU372022452"):
    print(number, vat.is_valid(number), vat.guess_country(number), oss.is_valid(number))
PY
cat > check.js <<'JS'
const { checkVAT, countries } = require("jsvat");

for (const number of ["DE136695976", "IM3720001234", "EU372022452"]) {
  console.log("jsvat", number, checkVAT(number, countries).isValid);
}
JS
seen="$(venv/bin/python check.py && node check.js)"
echo "$seen"
[[ "$seen" == "DE136695976 True ['de'] False
DE136695978 False [] False
IM3720001234 True [] True
IM3720001235 True [] True
EU372022452 True [] True
jsvat DE136695976 true
jsvat IM3720001234 false
jsvat EU372022452 true" ]]
