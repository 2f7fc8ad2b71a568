"""The one sentence that every place says about subscribers of whom it is not known what waits for them."""

from collections.abc import Iterable

from domain.health import Health


def reasons(rows: Iterable[Health]) -> list[str]:
    """Why something is not known: one reason for each subscriber to whom that applies."""
    return [row.not_counted for row in rows if row.not_counted]


def in_words(rows: Iterable[Health]) -> str | None:
    """``of 2 of 3 it is not known how much waits, or since when: ...``; None where all is known."""
    rows = list(rows)
    missed = reasons(rows)
    if not missed:
        return None
    return f"of {len(missed)} of {len(rows)} it is not known how much waits, or since when: {missed[0]}"
