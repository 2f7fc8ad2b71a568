"""How much is done to the platform: a little with every run of the tests, the numbers of the promise by `make torture`.

``TORTURE=1`` in the environment chooses the larger numbers, ``SEED=n`` repeats a run's random moments.
"""

import os
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """The numbers.

    Attributes:
        publishes: events of one test with kills, by 32 clients.
        kills: of one process in these.
        away_seconds: how long Temporal cannot be reached.
        soak_seconds: of steady load, while memory is watched; 0 leaves it out.
    """

    publishes: int = 150
    kills: int = 1
    away_seconds: float = 8
    soak_seconds: float = 0


TORTURE = bool(os.environ.get("TORTURE"))
SCALE = Scale(publishes=2000, kills=6, away_seconds=60, soak_seconds=600) if TORTURE else Scale()
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
CLIENTS = 32
SETTLE_SECONDS = 600 if TORTURE else 90  # for everything to arrive, on a machine that is busy


def chance(name: str) -> random.Random:
    """The random moments of one test, the same for the same seed."""
    return random.Random(f"{SEED}/{name}")  # noqa: S311 - moments, not secrets
