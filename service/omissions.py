"""Documents without secrets: what is left out, and what becomes of it where they are imported."""

import secrets
from dataclasses import dataclass
from typing import Any

from domain.configuration import SEAL, Configuration, Entry, as_members
from domain.directory import Directory
from domain.errors import InvalidRequestError
from domain.heartbeats import KEY_BYTES
from domain.http_clients import HttpClient
from domain.resealing import sealed_in
from domain.sources import HeartbeatConfig, Sources, ZeebeCluster, digest
from domain.subscribers import Subscriber
from domain.targets.kinds import WEBHOOK
from service.sealed_values import PING_URL, of_directory, of_sources, of_subscriber

# Members that hold secrets, or hashes of them; what is known of a client's certificates goes with its keys.
SECRET_MEMBERS = {
    *("secrets", "sealed_headers", "header_names", "sealed_notify"),
    *("certificate", "basic", "oauth2", "proxy"),
    *("token_hash", "sealed_alert_secret", "key_hash", "sealed_ping_url", "ping_host"),
}
# How each is given by hand.
_OPTIONS = {"secret": "--secret -", "headers": "--header NAME=VALUE"}


@dataclass(frozen=True)
class Completed:
    """An entry with what was left out of it.

    Attributes:
        members: to be read.
        key: a new ping key, of a heartbeat that was not there.
        note: what is left to do by hand.
    """

    members: dict[str, Any]
    key: str | None = None
    note: str | None = None


def check_bare(members: dict[str, Any], left_out: list[str] | None) -> None:
    """Refuse an entry of a document without secrets that has some: they are under no seal."""
    if SEAL in members or sealed_in(members):
        raise InvalidRequestError(
            reason="it has a seal or sealed values, and the document says that secrets are omitted: take each document "
            "as it was exported, with secrets or without"
        )
    if left_out is not None and (had := sorted(SECRET_MEMBERS & set(members))):
        raise InvalidRequestError(
            reason=f"it has {', '.join(had)}, which goes with what the document omits: take it out, and change it here "
            "after the import"
        )


def completed(
    model: type[Any], known: Entry | None, members: dict[str, Any], left_out: list[str] | None, *, lent: bool
) -> Completed:
    """What was left out of an entry: as it is here, or not there.

    Args:
        model: what it is.
        known: the entry as it is here, if it is.
        members: of a document without secrets.
        left_out: what the document says was left out of it; None for nothing.
        lent: it names an HTTP client that has credentials here.

    Raises:
        InvalidRequestError: it cannot be without.
    """
    whole, key = members, None
    if left_out is not None and known is not None:
        whole = members | {name: value for name, value in as_members(known).items() if name in SECRET_MEMBERS}
    elif left_out is not None and model is HeartbeatConfig:
        key = secrets.token_urlsafe(KEY_BYTES)
        whole = members | {"key_hash": digest(key)}
    elif left_out is not None and (
        model is HttpClient or (model is Subscriber and members.get("target", WEBHOOK) != WEBHOOK)
    ):
        noun = "http-client" if model is HttpClient else "subscriber"
        raise InvalidRequestError(
            reason=f"the document is without its {', '.join(left_out)}: add it (im {noun} add) and import again"
        )
    if model is Subscriber:
        return _held_back(whole, known, left_out or [], lent=lent)
    return Completed(whole, key, _left_to_do(model, members, left_out) if known is None else None)


def _held_back(members: dict[str, Any], known: Entry | None, left_out: list[str], *, lent: bool) -> Completed:
    """A subscriber: not enabled by a document while it lacks a secret, nor to send another's credentials."""
    if isinstance(known, Subscriber) and known.enabled:
        return Completed(members)
    here = {value.what for value in of_subscriber(known)} if isinstance(known, Subscriber) else set()
    lacking = [what for what in left_out if what not in here]
    update = f"im subscriber update {members.get('name')}"
    if lacking:
        options = " ".join(_OPTIONS[what] for what in lacking if what in _OPTIONS)
        note = f"without its {', '.join(lacking)}, so it is disabled: {update} {options} --enabled"
    elif lent and members.get("enabled", True):
        note = (
            f"it gets the credentials of its HTTP client, so it is disabled: see that it may, then {update} --enabled"
        )
    else:
        return Completed(members)
    if members.get("paused"):  # who is disabled is not paused
        note += f"; it was paused when it was exported, so pause it at once: im subscriber pause {members.get('name')}"
    return Completed(members | {"enabled": False}, note=note)


def check_unmoved(known: Entry | None, wanted: Entry) -> None:
    """Refuse to send secrets that are here where a document without secrets says: nothing vouches for it."""
    if not isinstance(known, Subscriber) or not isinstance(wanted, Subscriber):
        return  # of an HTTP client the proxy and the token URL are left out with the secrets, and kept like them
    if moved := [name for name in ("url", "target", "http_client") if getattr(known, name) != getattr(wanted, name)]:
        raise InvalidRequestError(
            reason=f"it keeps secrets that are here, and the document has another {', '.join(moved)} to send them to: "
            f"change that with im subscriber update {known.name}, or first im subscriber remove {known.name}"
        )


def _left_to_do(model: type[Any], members: dict[str, Any], left_out: list[str] | None) -> str | None:
    """What to do about an entry that was added without something."""
    if not left_out:
        return None
    told = f"without its {', '.join(left_out)}"
    if model is HeartbeatConfig and PING_URL in left_out:
        return f"{told}: im heartbeat update {members.get('name')} --ping-url URL"
    return f"{told}: im zeebe cluster update {members.get('name')}" if model is ZeebeCluster else told


def without_secrets(found: Configuration, directory: Directory, sources: Sources) -> Configuration:
    """The document without secrets, and without hashes of tokens and ping keys; it says of whom they are."""
    values = [*of_directory(directory), *of_sources(sources)]
    omitted: dict[str, list[str]] = {}
    for value in values:
        omitted.setdefault(value.owner, []).append(value.what)
    for cluster in sources.clusters.values():
        if cluster.token_hash:
            omitted.setdefault(f"Zeebe cluster {cluster.name}", []).append("token")
    for name in sources.heartbeats:
        omitted.setdefault(f"heartbeat {name}", []).append("ping key")

    dropped = SECRET_MEMBERS | {SEAL}

    def stripped(label: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {n: v for n, v in each.items() if n not in (dropped if f"{label} {each['name']}" in omitted else {SEAL})}
            for each in entries
        ]

    update = {
        "omitted": {owner: list(dict.fromkeys(whats)) for owner, whats in omitted.items()},
        "http_clients": stripped("HTTP client", found.http_clients),
        "subscribers": stripped("subscriber", found.subscribers),
        "zeebe_clusters": stripped("Zeebe cluster", found.zeebe_clusters),
        "heartbeats": stripped("heartbeat", found.heartbeats),
    }
    return found.model_copy(update=update)
