#!/usr/bin/env bash
# A payout booked on 31 December 2025 is dated 31 December 2026 by two readers of bank statements.
#
# Library: mt940js 1.3.5, mt940-js 1.0.0 (npm); mt-940 5.1.1 (PyPI) beside them
# Guess:   a statement line has its value date with the year and its entry date as month and day. A reader adds the year
#          that brings the two closest, so a payout entered on 31 December with value of 2 January is one of the old
#          year.
# Really:  both JavaScript readers take the year of the value date: entry date 2026-12-31 for value date 2026-01-02, one
#          year late and after the statement was written. The Python reader says 2025-12-31. A test with any other day
#          passes.
# Matters: bookkeeping by entry date, which is the day on which the money was there: payouts around New Year fall into
#          the wrong tax year, and are missing in the right one. Take the year that brings it nearest the value date.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
npm install --silent --prefix "$dir" mt940js@1.3.5 mt940-js@1.0.0 tslib@1.14.1
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check mt-940==5.1.1

printf '%s\r\n' ':20:1' ':25:12345678/0123456789' ':28C:1/1' ':60F:C260101GBP1000,00' \
  ':61:2601020102C12,50NTRFTTS-1' ':86:SETTLEMENT 1' ':61:2601021231C7,50NTRFTTS-2' ':86:SETTLEMENT 2' \
  ':62F:C260102GBP1020,00' '-' > "$dir/statement.sta"

cd "$dir"
cat > read.js <<'JS'
const fs = require("node:fs");
const { Parser } = require("mt940js");
const { read } = require("mt940-js");

const file = fs.readFileSync("statement.sta");
const show = (name, lines, day) => console.log(name, lines.map((line) => day(line.entryDate)).join(" "));
const [statement] = new Parser().parse(file.toString());
show("mt940js", statement.transactions, (date) => date.toISOString().slice(0, 10));
read(file).then(([{ transactions }]) => show("mt940-js", transactions, (date) => date));
JS
cat > read.py <<'PY'
import mt940

print("mt-940", *(line.data["entry_date"] for line in mt940.parse("statement.sta")))
PY
seen="$(node read.js && venv/bin/python read.py)"
echo "$seen"
[[ "$seen" == "mt940js 2026-01-02 2026-12-31
mt940-js 2026-01-02 2026-12-31
mt-940 2026-01-02 2025-12-31" ]]
