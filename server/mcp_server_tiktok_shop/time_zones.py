"""Time zones: that of a shop's region, in which its days begin, and those that a person names."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Where a market spans several zones this is a choice, not a fact of the platform: TIKTOK_SHOP_TIME_ZONE overrides it.
ZONE_BY_REGION = {
    "AT": "Europe/Vienna",
    "BE": "Europe/Brussels",
    "BR": "America/Sao_Paulo",
    "CZ": "Europe/Prague",
    "DE": "Europe/Berlin",
    "ES": "Europe/Madrid",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "GR": "Europe/Athens",
    "HU": "Europe/Budapest",
    "ID": "Asia/Jakarta",
    "IE": "Europe/Dublin",
    "IT": "Europe/Rome",
    "JP": "Asia/Tokyo",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NL": "Europe/Amsterdam",
    "PH": "Asia/Manila",
    "PL": "Europe/Warsaw",
    "PT": "Europe/Lisbon",
    "SA": "Asia/Riyadh",
    "SG": "Asia/Singapore",
    "TH": "Asia/Bangkok",
    "US": "America/Los_Angeles",
    "VN": "Asia/Ho_Chi_Minh",
}


def parse_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name.

    Raises:
        ValueError: There is no such zone.

    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone such as Europe/London") from error


def get_region_zone(region: str | None) -> ZoneInfo:
    """The zone in which days begin for shops of a region; UTC for a region that is not known."""
    return ZoneInfo(ZONE_BY_REGION.get(region or "", "UTC"))
