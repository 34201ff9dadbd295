"""Draws answers that nobody would wish for: canaries in buyers' fields, odd values, markup, strange names, tables."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.calls.shapes import filled

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.sensitive_fields import FieldSensitivity

SECRET = "GCP_canary_cipher_77"
ODD: list[Any] = [
    *(None, "", [], {}, "x", "NaN", "0", "0.00", "1,5", 0, -1, 0.0, 7, True, False, 1.5, math.nan, math.inf, 1e300),
    *(10**20, 2**53, -(2**53), 2**53 - 1, 576461413038785752, 1793500000123, "1793500000123", "2026-11-01T09:30:00Z"),
    *(1793500000, 1793500000.0, "1793500000", [None], [[1]], [None, None, "a"], {"id": None}, {"id": 5}, [[[]]]),
    *([{"id": {}}, 3, None], {"columns": [], "rows": []}, {"columns": ["a"], "rows": [["b"], ["c"]]}, {"a": {"b": {}}}),
    *([{}], {"rows": 3}, {"columns": ["phone_number", "id"], "rows": [["+44 7700 900123", 5], [None, 6]]}),
]
TEXTS = [
    "\u202eevil\u202c \u200bwords\u2066 \ufeffhere",
    "<script>alert(1)</script> ![x](https://example.com/?mail=a@b.example)",
    "line\r\nbreak\u2028and\x85more\x00\x1b[31m",
    "\u200b",
    "👩‍💻 family 👨‍👩‍👧 and flag ©️ 1️⃣ ✓\ufe0f a\u200db",
    "日本の東京都千代田区丸の内1-2-3 田中さくら",
    "half \ud83d a character",
    '{"content": "my name is Zachary Quillfeather", "phone_number": "+44 7700 900456", "n": 5}',
    '["\\u202ex", {"role": "BUYER", "name": "Zoltan"}]',
    "call +44 7700 900 123 or mail zz.canary@shop.example, 12 High Street, London",
    '\\"quoted\\" \\u202e and \\\\u202e',
    "0",
    "-0.00",
    f"a secret {SECRET} in the middle",
    "x" * 3000,
    "ñandú — naïve “quotes” \xa0 and \u3000",
    "my name is not on it",
]
NAMES = [
    *("name", "phone_number", "email", "full_address", "avatar", "buyer_message", "seller_note", "title", "shop_name"),
    *("recipient_address", "buyer", "role", "quantity", "placeholder", "errors", "next_page_token", "total_count"),
    *(
        "access_token",
        "cipher",
        "shop_cipher",
        "rows",
        "columns",
        "id",
        "user_id",
        "made_time",
        "create_time",
        "status",
    ),
    *("a.b", "orders.id", "sta\u200btus", "\u200b", "i\u202ed", "ci\u200bpher", "buyer_mes\u2060sage", "ro\u200bws"),
    *("", "0", "ünïcode", "line\nbreak", "[x]", "content", "messages", "text", "sender", "image"),
]
STRANGE_CHARACTERS = ["\u200b", "\u202e", ".", "x"]
ROLES = ["BUYER", "SHOP", "CUSTOMER_SERVICE", "SYSTEM", "ROBOT", 3, None]
FIRST_NAMES = ["Zephyrine", "Quintessa", "Оксана", "田中さくら花", "Zbigniew", "สมชายใจดี"]


@dataclass
class HostileAnswers:
    """Draws answers of one operation; `canaries` are the buyers' values in the last one that was drawn calm."""

    shape: Json
    root: FieldSensitivity
    drawn: random.Random
    canaries: list[str] = field(default_factory=list)

    def draw_calm(self) -> Json:
        """An answer as the platform makes it, with values of buyers in all their fields and in the texts."""
        self.canaries = []
        data = filled(self.shape, items=self.drawn.choice([1, 2, 3]), seed=self.drawn.randrange(100))
        if not isinstance(data, dict):
            data = {}
        texts: list[tuple[Any, Any]] = []
        self._put_values(data, self.root, texts)
        for container, key in texts:
            container[key] = self._draw_text()
        return data

    def draw_hostile(self) -> Json:
        """The same with some places broken."""
        data = self.draw_calm()
        if self.drawn.random() < 0.15:
            self._leave_few(data)
        for _ in range(self.drawn.choice([1, 2, 4, 8])):
            self._break(data)
        return data

    def _put_values(self, data: Json, above: FieldSensitivity, texts: list[tuple[Any, Any]]) -> None:
        for name, value in data.items():
            inner = above.get_child(name)
            if isinstance(value, dict):
                self._put_values(value, inner, texts)
            elif isinstance(value, list):
                for place, item in enumerate(value):
                    if isinstance(item, dict):
                        self._put_values(item, inner, texts)
                    elif isinstance(item, str):
                        self._put_text(value, place, inner, texts)
            elif isinstance(value, str):
                self._put_text(data, name, inner, texts)

    def _put_text(self, container: Any, key: Any, inner: FieldSensitivity, texts: list[tuple[Any, Any]]) -> None:
        if inner.is_personal:
            container[key] = self._make_value(str(inner.kind))
            if inner.kind != "picture":
                self.canaries.append(container[key])
        elif inner.is_free_text or inner.is_untrusted:
            if inner.is_free_text:
                texts.append((container, key))
            else:
                container[key] = f"{container[key]} {self.drawn.choice(['', 'by zz.titled@shop.example', '— fine'])}"

    def _make_value(self, kind: str) -> str:
        number = self.drawn.randrange(10**5, 10**6)
        match kind:
            case "name":
                return f"{self.drawn.choice(FIRST_NAMES)} Quillfeather{number}"
            case "phone":
                return f"+44 7700 {number}"
            case "email":
                return f"zz.canary{number}@shop.example"
            case "address":
                return f"{number} Zymurgy Crescent, Quernmore {number}"
            case _:
                return f"ZQ{number}XJ"

    def _draw_text(self) -> str:
        words = [self.drawn.choice(["Please", "leave it", "with the neighbour", "<b>now</b>", "—", "cancel 2"])]
        words += self.drawn.sample(self.canaries, min(len(self.canaries), self.drawn.randrange(3)))
        words.append(self.drawn.choice(["", "zz.other@shop.example", "thank you", "+49 170 1234567"]))
        text = " ".join(words)
        return json.dumps({"content": text, "n": 12}) if self.drawn.random() < 0.1 else text

    def _break(self, data: Json) -> None:  # noqa: C901 - a case for each fault
        containers = [data, *_iter_containers(data)]
        container = self.drawn.choice(containers)
        keys = list(container) if isinstance(container, dict) else list(range(len(container)))
        key = self.drawn.choice(keys) if keys else None
        match self.drawn.randrange(9):
            case 0 if key is not None:
                container[key] = copy.deepcopy(self.drawn.choice(ODD))
            case 1 if key is not None:
                container[key] = self.drawn.choice(TEXTS)
            case 2 if isinstance(container, dict):
                container[self.drawn.choice(NAMES)] = self._draw_value()
            case 3 if isinstance(container, dict) and key is not None:
                name = str(key)
                place = self.drawn.randrange(len(name) + 1)
                container[name[:place] + self.drawn.choice(STRANGE_CHARACTERS) + name[place:]] = container[key]
            case 4 if isinstance(container, list):
                container.insert(
                    self.drawn.randrange(len(container) + 1), copy.deepcopy(self.drawn.choice([*ODD, *keys]))
                )
            case 5 if isinstance(container, list) and container:
                container += copy.deepcopy(container[: self.drawn.randrange(3)])
            case 6 if isinstance(container, dict):
                container["role"] = self.drawn.choice(ROLES)
            case 7 if key is not None and isinstance(container[key], list):
                container[key] = self._to_table(container[key])
            case 8 if key is not None:
                inner = container[key]
                for _ in range(self.drawn.randrange(30)):
                    inner = [inner] if self.drawn.random() < 0.5 else {self.drawn.choice(NAMES): inner}
                container[key] = inner
            case _ if isinstance(container, dict) and key is not None:
                del container[key]

    def _draw_value(self) -> Any:
        choice = self.drawn.randrange(5)
        if choice == 0:
            return copy.deepcopy(self.drawn.choice(ODD))
        if choice == 1:
            return {self.drawn.choice(NAMES): self._draw_value() for _ in range(self.drawn.randrange(4))}
        if choice == 2:
            return [self._draw_value() for _ in range(self.drawn.randrange(3))]
        return self.drawn.choice([*TEXTS, *self.canaries, SECRET])

    def _to_table(self, rows: list[Any]) -> Json:
        objects = [row for row in rows if isinstance(row, dict)]
        columns = list(dict.fromkeys(name for row in objects for name in row))[: self.drawn.choice([3, 50])]
        return {"columns": columns, "rows": [[row.get(name) for name in columns] for row in objects]}

    def _leave_few(self, data: Json) -> None:
        for container in [data, *_iter_containers(data)]:
            if isinstance(container, dict):
                for name in list(container):
                    if self.drawn.random() < 0.7 and not isinstance(container[name], list):
                        del container[name]


def _iter_containers(value: Any) -> Iterator[Any]:
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield inner
            yield from _iter_containers(inner)
