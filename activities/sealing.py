"""Sealing: secrets are encrypted before they enter Temporal and opened only where they are used.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce. A sealed value reads ``sealed:v1:<key id>:<base64>``; the
key id and the purpose (such as ``subscriber/ops/secret``) are authenticated, so a value cannot be moved elsewhere.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import SealingKeyError
from domain.keys import KEY_COMES_BY
from domain.resealing import SEALED

KEY_BYTES = 32
NONCE_BYTES = 12
MAX_KEYS = 16  # a worker tells the ids of all of them in its identity, which Temporal limits to 1,000 characters
NAMED = "IM_SECRET_KEYS"
MAKE_A_KEY = 'echo "k1:$(head -c 32 /dev/urandom | base64)"'
KEY_FIX = (
    "Copy it whole from where it was made: every process has the same IM_SECRET_KEYS, id:base64 of 32 bytes. "
    f"The first of a new deployment is made by: {MAKE_A_KEY}"
)
_PREFIX = SEALED.removesuffix(":")


class Keyring:
    """The sealing keys of a deployment; the first one seals, all of them open.

    Args:
        keys: pairs of key id (1 to 32 letters, digits, dashes) and 32 bytes.
        reread: reads the keys again, where they may change while the process runs: those of a key file.
        origin: tells one key file from another; empty for keys of the environment.
    """

    def __init__(
        self, keys: Sequence[tuple[str, bytes]], reread: Callable[[], "Keyring"] | None = None, origin: str = ""
    ) -> None:
        self._reread = reread
        self.origin = origin
        self._hold(keys)

    def _hold(self, keys: Sequence[tuple[str, bytes]]) -> None:
        named = "the key file" if self.origin else NAMED
        if not keys:
            raise SealingKeyError(reason="no sealing key is configured")
        if len(keys) > MAX_KEYS:
            raise SealingKeyError(reason=f"{named}: there are {len(keys)} sealing keys; {MAX_KEYS} are the most")
        for key_id, key in keys:
            if len(key) != KEY_BYTES:
                reason = f"{named}: sealing key {key_id!r} has {len(key)} bytes; {KEY_BYTES} are needed"
                raise SealingKeyError(reason=reason, fix=KEY_FIX)
        if len({key_id for key_id, _ in keys}) < len(keys):
            reason = f"{named}: two sealing keys have the same id"
            raise SealingKeyError(reason=reason, fix="Give each an id of its own.")
        self._keys = tuple(keys)
        self._newest = keys[0][0]
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys}

    @property
    def newest(self) -> str:
        """The id of the key that seals."""
        return self._newest

    @property
    def prints(self) -> dict[str, str]:
        """Of each key, newest first, its id and a fingerprint: 24 bits of a hash, which tell nothing of the key."""
        return {key_id: hashlib.sha256(b"im fingerprint" + key).hexdigest()[:6] for key_id, key in self._keys}

    def sealing_with(self, key_id: str) -> "Keyring":
        """The same keys, with another one that seals."""
        first = [pair for pair in self._keys if pair[0] == key_id]
        return Keyring([*first, *(pair for pair in self._keys if pair[0] != key_id)], self._reread, self.origin)

    def renew(self) -> None:
        """Read a key file again; keys of the environment stay as they are."""
        if self._reread is not None:
            self._hold(self._reread()._keys)  # noqa: SLF001 - another of these

    def seal(self, value: str, purpose: str) -> str:
        """Encrypt a value for one purpose."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, value.encode(), _bound(self._newest, purpose))
        return f"{_PREFIX}:{self._newest}:{base64.b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, purpose: str) -> str:
        """Decrypt a value that was sealed for the same purpose.

        Raises:
            SealingKeyError: the key is not in the ring, or the value was altered or sealed for something else.
        """
        if not sealed.startswith(f"{_PREFIX}:"):
            raise SealingKeyError(reason="a value that should be sealed is not")
        key_id, _, rest = sealed.removeprefix(f"{_PREFIX}:").rpartition(":")
        if key_id not in self._ciphers:
            self.renew()
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            reason = f"a value was sealed with key {key_id!r}, which this process does not have"
            raise SealingKeyError(reason=reason, fix=f"Give it {KEY_COMES_BY}.")
        try:
            raw = base64.b64decode(rest, validate=True)
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound(key_id, purpose)).decode()
        except (InvalidTag, ValueError):
            raise SealingKeyError(reason=f"a value sealed with key {key_id!r} does not open") from None


def _bound(key_id: str, purpose: str) -> bytes:
    return f"{_PREFIX}:{key_id}:{purpose}".encode()


def secret_purpose(subscriber: str) -> str:
    """The purpose of a subscriber's signing secrets."""
    return f"subscriber/{subscriber}/secret"


def headers_purpose(subscriber: str) -> str:
    """The purpose of a subscriber's added request headers."""
    return f"subscriber/{subscriber}/headers"


def http_client_purpose(client: str, part: str) -> str:
    """The purpose of the sealed value of a part of an HTTP client: its key, password, secret or credentials."""
    return f"http-client/{client}/{part}"


def ping_url_purpose(heartbeat: str) -> str:
    """The purpose of a heartbeat's sealed ping URL."""
    return f"heartbeat/{heartbeat}/ping-url"


def notify_purpose(subscriber: str) -> str:
    """The purpose of a subscriber's notify URL."""
    return f"subscriber/{subscriber}/notify"


def parse_keys(text: str, named: str = NAMED) -> list[tuple[str, bytes]]:
    """The keys of ``IM_SECRET_KEYS``: ``id:base64,id:base64``, newest first.

    Args:
        text: what is set, or in the file.
        named: what errors call it.

    Raises:
        SealingKeyError: for anything else; the key material is not in the error.
    """
    keys = []
    for place, part in enumerate(text.split(","), start=1):
        key_id, colon, encoded = part.strip().partition(":")
        if not colon or not key_id.replace("-", "").isalnum() or len(key_id) > 32:
            reason = f"{named}, key {place}: not of the form id:base64"
            raise SealingKeyError(reason=reason, fix=KEY_FIX)
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            reason = f"{named}, key {place} ({key_id}): not base64"
            raise SealingKeyError(reason=reason, fix=KEY_FIX) from None
        if len(key) != KEY_BYTES:
            reason = f"{named}, key {place} ({key_id}): {len(key)} bytes; {KEY_BYTES} are needed"
            raise SealingKeyError(reason=reason, fix=KEY_FIX)
        keys.append((key_id, key))
    return keys
