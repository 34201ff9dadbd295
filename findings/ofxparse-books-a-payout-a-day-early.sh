#!/usr/bin/env bash
# A payout of 1 June is dated 31 May, wherever the bank's clock is ahead of Greenwich.
#
# Library: ofxparse 0.21; ofxtools 1.1.1 beside it
# Guess:   the date of a bank's entry is a day of the bank's calendar. Where a file gives it with a time zone, a reader
#          keeps the zone or says that it has turned the time into another one.
# Really:  banks write the day as its midnight, "20260601000000[+1:BST]". ofxparse takes the offset off, so that UTC
#          remains, and returns a datetime without a zone: 2026-05-31 23:00, whose date() is the day before. West of
#          Greenwich, and with times at noon or without a zone, the day is right, which is what tests and examples have.
#          ofxtools returns the same moment and says that it is UTC.
# Matters: payouts matched with statements by day, and months closed by date: in London from April to October, and in
#          Berlin, Bangkok or Singapore all year, the payouts of the first of a month fall into the month before. Set
#          the zone to UTC and turn it into the bank's before taking the date.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check ofxparse==0.21 ofxtools==1.1.1

"$dir/venv/bin/python" - <<'PY'
import io
from datetime import UTC

from ofxparse import OfxParser
from ofxtools.Parser import OFXTree

FILE = """OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20260630<LANGUAGE>ENG</SONRS>
</SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>GBP
<BANKACCTFROM><BANKID>1<ACCTID>2<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260601<DTEND>20260630
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>{}<TRNAMT>12.50<FITID>1<NAME>PAYOUT</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>12.50<DTASOF>20260630</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""


def read_ofxparse(file):
    return OfxParser.parse(file).account.statement.transactions[0].date


def read_ofxtools(file):
    tree = OFXTree()
    tree.parse(file)
    return tree.convert().statements[0].transactions[0].dtposted


def read(posted):
    seen = [reader(io.BytesIO(FILE.format(posted).encode())) for reader in (read_ofxparse, read_ofxtools)]
    print(f"{posted:26} ofxparse {seen[0]}         ofxtools {seen[1]}")
    assert seen[0].tzinfo is None
    assert seen[1] == seen[0].replace(tzinfo=UTC)
    return str(seen[0].date())


assert read("20260601") == read("20260601120000[+1:BST]") == read("20260601000000[-5:EST]") == "2026-06-01"
assert read("20260601000000[+1:BST]") == read("20260601000000[+8:SGT]") == "2026-05-31"
PY
