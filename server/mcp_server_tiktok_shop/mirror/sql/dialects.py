"""Explains DuckDB's form of what other SQL dialects write differently, where its own message does not help."""

from __future__ import annotations

import re

# What a statement holds, and what to write in its place. Tried in this order, in statements that failed.
IDIOMS: tuple[tuple[str, str], ...] = (
    (r"\bDATE_FORMAT\s*\(", "DATE_FORMAT: write strftime(create_time, '%Y-%m'); minutes are %M."),
    (r"\bTO_CHAR\s*\(", "TO_CHAR: write strftime(create_time, '%Y-%m-%d')."),
    (r"\b(DATEADD|ADDDATE|ADD_MONTHS|TIMESTAMPADD)\s*\(", "Write create_time + INTERVAL 7 DAY."),
    (r"\b(DATE_SUB|SUBDATE)\s*\(", "DATE_SUB: write create_time - INTERVAL 7 DAY."),
    (r"\b(TIMESTAMPDIFF|DATEDIFF)\s*\(", "Write date_diff('day', earlier, later), the unit first and in quotes."),
    (
        r"\b(CURDATE|GETDATE|SYSDATETIME|GETUTCDATE)\s*\(|\bSYSDATE\b",
        "Write today() for the date, now() for the moment.",
    ),
    (r"\bCONVERT_TZ\s*\(", "Write create_time AT TIME ZONE 'Asia/Tokyo'; in the shop's own: AT TIME ZONE zone."),
    (r"\bDATE_TRUNC\s*\(\s*[\w.]+\s*,", "Write date_trunc('month', create_time), the unit first and in quotes."),
    (r"\b(STR_TO_DATE|TO_DATE|PARSE_DATE)\s*\(", "Write strptime('2026-10-01', '%Y-%m-%d') or DATE '2026-10-01'."),
    (r"\bUNIX_TIMESTAMP\s*\(", "Write epoch(create_time); times here are timestamps, not seconds."),
    (r"\bFROM_UNIXTIME\s*\(", "Times here are timestamps already; of seconds: to_timestamp(seconds)."),
    (r"\bSAFE_DIVIDE\s*\(|\bDIV0\s*\(", "Write a / b: a division by zero gives NULL here."),
    (r"\bSAFE_CAST\s*\(|\bTRY_CONVERT\s*\(", "Write TRY_CAST(x AS DECIMAL(18,2))."),
    (r"\b(NVL|ISNULL)\s*\(", "Write coalesce(a, b)."),
    (r"\bIIF\s*\(", "Write if(condition, a, b) or CASE WHEN condition THEN a ELSE b END."),
    (r"\bDECODE\s*\(", "Write CASE x WHEN a THEN b ELSE c END."),
    (r"\bCONVERT\s*\(", "Write CAST(x AS VARCHAR) or strftime(create_time, '%Y-%m-%d')."),
    (r"\bTO_NUMBER\s*\(", "Write CAST(x AS DECIMAL(18,2))."),
    (r"\bGROUP_CONCAT\s*\(.*\bSEPARATOR\b", "Write string_agg(x, ', ' ORDER BY x)."),
    (r"\bLISTAGG\s*\(|\bWITHIN\s+GROUP\b", "Write string_agg(x, ', ' ORDER BY x); quantile_cont(x, 0.5) for a median."),
    (r"\bSUBSTRING_INDEX\s*\(", "Write split_part(x, ',', 1)."),
    (r"\b(LOCATE|CHARINDEX)\s*\(", "Write instr(text, part)."),
    (r"\bREGEXP_SUBSTR\s*\(", "Write regexp_extract(text, pattern)."),
    (r"\bINITCAP\s*\(", "There is no INITCAP: upper(x[1]) || lower(x[2:])."),
    (r"\bJSON_(TABLE|QUERY|UNQUOTE)\s*\(|\bOPENJSON\s*\(", "Columns are flat; of JSON text: x->>'$.a'."),
    (r"\bSELECT\s+(?:DISTINCT\s+)?TOP\s*\(?\s*\d+", "TOP: write LIMIT 10 at the end."),
    (r"\bLIMIT\s+\d+\s*,\s*\d+", "LIMIT a, b: write LIMIT b OFFSET a."),
    (r"\bWITH\s+TIES\b", "WITH TIES: write QUALIFY rank() OVER (ORDER BY x DESC) <= 10."),
    (r"\bROWNUM\b", "ROWNUM: write LIMIT 10, or row_number() OVER (ORDER BY x)."),
    (r"\bFROM\s+DUAL\b", "Leave FROM DUAL away."),
    (r"\bCONNECT\s+BY\b", "CONNECT BY: write WITH RECURSIVE."),
    (r"\(\+\)", "(+): write LEFT JOIN."),
    (r"\bDATEPART\s*\(\s*\w+\s*,", "Write date_part('month', create_time), the unit in quotes."),
    (r"\bTIME_BUCKET\s*\(", "time_bucket cuts days of UTC: write date_trunc('day', create_time)."),
    (r"(?<!-)->(?!>)", "A lambda is written list_transform(l, lambda x: x + 1)."),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE | re.DOTALL), hint) for pattern, hint in IDIOMS)


def find_dialect_hint(sql: str, message: str) -> str:
    """The hint for a statement that failed with this message; empty where none is known.

    An idiom that the message names comes before others that merely stand in the statement.
    """
    found = [(match[0], hint) for pattern, hint in _COMPILED if (match := pattern.search(sql))]
    for text, hint in found:
        word = re.split(r"\W", text.strip("( "), maxsplit=1)[0]
        if word and word.lower() in message.lower():
            return hint
    return found[0][1] if found else ""
