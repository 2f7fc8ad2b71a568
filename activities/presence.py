"""How a worker process tells who it is: by the name under which it polls a queue that nothing is put on."""

import os
import socket
from dataclasses import dataclass

from temporalio import activity

from activities.sealing import Keyring


@dataclass(frozen=True)
class Presence:
    """A worker process, as it tells of itself.

    Attributes:
        process: ``pid@host``, under which the Temporal SDK polls all other queues.
        version: of im; empty for a worker of a version that told nothing yet.
        publishing: its ENABLE_EVENT_PUBLISHING.
        keys: fingerprint of each sealing key it had when it started, by key id.
        origin: of its key file, which it reads again when need be; empty for IM_SECRET_KEYS.
    """

    process: str
    version: str = ""
    publishing: bool | None = None
    keys: tuple[tuple[str, str], ...] = ()
    origin: str = ""

    def __str__(self) -> str:
        keys = ",".join(f"{key_id}.{print_}" for key_id, print_ in self.keys)
        told = f"{self.process} im/{self.version} publishing={'on' if self.publishing else 'off'} keys={keys}"
        return f"{told} file={self.origin}" if self.origin else told

    def holds(self, keyring: Keyring, key_id: str) -> bool:
        """Whether it can open what that keyring seals with the key; yes of a worker that tells nothing."""
        if not self.version or (keyring.origin and keyring.origin == self.origin):
            return True
        return (key_id, keyring.prints.get(key_id, "")) in self.keys


def own_presence(keyring: Keyring, version: str, *, publishing: bool) -> Presence:
    """What this process tells of itself."""
    return Presence(
        process=f"{os.getpid()}@{socket.gethostname()}",
        version=version,
        publishing=publishing,
        keys=tuple(keyring.prints.items()),
        origin=keyring.origin,
    )


def read_presence(identity: str) -> Presence:
    """What a poller's identity tells."""
    process, *rest = identity.split(" ")
    parts = dict(part.partition("=")[::2] for part in rest if "=" in part)
    version = next((part.removeprefix("im/") for part in rest if part.startswith("im/")), "")
    keys = (part.rpartition(".")[::2] for part in parts.get("keys", "").split(",") if part)
    publishing = parts["publishing"] == "on" if "publishing" in parts else None
    return Presence(process, version, publishing, tuple(keys), parts.get("file", ""))


@activity.defn(name="present")
async def present() -> None:
    """Nothing: a worker must know at least one activity. Never started."""
