"""Decides which part of a write's answer is recorded, and what is said if the answer can't be shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.value_texts import flatten
from mcp_server_tiktok_shop.catalog.amounts import MONEY_WORDS
from mcp_server_tiktok_shop.money import parse_amount

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json

MAX_AUDITED_IDS = 40  # of one name in an entry of the audit log
ID_NAME_PATTERN = re.compile(r"(^|_)ids?$|^event_type$")  # by which alone a webhook is known
ID_PATTERN = re.compile(r"[\w.:/-]{1,64}", re.ASCII)
UNSHOWN_NOTE = (
    "Done: the platform carried it out. Its answer can't be shown; the server's log says why. Do not repeat it."
)
PERSON_WORDS = ("buyer", "user", "creator")  # whose ids stay out of the audit log
CHOICE_WORDS = ("service", "provider")  # whose ids in an answer name what was chosen, not what was made


def make_unshown_result(request_id: str | None) -> Json:
    """What is said of a write that was done, where nothing of its answer can be shown."""
    known_id = {"request_id": request_id} if request_id else {}
    return known_id | {"note": UNSHOWN_NOTE}


def collect_ids(value: Any) -> Json:
    """The ids in arguments or an answer, by path: what the audit log may hold of them, so none of persons."""
    ids_by_name: dict[str, list[str]] = {}
    for path, leaf in flatten(value) if isinstance(value, dict) else ():
        name = re.sub(r"\[\d+\]| \(.*\)", "", path)
        last = name.rpartition(".")[2]
        if not ID_NAME_PATTERN.search(last) or any(person in name for person in PERSON_WORDS):
            continue
        ids = [text for text in str(leaf).split(", ") if ID_PATTERN.fullmatch(text)]
        collected_ids = ids_by_name.setdefault(name, [])
        collected_ids += [text for text in ids if text not in collected_ids][: MAX_AUDITED_IDS - len(collected_ids)]
    return {name: ids[0] if len(ids) == 1 else ids for name, ids in ids_by_name.items() if ids}


def collect_made_ids(answer: Json) -> Json:
    """The ids in an answer of what the write made."""
    made = collect_ids(answer)
    return {name: ids for name, ids in made.items() if not any(word in name for word in CHOICE_WORDS)}


def collect_amounts(answer: Json) -> dict[str, str]:
    """The amounts of money in an answer, each with the currency beside it, by path: `{"service.price": "4.35 USD"}`."""
    amounts: dict[str, str] = {}
    has_currency = isinstance(answer.get("currency"), str)
    for name, value in answer.items():
        if isinstance(value, dict):
            amounts |= {f"{name}.{path}": amount for path, amount in collect_amounts(value).items()}
        elif has_currency and any(word in name for word in MONEY_WORDS) and isinstance(value, str):
            amounts |= {name: f"{value} {answer['currency']}"} if parse_amount(value) is not None else {}
    return amounts
