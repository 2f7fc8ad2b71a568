"""What a check-up makes of workers, keys, certificates and subscribers: findings, each with its fix."""

import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from activities.presence import Presence
from domain import uncounted
from domain.checkup import Finding, error, number, ok, warning
from domain.directory import MAX_DIRECTORY_BYTES, Directory
from domain.health import Health, HealthStatus
from domain.heartbeats import Status
from domain.keys import KEY_COMES_BY, KeyReport
from domain.pauses import RECOMMENDED_PAUSE_AFTER
from domain.sources import MAX_SOURCES, Sources
from domain.subscribers import Subscriber
from domain.timing import in_short
from service.heartbeat_views import HeartbeatView

NEARLY_FULL = 0.8


def of_workers(workers: Iterable[Presence], mine: str) -> list[Finding]:
    """Whether there are workers, all of one version, and whether they publish or not alike."""
    workers = list(workers)
    if not workers:
        message = "none runs: nothing is delivered (what was accepted waits in Temporal), and what only a worker knows "
        message += "was not looked at: queues, keys, registries, heartbeats"
        return [error("workers", message, "Start one: im serve or im worker. Then ask again.")]
    told = [worker for worker in workers if worker.version]
    found = [
        warning("workers", f"the worker {worker.process} is of a version before this one", "Upgrade and restart it.")
        for worker in workers
        if not worker.version
    ]
    versions = sorted({worker.version for worker in told})
    if len(versions) > 1:
        found.append(warning("workers", f"there are several versions: {', '.join(versions)}", "Finish the upgrade."))
    elif versions and versions != [mine]:
        found.append(warning("workers", f"they are {versions[0]}, and this is {mine}", "Use the same version here."))
    silenced = [worker.process for worker in told if worker.publishing is False]
    if silenced:
        also = "" if len(silenced) == len(told) else f" on {', '.join(silenced)}, and on elsewhere"
        fix = "Start it with ENABLE_EVENT_PUBLISHING=true. Until then incidents work and tell nobody."
        found.append(warning("publishing", f"event publishing is off{also}", fix))
    if told and not found:
        found.append(ok("workers", f"{len(told)} of version {versions[0]}, event publishing is on"))
    return found


def of_keys(report: KeyReport) -> list[Finding]:
    """Whether everything can be opened by everybody, and no rotation is left half done."""
    seals = next((row for row in report.keys if row.seals), None)
    found = []
    if report.elsewhere:
        fix = f"Give it {KEY_COMES_BY} (im keys list shows who has which)."
        found.append(error("keys", report.lacking(), fix))
    if report.lost:
        fix = f"Give it {KEY_COMES_BY} (of every process). Only if that key is lost, set the values anew."
        found.append(error("keys", report.losing(), fix))
    if seals and seals.workers < report.workers - len(report.silent):
        fix = "Give every process and this terminal the same IM_SECRET_KEYS (im keys list shows who has which)."
        found.append(error("keys", f"a worker lacks key {seals.key!r}, which this process seals with", fix))
    if older := [row.key for row in report.keys if row.values and not row.seals and row.here]:
        found.append(warning("keys", f"values are sealed with {', '.join(older)} still", "Finish it: im keys rotate."))
    values = sum(row.values for row in report.keys)
    return found or [ok("keys", f"{number(values, 'sealed value')}, all with {seals.key if seals else 'no key'}")]


def of_certificates(directory: Directory, now: datetime) -> list[Finding]:
    """Client certificates and trust stores of HTTP clients that expire within 30 days, or have."""
    found = []
    for client in directory.http_clients.values():
        fix = f"im http-client update {client.name} --cert FILE --key FILE: the next request uses it."
        expired = client.certificate is not None and client.certificate.facts.not_after <= now
        found += [(error if expired else warning)("certificates", told, fix) for told in client.warnings(now)]
        for facts in client.trust.certificates if client.trust else ():
            if facts.not_after <= now:
                told = f"in the trust store of {client.name!r}, {facts.subject} expired on {facts.not_after:%Y-%m-%d}"
                found.append(warning("certificates", told, f"im http-client update {client.name} --ca FILE"))
    return found or [ok("certificates", "none expires within 30 days")]


def of_subscribers(directory: Directory, rows: Sequence[Health]) -> list[Finding]:
    """Who is not delivered to as they asked."""
    found = []
    for row in rows:
        known = directory.subscribers.get(row.subscriber)
        if row.paused is not None:
            since = f"{row.paused.at:%Y-%m-%d %H:%M} UTC: {row.paused.reason}"
            told = f"{row.subscriber} is paused since {since}; {_counted(row.waiting)} waiting"
            fix = f"When it is well again: im subscriber resume {row.subscriber}."
            found.append(warning("subscribers", told, fix))
        elif known is not None and known.gone_at is not None:
            told = f"{row.subscriber} answered 410 Gone and was disabled"
            fix = f"im subscriber enable {row.subscriber}, or remove it."
            found.append(warning("subscribers", told, fix))
        elif row.status is HealthStatus.UNHEALTHY:
            told = f"{row.subscriber} is unhealthy: {row.failed} failed, {_counted(row.retrying)} retrying, "
            told += f"last {row.last_error}"
            found.append(warning("subscribers", told, _recovery(row.subscriber, known)))
    if unknown := uncounted.in_words(rows):
        fix = "Ask again. If it stays so, Temporal's visibility store is too busy: its database needs more."
        found.append(warning("subscribers", unknown, fix))
    count = sum(1 for each in directory.subscribers.values() if each.enabled)
    return found or [ok("subscribers", f"{count} enabled, none in trouble")]


def _recovery(name: str, known: Subscriber | None) -> str:
    """What to do about a subscriber that fails; a resend that takes the same way to it would only fail again."""
    resend = f"im event list --failed --subscriber {name}; then im event show ID and im event resend ID."
    if known is None or known.http_client is None or known.url is None:
        return resend
    client = known.http_client
    first = f"See what its HTTP client meets: im http-client test {client} {shlex.quote(known.url)}"
    return f"{first}, and mend that first (im http-client update {client}). Then {resend}"


def _counted(count: int | None) -> str:
    return "uncounted" if count is None else str(count)


def of_long_failures(directory: Directory, rows: Iterable[Health], now: datetime) -> list[Finding]:
    """Who has failed for longer than is advised, and is not to be paused for it."""
    found = []
    for row in rows:
        known = directory.subscribers.get(row.subscriber)
        waits = known is None or not known.enabled or known.paused or known.pause_after_seconds is not None
        if waits or row.failing_since is None or now - row.failing_since < RECOMMENDED_PAUSE_AFTER:
            continue
        told = f"every request to {row.subscriber} has failed since {row.failing_since:%Y-%m-%d}: {row.last_error}"
        advised = in_short(int(RECOMMENDED_PAUSE_AFTER.total_seconds()))
        fix = f"Repair it, remove it, or have it paused: im subscriber update {row.subscriber} --pause-after {advised}."
        found.append(warning("subscribers", told, fix))
    return found


def of_heartbeats(rows: Iterable[HeartbeatView], now: datetime) -> list[Finding]:
    """Which heartbeats nobody watches, and which were never heard though they were to be: those raise no alarm."""
    found = []
    for row in rows:
        since = next((change.at for change in reversed(row.changes) if change.status is Status.NEW), row.created_at)
        if row.fault:
            found.append(error("heartbeats", row.fault, "Add it again: im heartbeat remove and add."))
        elif row.status is Status.NEW and now - since > timedelta(seconds=row.every_seconds + row.grace_seconds):
            told = f"{row.name} has never beaten, and was to every {in_short(row.every_seconds)} since "
            told += f"{since:%Y-%m-%d %H:%M} UTC; its silence alarms nobody before the first beat"
            way = (
                "do records of its process come from Zeebe" if row.zeebe_process else "does its job reach the beat URL"
            )
            fix = f"See that it beats: {way}? Until it is to, im heartbeat pause {row.name}."
            found.append(warning("heartbeats", told, fix))
    return found


def of_sources(sources: Sources) -> Finding:
    """How full the registry of sources is."""
    clusters, heartbeats = number(len(sources.clusters), "Zeebe cluster"), number(len(sources.heartbeats), "heartbeat")
    told = f"{clusters} and {heartbeats} of {MAX_SOURCES} each"
    if max(len(sources.clusters), len(sources.heartbeats)) > NEARLY_FULL * MAX_SOURCES:
        return warning("sources", told, "Remove what is no longer used: im zeebe cluster list, im heartbeat list.")
    return ok("sources", told)


def of_directory(directory: Directory) -> Finding:
    """How full the directory is."""
    size = directory.size
    told = f"{number(len(directory.subscribers), 'subscriber')} and "
    told += f"{number(len(directory.http_clients), 'HTTP client')} take "
    told += f"{size / MAX_DIRECTORY_BYTES:.1%} of the directory's {MAX_DIRECTORY_BYTES // 1024} KiB"
    if size > NEARLY_FULL * MAX_DIRECTORY_BYTES:
        fix = "Remove what is no longer used: im subscriber list, im http-client list."
        return warning("directory", told, fix)
    return ok("directory", told)
