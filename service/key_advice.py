"""What to do next about sealing keys, in order."""

from collections.abc import Collection
from pathlib import Path

from activities.sealing import Keyring
from domain.keys import KEY_COMES_BY, KeyReport

EVERYWHERE = "IM_SECRET_KEYS of every process, one after the other"
PUT_FIRST = "first in IM_SECRET_KEYS of every process and of this terminal, restart the processes, and rotate"
TO_ROTATE = f'to rotate, make a key (echo "NAME:$(head -c 32 /dev/urandom | base64)"), put it {PUT_FIRST} again'


def advice_of(report: KeyReport, ring: Keyring, file: Path | None = None, emptied: Collection[str] = ()) -> list[str]:
    """What to do next; empty where all is well.

    Args:
        report: what there is.
        ring: the keys of this process.
        file: what they are from; None where they are in IM_SECRET_KEYS.
        emptied: keys that a rotation left without values just now.
    """
    advice = []
    if report.lost:
        advice.append(f"{report.losing()}: give it {KEY_COMES_BY}, wherever it is kept")
        advice.append(f"only if that key is lost, set anew: {', '.join(report.lost)}")
    if report.elsewhere:
        return [f"{report.lacking()}: give it {KEY_COMES_BY}", *advice]
    lacking = [row for row in report.keys if row.seals and row.workers < report.workers - len(report.silent)]
    if lacking:
        if file:  # which is made where there is none
            return [*advice, f"this process would seal with a key that a worker lacks: give it {KEY_COMES_BY}"]
        told = f"give every worker the key {ring.newest!r} (IM_SECRET_KEYS) and restart it, then rotate"
        return [*advice, f"{told}; or give this process the keys that the workers have"]
    used = {row.key for row in report.keys if row.values}
    behind = [row.key for row in report.keys if row.key in ring.prints and not row.seals]
    if set(behind) & used:
        return [*advice, f"values are sealed with {', '.join(sorted(set(behind) & used))}: im keys rotate"]
    # A rotation of a key file puts the new key in front of the others. In IM_SECRET_KEYS whoever is behind may be new.
    older = [key for key in behind if file or key in emptied]
    if older:
        advice.append(
            f"nothing is sealed with {', '.join(older)} any more. Keep it as long as you keep backups from before; "
            f"then take it out of {file or EVERYWHERE} (a minute after the rotation at the earliest)"
        )
    return [*advice, *(_either(key) for key in behind if key not in older)]


def _either(key: str) -> str:
    """About a key that seals nothing, of which nobody knows whether it is the next one or the last."""
    return (
        f"nothing is sealed with {key}, which is not the first of IM_SECRET_KEYS. To rotate to it, put it {PUT_FIRST}. "
        f"If it is from before, keep it as long as you keep backups from then; then take it out of {EVERYWHERE}"
    )
