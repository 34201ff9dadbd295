"""Encrypts secrets for the database with the operator's keys, each bound to its place."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from mcp_server_tiktok_shop.errors import SettingsError, ShopError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

KEY_BYTES = 32
NONCE_BYTES = 12
SEAL_BYTES = NONCE_BYTES + 16  # by which what is sealed grows
KEY_ID_CHARS = 12
KEY_HELP = "make one with `openssl rand -base64 32`"


class ValuePlace(Struct, frozen=True):
    """Where a sealed value lies: one that was moved elsewhere can't be opened there."""

    tenant: str
    owner: str
    field: str

    def to_bytes(self) -> bytes:
        return "\n".join(part.replace("\\", "\\\\").replace("\n", "\\n") for part in self.parts).encode()

    @property
    def parts(self) -> tuple[str, str, str]:
        return (self.tenant, self.owner, self.field)


class ValueCipher:
    """AES-256-GCM with a new nonce for each value. It seals with the first of `keys`, and opens with any."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.key_id = next(iter(keys))

    @classmethod
    def from_setting(cls, setting: SecretStr) -> ValueCipher:
        """The cipher of keys as they are set: 32 bytes in base64 each, the one in force first, separated by commas.

        Raises:
            SettingsError: There is none, or one is no key.

        """
        texts = [text.strip() for text in setting.get_secret_value().split(",") if text.strip()]
        if not texts:
            raise SettingsError(f"TIKTOK_SHOP_DATABASE_KEY is missing: the key that encrypts secrets; {KEY_HELP}")
        return cls({compute_key_id(key): key for key in map(_parse_key, texts)})

    def seal(self, text: str, place: ValuePlace) -> bytes:
        return self.seal_bytes(text.encode(), place)

    def seal_bytes(self, content: bytes, place: ValuePlace) -> bytes:
        """As `seal`, SEAL_BYTES longer than what is in it."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers[self.key_id].encrypt(nonce, content, place.to_bytes())

    def unseal(self, sealed: bytes, key_id: str, place: ValuePlace) -> str:
        """The text that was sealed.

        Raises:
            ShopError: `not_configured`: its key is not set here, or the value is not the one that was sealed.

        """
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            message = f"A secret in the database is encrypted with the key {key_id}, which is not set here."
            hint = "Set TIKTOK_SHOP_DATABASE_KEY to the new key and this one, separated by a comma."
            raise ShopError("not_configured", message, hint=hint)
        try:
            return _decrypt(cipher, sealed, place).decode()
        except (InvalidTag, ValueError):
            message = f"The {place.field} of {place.owner!r} in the database is not what this server stored there."
            raise ShopError(
                "not_configured",
                message,
                hint="Restore the database, or create the value again: sign in, or call again.",
            ) from None

    def unseal_bytes(self, sealed: bytes, key_id: str, place: ValuePlace) -> bytes | None:
        """What was sealed, of what can be had again; None where its key is not set here, or it is not that."""
        cipher = self._ciphers.get(key_id)
        try:
            return None if cipher is None else _decrypt(cipher, sealed, place)
        except (InvalidTag, ValueError):
            return None


def _decrypt(cipher: AESGCM, sealed: bytes, place: ValuePlace) -> bytes:
    """Raises InvalidTag, ValueError."""
    return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.to_bytes())


def compute_key_id(key: bytes) -> str:
    """What stands beside a sealed value to tell its key; it tells nothing of the key."""
    return hashlib.sha256(b"mcp-server-tiktok-shop key id" + key).hexdigest()[:KEY_ID_CHARS]


def _parse_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsError(
            f"TIKTOK_SHOP_DATABASE_KEY holds something that is not a key of {KEY_BYTES} bytes in base64; {KEY_HELP}"
        )
    return key
