"""A result is byte for byte what the plain way makes of an answer, and holds no value of a buyer's in any way."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard
from mcp_server_tiktok_shop.calls.results.answer_plans import AnswerPlans
from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
from mcp_server_tiktok_shop.calls.results.normalized_answers import AnswerNormalizer
from mcp_server_tiktok_shop.catalog.sensitive_fields import SENSITIVE_FIELDS_FILE, SensitiveFields
from mcp_server_tiktok_shop.errors import NestingError, ShopError
from mcp_server_tiktok_shop.json_text import parse_json
from mcp_server_tiktok_shop.logs import SecretRedactor
from mcp_server_tiktok_shop.platform.envelope import ApiResponse
from mcp_server_tiktok_shop.state.accounts import Shop
from tests.calls.hostile_answers import SECRET, HostileAnswers
from tests.calls.plain_answers import PlainBuilder, PlainResult
from tests.calls.shapes import paths
from tests.conftest import CATALOG

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_server_tiktok_shop.calls.redaction.redactor import BuyerDataPolicy
    from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore
    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

ANSWERS = 60 if os.environ.get("SOAK") else 4  # hostile ones of each operation, in each of the three modes
SEED = os.environ.get("SOAK_SEED", "7")
OPERATIONS = [operation for operation in CATALOG.operations.values() if operation.uses_platform]
POLICIES: tuple[BuyerDataPolicy, ...] = ("masked", "full", "none")
BUDGETS = (700, 2_000, 35_000)
ZONE = ZoneInfo("Europe/London")
SHOP = Shop(id="7000714532876273420", name="Bench Tea", region="GB", cipher=SecretStr("GCP_x"))
RESULT_ID = "0123456789abcdef"
KINDS = ("name", "phone", "email", "address", "number", "text", "note", "title", "label")
SECRETS = SecretRedactor()
SECRETS.register_secrets(SECRET)


class OneContent:
    """Keeps the content that was last put here."""

    content: str | None = None

    async def put(self, content: bytes, shop_id: str | None, region: str = "") -> str:
        assert (shop_id, region) == (SHOP.id, SHOP.region)
        self.content = content.decode()
        return RESULT_ID


@dataclass(frozen=True)
class Question:
    """One answer to an operation, and what is wanted of it."""

    operation: Operation
    values: Json
    body: bytes
    fields: list[str] | None
    max_bytes: int
    policy: BuyerDataPolicy

    def read_response(self) -> ApiResponse:
        return ApiResponse(parse_json(self.body), "20261122093000", len(self.body))


@cache
def make_builder(policy: BuyerDataPolicy, rules: Path = SENSITIVE_FIELDS_FILE) -> ResultBuilder:
    store = cast("ScopedResultStore", OneContent())
    sensitive_fields = SensitiveFields(rules)
    answers = AnswerNormalizer(AnswerPlans(CATALOG, sensitive_fields), policy)
    return ResultBuilder(CATALOG, sensitive_fields, answers, store, 1, policy)


async def make_quick(question: Question, rules: Path = SENSITIVE_FIELDS_FILE) -> PlainResult:
    store = OneContent()
    base = make_builder(question.policy, rules)
    builder = replace(base, max_bytes=question.max_bytes, result_store=cast("ScopedResultStore", store))
    guard = OutgoingGuard(SECRETS, question.policy)
    result = await builder.read(
        question.operation, question.values, question.read_response(), ZONE, question.fields, SHOP
    )
    return PlainResult(guard.guard_json(result).text, store.content)


def make_plain(question: Question) -> PlainResult:
    builder = PlainBuilder(
        CATALOG, PLAIN_FIELDS, question.max_bytes, question.policy, RESULT_ID, SECRETS.redact_secrets
    )
    return builder.make_result(
        question.operation, question.values, question.read_response(), ZONE, question.fields, SHOP
    )


PLAIN_FIELDS = SensitiveFields()


async def answer_both(question: Question, rules: Path = SENSITIVE_FIELDS_FILE) -> tuple[Any, Any]:
    """What the server makes of an answer, and what the plain way makes of it: a result, or an error."""
    try:
        quick: Any = await make_quick(question, rules)
    except ShopError as error:
        quick = error.to_json()
    try:
        plain: Any = make_plain(question)
    except ShopError as error:
        plain = error.to_json()
    return quick, plain


def draw_fields(operation: Operation, data: Json, drawn: random.Random) -> list[str] | None:
    known = [path for path in dict.fromkeys(paths(data)) if path]
    merged = [f"{path}.quantity" for path in operation.record.get("shows", {}).get("merges", ())]
    match drawn.randrange(6):
        case 0:
            return ["*"]
        case 1 if known:
            return drawn.sample(known, min(len(known), drawn.randrange(1, 5)))
        case 2 if known:
            return [*drawn.sample(known, 1), *merged, drawn.choice(["orders", "nothing.such", "data"])]
        case _:
            return None


def make_body(data: Json, drawn: random.Random) -> bytes:
    text = json.dumps(data, ensure_ascii=drawn.random() < 0.5)
    return text.encode(errors="surrogatepass" if drawn.random() < 0.5 else "replace")


def draw_questions(
    operation: Operation, policy: BuyerDataPolicy, drawn: random.Random
) -> tuple[Question, list[str], list[Question]]:
    """A question of a calm answer with its canaries, and such of hostile ones."""
    answers = HostileAnswers(CATALOG.get_response_shape(operation), PLAIN_FIELDS.get_root(operation.name), drawn)
    rule = operation.record.get("answers_each")
    values: Json = {rule["argument"]: ["1729382256910270000", "5"]} if rule is not None else {}

    def ask(data: Json) -> Question:
        fields = draw_fields(operation, data, drawn)
        return Question(operation, values, make_body(data, drawn), fields, drawn.choice(BUDGETS), policy)

    calm = ask(answers.draw_calm())
    canaries = list(answers.canaries)
    return calm, canaries, [ask(answers.draw_hostile()) for _ in range(ANSWERS)]


def is_readable(question: Question) -> bool:
    try:
        question.read_response()
    except (ValueError, NestingError):
        return False
    return True


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_result_is_what_the_plain_way_makes(policy: BuyerDataPolicy) -> None:
    compared = kept = 0
    for operation in OPERATIONS:
        drawn = random.Random(f"{SEED}{policy}{operation.name}")
        calm, canaries, hostile = draw_questions(operation, policy, drawn)
        for question in (calm, *filter(is_readable, hostile)):
            quick, plain = await answer_both(question)
            assert quick == plain, (operation.name, question.fields, question.body)
            compared += 1
            kept += isinstance(quick, PlainResult) and quick.kept is not None
        quick, _ = await answer_both(calm)
        if policy != "full":
            texts = f"{quick.text}{quick.kept}"
            assert not [canary for canary in canaries if canary in texts], operation.name
    assert compared > len(OPERATIONS) * ANSWERS
    assert kept > 100


@pytest.mark.parametrize("kind", KINDS)
async def test_a_mask_that_is_missing_would_be_noticed(kind: str, tmp_path: Path) -> None:
    rules = json.loads(SENSITIVE_FIELDS_FILE.read_text(encoding="utf-8"))
    rules["everywhere"].pop(kind)
    for operation_rules in rules["operations"].values():
        operation_rules.pop(kind, None)
    (tmp_path / "rules.json").write_text(json.dumps(rules), encoding="utf-8")
    for operation in OPERATIONS:
        calm, _, hostile = draw_questions(operation, "masked", random.Random(f"{SEED}{operation.name}"))
        for question in (calm, *filter(is_readable, hostile)):
            quick, plain = await answer_both(question, tmp_path / "rules.json")
            if quick != plain:
                return
    pytest.fail(f"{kind}: none of the answers shows that it is missing")
