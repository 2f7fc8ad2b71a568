"""What docs/metrics.md says of our metrics."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "metrics.md"
_ROW = re.compile(r"^\| `(im_\w+)` \| (\w+) \|([^|]*)\|([^|]*)\|([^|]*)\|$", re.MULTILINE)


class Documented(NamedTuple):
    """A row of the table."""

    type: str
    labels: frozenset[str]
    alert: str


def documented() -> dict[str, Documented]:
    """The table, by metric."""
    rows = _ROW.findall(PAGE.read_text())
    return {
        name: Documented(kind, frozenset(re.findall(r"`(\w+)`", labels)), alert)
        for name, kind, labels, _, alert in rows
    }


def documented_series() -> set[str]:
    """Every name that may stand in an expression."""
    found: set[str] = set()
    for name, row in documented().items():
        found |= {f"{name}_{part}" for part in ("bucket", "count", "sum")} if row.type == "histogram" else {name}
    return found
