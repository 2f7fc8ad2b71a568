"""Which versions of Temporal's server im works with."""

import re

# Fairness and priority of task queues need server 1.31 (matching.useNewMatcher is on by default from there).
OLDEST_SERVER = (1, 31)


def version_of(text: str) -> tuple[int, ...]:
    """``1.32.0`` as (1, 32); empty for what is no version."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else ()
