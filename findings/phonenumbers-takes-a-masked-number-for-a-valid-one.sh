#!/usr/bin/env bash
# A phone number that the platform has masked is a valid number for one port of libphonenumber, and none for another.
#
# Library: phonenumbers 9.0.43 (PyPI), libphonenumber-js 1.13.16 (npm)
# Guess:   a number with asterisks in it is no number: parse raises, as it does for text; or is_valid_number says no,
#          since digits are missing.
# Really:  asterisks are dropped like spaces. What is left is a number of fewer digits, and in countries with numbers of
#          several lengths that may be one: "+49 30 ****1234" becomes +49301234, possible and valid, a number in Berlin
#          that is not the buyer's. Elsewhere ("+44 7*** ***123") it is formatted too, and not valid; two buyers with
#          the same visible digits get the same number. libphonenumber-js finds no number in either text.
# Matters: marketplaces mask buyers' phones in most of their answers. A carrier gets a stranger's number, customers are
#          merged by it, and a check by is_valid_number lets it pass. Look for the mask before anything else.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check phonenumbers==9.0.43
npm install --silent --prefix "$dir" libphonenumber-js@1.13.16

"$dir/venv/bin/python" - <<'PY'
from phonenumbers import PhoneNumberFormat, format_number, is_valid_number, parse


def read(text):
    number = parse(text)
    seen = format_number(number, PhoneNumberFormat.E164), is_valid_number(number)
    print(f"phonenumbers      {text:17} {seen[0]} valid: {seen[1]}")
    return seen


assert read("+49 30 ****1234") == ("+49301234", True)
assert read("+49 30 ****5678") == ("+49305678", True)
assert read("+44 7*** ***123") == read("+44 7*****123") == ("+447123", False)
PY

cd "$dir" && node - <<'JS'
const assert = require("node:assert");
const { parsePhoneNumberFromString } = require("libphonenumber-js");

for (const text of ["+49 30 ****1234", "+44 7*** ***123"]) {
  const number = parsePhoneNumberFromString(text);
  console.log("libphonenumber-js", text.padEnd(17), number?.number ?? "no number");
  assert.strictEqual(number, undefined);
}
assert.strictEqual(parsePhoneNumberFromString("+49 30 901234")?.number, "+4930901234");
JS
