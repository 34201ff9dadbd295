"""What a job is: it reads how things stand, says what becomes of each, and makes the writes that do it.

A job is a subclass of `Job` in `tools/jobs/`, with a record in `catalog/areas/local.json` whose key `job` names the
writes that it sends, and a line in `app.py`. It holds no state and asks nobody: `calls.jobs.runner` previews the plan
as a whole, has it confirmed once, sends step after step by the one `WriteExecutor`, and tells what came of each item.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from msgspec import Struct, field

from mcp_server_tiktok_shop.calls.current_state import CurrentState
from mcp_server_tiktok_shop.calls.results.answer_tables import SHOP_COLUMN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.catalog.operation import Json

T = TypeVar("T")
# Of an item that a preview told of already; notes, since who packs a parcel reads them beside its label.
BRIEF_NAMES = ("order", "seller_sku", "buyer_message", "seller_note")
OutcomeState = Literal["done", "skipped", "failed", "unknown", "not yet"]


class JobItem(Struct, frozen=True):
    """One thing that a job is about: of a kind (`noun`, such as product) and with an `id`; each once in a plan.

    `names` is what a person knows it by: title, seller SKU. `now` and `will_be` are the one value that changes, as a
    short text. Where nothing is to be done with it, `skip_reason` says why, in words that stand alone. Of an
    `is_relative` one `will_be` follows from `now`, as a price raised by a tenth: it is never done twice. `parameters`
    are what `Job.make_steps` needs of it, and whose texts an error of the platform may name it by. Of one that
    `has_words`, `now` and `will_be` are what people wrote to each other, which is not kept. `details` are what
    else a person should see of it before they agree, such as how far `will_be` is from `now`, and no answer repeats.
    One that `is_missing` stands for what was named and is not in this shop. `shop` is set by who runs the job: which of
    several it is in, by a brief name.
    """

    noun: str
    id: str
    names: Json = field(default_factory=dict)
    now: str = ""
    will_be: str = ""
    skip_reason: str = ""
    is_relative: bool = False
    parameters: Json = field(default_factory=dict)
    has_words: bool = False
    details: Json = field(default_factory=dict)
    is_missing: bool = False
    shop: str = ""

    @property
    def key(self) -> str:
        return f"{self.noun} {self.id}"

    def to_json(self) -> Json:
        """The item on one line of a preview."""
        values = {"now": self.now, "will_be": self.will_be, **self.details, "skipped": self.skip_reason}
        return self.identify(self.names) | {name: value for name, value in values.items() if value}

    def identify(self, names: Json) -> Json:
        """What it is, the shop that it is in where there are several, and these names of it."""
        return {self.noun: self.id} | ({SHOP_COLUMN: self.shop} if self.shop else {}) | names


class Step(Struct, frozen=True):
    """One write: the operation's name, its arguments within the platform's limits, and the items that it does.

    `undo_of` is the write in the audit log that it takes back, if it does; how things stand is read anew for that.
    """

    operation: str
    arguments: Json
    items: tuple[JobItem, ...]
    undo_of: str = ""


class Plan(Struct, frozen=True):
    """All that a call is about, those items among it that are skipped.

    `state` holds the things as `JobContext.read_state` read them: warnings come of it, and what was there before a
    write. What it lacks is read once more, write by write. `warnings` are the job's own sentences, `explanations` tell
    what else a person should know of all of it before they agree, or where nothing is left to do. `found` are the names
    in the arguments that mean something here and may do so in another shop as well: each with the place where it
    stands, such as line 5, if it can mean one shop alone, and empty if it means each. `bare_amounts` are the places of
    amounts without a currency that something here is to get. Where it `is_chosen_by_amount`, more may have been meant.
    """

    items: tuple[JobItem, ...]
    state: CurrentState = field(default_factory=CurrentState)
    warnings: tuple[str, ...] = ()
    explanations: tuple[str, ...] = ()
    found: Json = field(default_factory=dict)
    bare_amounts: tuple[str, ...] = ()
    is_chosen_by_amount: bool = False


class Outcome(Struct, frozen=True):
    """What came of an item: `now` is how it stands after it, `reason` why it is not done."""

    item: JobItem
    state: OutcomeState
    reason: str = ""
    now: Any = None

    @property
    def is_as_agreed(self) -> bool:
        """Whether it was done, and stands as a preview said that it would."""
        is_expected = self.now in (None, self.item.will_be) or self.item.has_words
        return self.state == "done" and not self.reason and is_expected

    def to_json(self, *, is_brief: bool = False) -> Json:
        """The item with what came of it; where `is_brief`, a preview told what it is, and is not repeated."""
        item = self.item
        names = {name: value for name, value in item.names.items() if not is_brief or name in BRIEF_NAMES}
        result: Json = item.identify(names) | {"outcome": self.state}
        if self.state == "done":
            before = {"before": item.now} if item.now and not is_brief else {}
            now = self.now if self.now is not None else item.will_be
            reason = {"reason": self.reason} if self.reason else {}
            return result | before | ({"now": now} if now else {}) | reason
        return result | ({"now": item.now} if item.now else {}) | ({"reason": self.reason} if self.reason else {})


class ShopOutcomes(Struct, frozen=True):
    """What came of all items at one of the shops that a call was for, and what it is read by."""

    outcomes: Sequence[Outcome]
    context: JobContext


class Job(Struct, frozen=True):
    """One job; see the head of this module. Nothing but `JobContext` reads the shop for it, and nothing here writes."""

    @abstractmethod
    async def plan(self, values: Json, context: JobContext) -> Plan:
        """What is to become of what: `values` are coerced and validated by the job's record.

        It is called again before anything is sent where time has passed, and must read how things stand anew.

        Raises:
            ShopError: Nothing can be planned: what is named fits nothing, or several things (`refuse_ambiguous`).

        """

    @abstractmethod
    def make_steps(self, items: Sequence[JobItem]) -> list[Step]:
        """The writes for these items, each item in one of them: some of a plan may be done already."""

    def complete_step(self, step: Step, _outcomes: Mapping[str, Outcome]) -> Step:
        """The step with what earlier ones made, such as an id, before it is sent; `outcomes` are by item.

        Raises:
            ShopError: What it needs of them is not there: its items failed, and nothing of them was sent.

        """
        return step

    def find_now(self, item: JobItem, state: Sequence[Json]) -> Any:
        """How an item stands after its write, by the look at the things that it was about; None where that is unknown.

        Each of `state` is an object as `CurrentState.to_json` makes it; unless told otherwise, the item's own.
        """
        return next((dict(thing) for thing in state if thing.get(item.noun) == item.id), None)

    async def finish(self, _shop_outcomes: Sequence[ShopOutcomes]) -> Json:
        """What else the answer holds, made when the writes are done, such as a file of labels.

        `shop_outcomes` are those of all items, shop by shop; also of a job that was cut off and called again, done then
        or before. A `note` in it is told beside the data, `untrusted` are paths with words of others, `item_values`
        what is told in the line of each item, by its key; `is_settled` says that the platform has nothing left to do,
        such as to make a label.

        Raises:
            ShopError: It can't be made; that is told, and what was done stays done.

        """
        return {}


def divide(values: Sequence[T], size: int) -> list[tuple[T, ...]]:
    """The values in batches of at most `size`, as many as the platform takes at once."""
    return [tuple(values[start : start + size]) for start in range(0, len(values), size)]


def group_by_product(items: Sequence[JobItem]) -> dict[str, tuple[JobItem, ...]]:
    """The items by the product that their parameters name: what the platform takes in one write."""
    groups: dict[str, tuple[JobItem, ...]] = {}
    for item in items:
        groups[item.parameters["product_id"]] = (*groups.get(item.parameters["product_id"], ()), item)
    return groups
