"""The key file of a development machine: sealing keys that a running process may see added to."""

import base64
import hashlib
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from activities.sealing import KEY_BYTES, Keyring, parse_keys


@dataclass(frozen=True)
class KeyFile:
    """A file of keys in the form of IM_SECRET_KEYS, readable by its owner only; it exists."""

    path: Path

    @property
    def origin(self) -> str:
        """Tells this file from others, those of other machines included, without saying where it is."""
        place = f"{socket.gethostname()}:{self.path.resolve()}"
        return hashlib.sha256(place.encode()).hexdigest()[:8]

    def keyring(self) -> Keyring:
        """Its keys, which are read again when a value turns up that none of them opens."""
        return Keyring(parse_keys(self.path.read_text().strip(), str(self.path)), self.keyring, self.origin)

    def add(self) -> None:
        """Put a new key in front. The file is replaced in one step: a crash leaves the old keys or all of them."""
        temporary = self.path.with_name(f".{self.path.name}-{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{fresh_key()},{self.path.read_text().strip()}\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)


def fresh_key() -> str:
    """A new key as it is written: ``id:base64``."""
    return f"dev-{secrets.token_hex(3)}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"
