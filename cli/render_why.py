"""How an explanation is written: the answer, the facts, every request, what comes next, what to do."""

from cli.render import NONE, clean, kind_text, table, when
from domain.explanations import Explanation, Round, Try
from domain.replays import replay_of


def explanation_text(found: Explanation) -> str:
    """A headline, and what it rests on."""
    parts = [
        clean(found.headline),
        "\n".join(f"  - {clean(fact)}" for fact in found.facts),
        *(_round_text(each, several=len(found.rounds) > 1) for each in found.rounds if each.tries),
        clean(f"next: {found.next}"),
        "\n".join(clean(f"do:   {each}" if not at else f"      {each}") for at, each in enumerate(found.advice)),
    ]
    return "\n\n".join(part for part in parts if part)


def _round_text(each: Round, *, several: bool) -> str:
    head = (
        [clean(f"{kind_text(each.kind, replay_of(each.workflow_id))}, begun {when(each.started_at)}: {each.state}")]
        if several
        else []
    )
    rows = table(("REQUEST", "AT", "AFTER", "STATUS", "DURATION", "ERROR"), map(_cells, each.tries))
    return "\n".join([*head, *(f"  {line}" for line in rows.splitlines())])


def _cells(one: Try) -> tuple[object, ...]:
    attempt = one.attempt
    waited = NONE if one.waited_seconds is None else f"{one.waited_seconds:.1f} s"
    at = when(attempt.at, "milliseconds")
    return attempt.number, at, waited, attempt.status or NONE, f"{attempt.duration_ms} ms", attempt.error or NONE
