"""Documents without secrets: what is left out, and what becomes of it where they are imported."""

import secrets
from typing import Any

from domain.configuration import SEAL, Configuration, Entry, as_members
from domain.directory import Directory
from domain.errors import InvalidRequestError
from domain.heartbeats import KEY_BYTES
from domain.http_clients import HttpClient
from domain.sources import HeartbeatConfig, Sources, ZeebeCluster, digest
from domain.subscribers import Subscriber
from domain.targets.kinds import WEBHOOK
from service.sealed_values import of_directory, of_sources

# Members that hold secrets, or hashes of them; what is known of a client's certificates goes with its keys.
SECRET_MEMBERS = {
    *("secrets", "sealed_headers", "header_names", "sealed_notify"),
    *("certificate", "basic", "oauth2", "proxy"),
    *("token_hash", "sealed_alert_secret", "key_hash", "sealed_ping_url", "ping_host"),
}


def completed(
    model: type[Any], known: Entry | None, members: dict[str, Any], left_out: list[str] | None
) -> tuple[dict[str, Any], str | None]:
    """Members with what was left out of them: as it is here, or not there; and a new ping key where one is needed.

    Raises:
        InvalidRequestError: it cannot be without.
    """
    if left_out is None:
        return members, None
    # Nothing that is said to be left out is taken from the document, where it would be under no seal.
    members = {name: value for name, value in members.items() if name not in SECRET_MEMBERS | {SEAL}}
    if known is not None:
        return members | {name: value for name, value in as_members(known).items() if name in SECRET_MEMBERS}, None
    if model is HeartbeatConfig:
        key = secrets.token_urlsafe(KEY_BYTES)
        return members | {"key_hash": digest(key)}, key
    if model is HttpClient or (model is Subscriber and members.get("target", WEBHOOK) != WEBHOOK):
        noun = "http-client" if model is HttpClient else "subscriber"
        raise InvalidRequestError(
            reason=f"the document is without its {', '.join(left_out)}: add it (im {noun} add) and import again"
        )
    return members | ({"enabled": False} if model is Subscriber else {}), None


def left_to_do(model: type[Any], name: str, left_out: list[str] | None) -> str | None:
    """What to do about an entry that was added without something."""
    if not left_out:
        return None
    told = f"without its {', '.join(left_out)}"
    if model is Subscriber:
        return f"{told}, so it is disabled: im subscriber update {name} --secret - --enabled"
    return f"{told}: im zeebe cluster update {name}" if model is ZeebeCluster else told


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

    def stripped(label: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {n: v for n, v in each.items() if n not in SECRET_MEMBERS | {SEAL}}
            if f"{label} {each['name']}" in omitted
            else each
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
