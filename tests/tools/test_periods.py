"""A period named in words is the one the shop's own calendar means, also where clocks change."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.time_zones import ZONE_BY_REGION
from mcp_server_tiktok_shop.tools.periods import (
    COMPARISON_FORMS,
    PERIOD_FORMS,
    describe_unequal_lengths,
    parse_comparison,
    parse_period,
)

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.tools.periods import Period

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 11, 22, 11, 51, 12, tzinfo=LONDON).timestamp()  # a Sunday
# Every market's zone, and zones whose clocks change at midnight, by half an hour, or over the date line.
ZONES = [
    *map(ZoneInfo, sorted(set(ZONE_BY_REGION.values()))),
    *map(ZoneInfo, ("America/Havana", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia")),
]
zones = st.sampled_from(ZONES)
moments = st.integers(946_684_800, 2_500_000_000)
days = st.dates(date(2000, 1, 1), date(2060, 12, 31))


def in_words(found: Period, zone: ZoneInfo = LONDON) -> tuple[str, str]:
    begins, ends = (datetime.fromtimestamp(moment, zone) for moment in (found.start, found.end))
    return begins.strftime("%Y-%m-%d %H:%M"), ends.strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("today", "2026-11-22", "2026-11-23"),
        ("Yesterday", "2026-11-21", "2026-11-22"),
        ("this week", "2026-11-16", "2026-11-23"),
        ("last week", "2026-11-09", "2026-11-16"),
        ("this month", "2026-11-01", "2026-12-01"),
        (" last  month ", "2026-10-01", "2026-11-01"),
        ("last_month", "2026-10-01", "2026-11-01"),
        ("this year", "2026-01-01", "2027-01-01"),
        ("last year", "2025-01-01", "2026-01-01"),
        ("last 7 days", "2026-11-16", "2026-11-23"),
        ("past 30 days", "2026-10-24", "2026-11-23"),
        ("last 1 day", "2026-11-22", "2026-11-23"),
        ("2026-10", "2026-10-01", "2026-11-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2026", "2026-01-01", "2027-01-01"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
        ("2026-W44", "2026-10-26", "2026-11-02"),
        ("2026-W01", "2025-12-29", "2026-01-05"),
        ("2026-10-01/2026-10-15", "2026-10-01", "2026-10-16"),
        ("2026-10-01..2026-10-15", "2026-10-01", "2026-10-16"),
        ("2026-10-01 to 2026-10-15", "2026-10-01", "2026-10-16"),
        ("2026-09/2026-10", "2026-09-01", "2026-11-01"),
        ("2026-W43/2026-11-02", "2026-10-19", "2026-11-03"),
        ("so far", "2026-11-22", "2026-11-23"),
        ("so far today", "2026-11-22", "2026-11-23"),
        ("this week so far", "2026-11-16", "2026-11-23"),
        ("So far this month", "2026-11-01", "2026-12-01"),
        ("month to date", "2026-11-01", "2026-12-01"),
        ("MTD", "2026-11-01", "2026-12-01"),
        ("the current week", "2026-11-16", "2026-11-23"),
        ("day before yesterday", "2026-11-20", "2026-11-21"),
        ("3 days ago", "2026-11-19", "2026-11-20"),
        ("a week ago", "2026-11-09", "2026-11-16"),
        ("two months ago", "2026-09-01", "2026-10-01"),
        ("week before last", "2026-11-02", "2026-11-09"),
        ("this weekend", "2026-11-21", "2026-11-23"),
        ("last weekend", "2026-11-14", "2026-11-16"),
        ("this quarter", "2026-10-01", "2027-01-01"),
        ("last quarter", "2026-07-01", "2026-10-01"),
        ("Q3", "2026-07-01", "2026-10-01"),
        ("2026-Q1", "2026-01-01", "2026-04-01"),
        ("the last two weeks", "2026-11-09", "2026-11-23"),
        ("last 3 months", "2026-08-23", "2026-11-23"),
        ("7 days", "2026-11-16", "2026-11-23"),
        ("previous week", "2026-11-09", "2026-11-16"),
        ("monday", "2026-11-16", "2026-11-17"),
        ("on Sunday", "2026-11-22", "2026-11-23"),
        ("last sunday", "2026-11-15", "2026-11-16"),
        ("October", "2026-10-01", "2026-11-01"),
        ("in december", "2025-12-01", "2026-01-01"),
        ("last november", "2025-11-01", "2025-12-01"),
        ("oct 2025", "2025-10-01", "2025-11-01"),
        ("31 October", "2026-10-31", "2026-11-01"),
        ("October 31st, 2025", "2025-10-31", "2025-11-01"),
        ("since 2026-11-10", "2026-11-10", "2026-11-23"),
        ("since last monday", "2026-11-16", "2026-11-23"),
        ("from 1 october to 15 october", "2026-10-01", "2026-10-16"),
        ("between september and october", "2026-09-01", "2026-11-01"),
    ],
)
def test_a_period_of_days_begins_and_ends_at_the_shops_midnight(text: str, start: str, end: str) -> None:
    assert in_words(parse_period(text, LONDON, NOW)) == (f"{start} 00:00", f"{end} 00:00")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("last 24 hours", "2026-11-21 11:51", "2026-11-22 11:51"),
        ("2026-10-01T09:00/2026-10-01T17:30", "2026-10-01 09:00", "2026-10-01 17:30"),
        ("2026-10-01t09:00..2026-10-02", "2026-10-01 09:00", "2026-10-03 00:00"),
        ("2026-10-01/2026-10-01T12:00:00Z", "2026-10-01 00:00", "2026-10-01 13:00"),
        ("2026-11-01T00:00:00+01:00/2026-11-01T00:00:00-01:00", "2026-10-31 23:00", "2026-11-01 01:00"),
    ],
)
def test_a_period_may_have_times(text: str, start: str, end: str) -> None:
    assert in_words(parse_period(text, LONDON, NOW)) == (start, end)


def test_a_day_on_which_clocks_change_is_longer_or_shorter() -> None:
    autumn, spring = parse_period("2026-10-25", LONDON, NOW), parse_period("2026-03-29", LONDON, NOW)
    assert (autumn.end - autumn.start, spring.end - spring.start) == (25 * 3600, 23 * 3600)


def test_a_period_is_told_as_the_days_it_is() -> None:
    assert parse_period("last week", LONDON, NOW).description == "2026-11-09 to 2026-11-15"
    assert parse_period("yesterday", LONDON, NOW).description == "2026-11-21"
    assert (
        parse_period("last 1 hour", LONDON, NOW).description == "2026-11-22T10:51:12+00:00 to 2026-11-22T11:51:12+00:00"
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", "recently", "last days", "last 0 days", "last 99999 hours", "2026-13", "2026-02-30", "2026-W54", "20261"),
        *("0000", "1960-01", "9999-12-31", "2026-10-15/2026-10-01", "2026-10-01/", "/", "..", "2026-10-01/soon"),
        *("2026-10-01T09:00", "2026-10-01T10:00/2026-10-01T10:00", "0001-01-01T00:00/2026-01-01"),
    ],
)
def test_what_is_no_period_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ShopError) as caught:
        parse_period(text, LONDON, NOW)
    assert caught.value.kind == "invalid_arguments"
    (problem,) = caught.value.problems
    assert problem.argument == "period"
    assert problem.allowed == PERIOD_FORMS
    assert PERIOD_FORMS in caught.value.hint


@pytest.mark.parametrize(
    ("text", "beside", "start", "end"),
    [
        ("last month", "previous period", "2026-09-01 00:00", "2026-10-01 00:00"),
        ("2026-Q3", "the previous period", "2026-04-01 00:00", "2026-07-01 00:00"),
        ("last week", "previous", "2026-11-02 00:00", "2026-11-09 00:00"),
        ("2026-10-01/2026-10-10", "previous_period", "2026-09-21 00:00", "2026-10-01 00:00"),
        ("2026-10", "last year", "2025-10-01 00:00", "2025-11-01 00:00"),
        ("2024-02-29", "same period last year", "2023-02-28 00:00", "2023-03-01 00:00"),
        ("last month", "2026-01", "2026-01-01 00:00", "2026-02-01 00:00"),
        ("last 24 hours", "previous period", "2026-11-20 11:51", "2026-11-21 11:51"),
        # One that is not over stands beside as much of the other.
        ("last weekend", "previous period", "2026-11-07 00:00", "2026-11-09 00:00"),
        ("this weekend", "previous period", "2026-11-14 00:00", "2026-11-15 11:51"),
        ("today", "previous period", "2026-11-21 00:00", "2026-11-21 11:51"),
        ("this week", "previous period", "2026-11-09 00:00", "2026-11-15 11:51"),
        ("this month", "previous period", "2026-10-01 00:00", "2026-10-22 11:51"),
        ("this month", "last year", "2025-11-01 00:00", "2025-11-22 11:51"),
        # So does one that words name, where it is as many months or days.
        ("this month", "last month", "2026-10-01 00:00", "2026-10-22 11:51"),
        ("this month so far", "2026-09", "2026-09-01 00:00", "2026-09-22 11:51"),
        ("this month", "2025-11", "2025-11-01 00:00", "2025-11-22 11:51"),
        ("this week", "last week", "2026-11-09 00:00", "2026-11-15 11:51"),
        ("today", "yesterday", "2026-11-21 00:00", "2026-11-21 11:51"),
        ("this year", "2024", "2024-01-01 00:00", "2024-11-22 11:51"),
        ("this month", "2026-10-01/2026-10-15", "2026-10-01 00:00", "2026-10-16 00:00"),
        ("last week", "2026-W40", "2026-09-28 00:00", "2026-10-05 00:00"),
        # The same days a week before, as a shop compares a Friday with the Friday before.
        ("yesterday", "same day last week", "2026-11-14 00:00", "2026-11-15 00:00"),
        ("friday", "the same day of the previous week", "2026-11-13 00:00", "2026-11-14 00:00"),
        ("friday", "the friday before", "2026-11-13 00:00", "2026-11-14 00:00"),
        ("friday", "previous friday", "2026-11-13 00:00", "2026-11-14 00:00"),
        ("today", "week_before", "2026-11-15 00:00", "2026-11-15 11:51"),
        ("today", "a week ago", "2026-11-15 00:00", "2026-11-15 11:51"),
        ("last 3 days", "same days last week", "2026-11-13 00:00", "2026-11-15 11:51"),
        ("last 24 hours", "a week earlier", "2026-11-14 11:51", "2026-11-15 11:51"),
        # Another weekday, and that of more than one day, is the last one that has begun.
        ("friday", "thursday", "2026-11-19 00:00", "2026-11-20 00:00"),
        ("last week", "friday", "2026-11-20 00:00", "2026-11-21 00:00"),
    ],
)
def test_a_second_period_is_the_one_before_or_a_year_before(text: str, beside: str, start: str, end: str) -> None:
    period = parse_period(text, LONDON, NOW)
    assert in_words(parse_comparison(beside, period, LONDON, NOW)) == (start, end)


@pytest.mark.parametrize(
    ("text", "beside", "own", "other"),
    [
        ("yesterday", "last week", "1 day", "7 days"),
        ("last week", "yesterday", "7 days", "1 day"),
        ("today", "2026-10", "12 hours", "31 days"),
        ("this month", "2026-10-01/2026-10-15", "21 days", "15 days"),
        ("last hour", "yesterday", "1 hour", "1 day"),
    ],
)
def test_periods_that_are_not_as_long_are_told(text: str, beside: str, own: str, other: str) -> None:
    period = parse_period(text, LONDON, NOW)
    told = describe_unequal_lengths(period, parse_comparison(beside, period, LONDON, NOW), NOW)
    assert told.startswith(f"NOT ALIKE: the period is {own}, compared_with {other}: ")


@given(zones, moments, st.sampled_from(["previous period", "week before", "last year"]))
@pytest.mark.parametrize(
    "text", ["today", "yesterday", "last week", "this month", "last month", "last 30 days", "2024"]
)
def test_what_stands_beside_a_period_by_itself_is_as_long(text: str, zone: ZoneInfo, now: int, beside: str) -> None:
    period = parse_period(text, zone, now)
    assume(period.start + 12 * 3600 < now)
    assert describe_unequal_lengths(period, parse_comparison(beside, period, zone, now), now) == ""


@given(zones, moments, st.integers(1, 400))
def test_hours_are_as_many_a_year_before(zone: ZoneInfo, now: int, count: int) -> None:
    period = parse_period(f"last {count} hours", zone, now)
    before = parse_comparison("last year", period, zone, now)
    assert before.end - before.start == period.end - period.start == count * 3600


@pytest.mark.parametrize("now", ["2026-10-25T01:30+00:00", "2027-03-29T02:30+01:00"])
def test_an_hour_has_one_a_year_before_where_the_clock_is_set_back_or_skipped_it_then(now: str) -> None:
    moment = datetime.fromisoformat(now).timestamp()
    before = parse_comparison("last year", parse_period("last hour", LONDON, moment), LONDON, moment)
    assert before.end - before.start == 3600


def test_a_second_period_that_is_none_is_refused_by_its_own_argument() -> None:
    with pytest.raises(ShopError) as caught:
        parse_comparison("some other time", parse_period("today", LONDON, NOW), LONDON, NOW)
    (problem,) = caught.value.problems
    assert (problem.argument, problem.allowed) == ("compare_with", COMPARISON_FORMS)


def test_every_form_that_a_refusal_names_can_be_read() -> None:
    for form in PERIOD_FORMS.replace(" or ", ", ").split(", "):
        assert parse_period(form.partition(" (")[0], LONDON, NOW).start


@given(st.text(max_size=80))
def test_no_text_breaks_it(text: str) -> None:
    with suppress(ShopError):
        found = parse_period(text, LONDON, NOW)
        assert found.start < found.end
    with suppress(ShopError):
        parse_comparison(text, parse_period("today", LONDON, NOW), LONDON, NOW)


@given(zones, moments, st.integers(1, 400))
def test_days_are_whole_and_the_last_of_them_is_today(zone: ZoneInfo, now: int, count: int) -> None:
    found = parse_period(f"last {count} days", zone, now)
    today = datetime.fromtimestamp(now, zone).date()
    assert found.start <= now < found.end
    assert datetime.fromtimestamp(found.start, zone).date() == today - timedelta(count - 1)
    # The second before belongs to another day, and so does the end.
    assert datetime.fromtimestamp(found.start - 1, zone).date() < today - timedelta(count - 1)
    assert datetime.fromtimestamp(found.end, zone).date() > today == datetime.fromtimestamp(found.end - 1, zone).date()


@given(
    zones, moments, st.sampled_from(["today", "this week", "this month", "this quarter", "this year", "last 9 days"])
)
def test_the_period_before_begins_no_later_and_is_cut_at_the_same_time_of_day(
    zone: ZoneInfo, now: int, text: str
) -> None:
    period = parse_period(text, zone, now)
    before = parse_comparison("previous period", period, zone, now)
    assert before.start < before.end <= period.start <= now < period.end


@given(zones, moments, st.sampled_from(["week", "month", "quarter", "year"]))
def test_the_last_one_ends_where_this_one_begins(zone: ZoneInfo, now: int, unit: str) -> None:
    last, this = parse_period(f"last {unit}", zone, now), parse_period(f"this {unit}", zone, now)
    assert last.start < last.end == this.start <= now < this.end
    assert parse_period("yesterday", zone, now).end == parse_period("today", zone, now).start


@given(zones, days, days)
def test_a_range_is_made_of_its_days_without_gap_or_overlap(zone: ZoneInfo, first: date, last: date) -> None:
    # On Apia's lost day, nothing happened.
    assume(first <= last and (last - first).days < 40 and not first <= date(2011, 12, 30) <= last)
    whole = parse_period(f"{first}/{last}", zone, NOW)
    each = [parse_period(str(first + timedelta(n)), zone, NOW) for n in range((last - first).days + 1)]
    assert (whole.start, whole.end) == (each[0].start, each[-1].end)
    assert all(before.end == after.start for before, after in pairwise(each))
    assert sum(day.end - day.start for day in each) == whole.end - whole.start


@given(zones, st.integers(1975, 2900))
def test_a_year_is_its_months(zone: ZoneInfo, year: int) -> None:
    months = [parse_period(f"{year}-{month:02}", zone, NOW) for month in range(1, 13)]
    whole = parse_period(str(year), zone, NOW)
    assert (whole.start, whole.end) == (months[0].start, months[-1].end)
    assert all(before.end == after.start for before, after in pairwise(months))
