#!/usr/bin/env bash
# Asked for the public holidays of "GB", three libraries disagree about Easter Monday and the bank holiday in August.
#
# Library: holidays 0.109, workalendar 17.0.0 (PyPI), date-holidays 3.37.0 (npm)
# Guess:   a country's code gives the days on which most of its people are off, and bank holidays are a public fact, for
#          which any of the well-known libraries will do.
# Really:  without a part of the country, holidays gives only what all four parts share: neither Easter Monday nor 31
#          August, and 6 April 2026 counts as the next working day after Maundy Thursday. date-holidays has Easter
#          Monday and not August; workalendar has both, England's. With subdiv="ENG", or new Holidays("GB", "ENG"), all
#          three agree.
# Matters: "GB" is the region of a shop as the platform gives it, and ship-by dates, return windows and payouts are
#          counted in working days. Name the part of the country, or take days off from what the platform says.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check holidays==0.109 workalendar==17.0.0
npm install --silent --prefix "$dir" date-holidays@3.37.0

cd "$dir"
cat > ask.py <<'PY'
from datetime import date

import holidays
from workalendar.europe import UnitedKingdom

DAYS = [date(2026, 4, 6), date(2026, 8, 31)]
calendars = {
    "holidays GB": holidays.country_holidays("GB"),
    "holidays GB ENG": holidays.country_holidays("GB", subdiv="ENG"),
    "workalendar UnitedKingdom": [day for day, _ in UnitedKingdom().holidays(2026)],
}
for name, off in calendars.items():
    print(name, *(day for day in DAYS if day in off))
print("working day after 2 April:", calendars["holidays GB"].get_nth_working_day("2026-04-02", 1))
PY
cat > ask.js <<'JS'
const Holidays = require("date-holidays");

for (const part of [[], ["ENG"]]) {
  const off = new Holidays("GB", ...part).getHolidays(2026).filter(({ type }) => type === "public");
  const days = off.map(({ date }) => date.slice(0, 10));
  console.log("date-holidays GB", ...part, ...["2026-04-06", "2026-08-31"].filter((day) => days.includes(day)));
}
JS
seen="$(venv/bin/python ask.py && node ask.js)"
echo "$seen"
[[ "$seen" == "holidays GB
holidays GB ENG 2026-04-06 2026-08-31
workalendar UnitedKingdom 2026-04-06 2026-08-31
working day after 2 April: 2026-04-06
date-holidays GB 2026-04-06
date-holidays GB ENG 2026-04-06 2026-08-31" ]]
