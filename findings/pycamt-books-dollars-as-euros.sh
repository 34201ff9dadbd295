#!/usr/bin/env bash
# A payout of 120 dollars that came in as 100 euros is read as 120 euros.
#
# Library: pycamt 1.1.1, a reader of camt.053 bank statements
# Guess:   an entry of 100.00 EUR has one or more transactions, whose amounts add up to it; where the bank gives the
#          instructed amount too, in the payer's currency, it stands beside the booked one or carries its own currency.
# Really:  the first Amt anywhere below AmtDtls is taken for the amount, which is the instructed one (InstdAmt) wherever
#          the bank gives it, and the currency is taken from the entry: 120.00 "EUR". A batch whose details have no
#          amounts has the whole entry's amount in each: two parts of 100.00 are 200.00. The balances are right, so the
#          statement does not add up, which nothing compares.
# Matters: a marketplace's payouts in another currency than the account's, and collected ones: income is too high by the
#          exchange rate or by the number of parts. Take the entry's amount, and check it against the balances.
# Seen:    2026-11-30
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check pycamt==1.1.1

"$dir/venv/bin/python" - <<'PY'
from pycamt.parser import Camt053Parser

STATEMENT = """
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
  <GrpHdr><MsgId>1</MsgId><CreDtTm>2026-05-04T10:00:00</CreDtTm></GrpHdr>
  <Stmt><Id>1</Id><CreDtTm>2026-05-04T10:00:00</CreDtTm>
    <Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>
    <Ntry><Amt Ccy="EUR">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
      <BookgDt><Dt>2026-05-04</Dt></BookgDt><BkTxCd/>
      <NtryDtls>{}</NtryDtls></Ntry>
  </Stmt>
</BkToCstmrStmt></Document>
"""
PART = "<TxDtls><Refs><EndToEndId>{}</EndToEndId></Refs>{}</TxDtls>"
BOOKED = '<TxAmt><Amt Ccy="EUR">100.00</Amt></TxAmt>'
INSTRUCTED = '<InstdAmt><Amt Ccy="USD">120.00</Amt></InstdAmt>'


def read(name, *parts):
    details = "".join(PART.format(number, part) for number, part in enumerate(parts, 1))
    found = Camt053Parser(STATEMENT.format(details).strip().encode()).get_transactions()
    amounts = [(part["Amount"], part["Currency"]) for part in found]
    print(f"{name:38} {amounts}")
    return amounts


assert read("booked amount", f"<AmtDtls>{BOOKED}</AmtDtls>") == [("100.00", "EUR")]
assert read("instructed and booked amount", f"<AmtDtls>{INSTRUCTED}{BOOKED}</AmtDtls>") == [("120.00", "EUR")]
assert read("two parts without amounts of their own", "", "") == [("100.00", "EUR")] * 2
PY
