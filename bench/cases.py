"""What is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One thing measured.

    Attributes:
        title: for tables.
        events: published in all, at scale 1.
        subscribers: those that the figures are about; all are healthy.
        publishers: connections that publish at once, each waiting for its answer.
        batch: events a request; 0 for single CloudEvents.
        rate: events a second; 0 for as fast as they are accepted.
        beside: one more subscriber that no figure counts: ``good`` answers at once, ``fail`` with 503, ``slow`` after
            4 s.
        control: the case with which this one is compared, run on the same servers.
    """

    name: str
    title: str
    events: int
    subscribers: int
    publishers: int = 32
    batch: int = 0
    rate: float = 0
    beside: str = ""
    control: str = ""


# The control of an isolation case has a neighbour too, a healthy one: what is compared is its trouble, not its work.
CASES = (
    Case("5000x1", "5,000 single events, 1 subscriber", 5000, 1),
    Case("batch100", "20,000 events in batches of 100, 1 subscriber", 20000, 1, batch=100),
    Case("500x10", "500 single events, 10 subscribers", 500, 10),
    Case("100x100", "100 single events, 100 subscribers", 100, 100),
    Case("20/s", "20 single events a second, 1 subscriber", 200, 1, rate=20),
    Case("burst", "1,000 single events beside a healthy subscriber", 1000, 1, beside="good"),
    Case("burst-fail", "the same beside one that answers 503", 1000, 1, beside="fail", control="burst"),
    Case("burst-slow", "the same beside one that answers after 4 s", 1000, 1, beside="slow", control="burst"),
)
WARM_UP = Case("warm-up", "", 100, 1)
BY_NAME = {case.name: case for case in CASES}


def wanted(names: list[str] | None) -> list[Case]:
    """The cases of these names, in the order of `CASES`, with the controls that they need; all for no names."""
    if not names:
        return list(CASES)
    needed = {*names} | {BY_NAME[name].control for name in names}
    return [case for case in CASES if case.name in needed]
