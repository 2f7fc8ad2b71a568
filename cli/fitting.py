"""Lists as a terminal shows them: long cells are cut to what fits, and sentences stand below the table.

What is piped, or written to a file, is whole. So is the first column, which names what other commands are given.
"""

import shutil
import sys
import unicodedata
from collections.abc import Sequence
from itertools import accumulate, takewhile

GAP = "  "
NONE = "-"
MORE = "…"
NARROWEST = 8  # of a column that is cut
ID_WIDTH = 40  # evt_ and a UUID: a longer id moves its own row alone

Lines = list[list[str]]


def terminal_columns() -> int | None:
    """How wide the terminal is; None where standard output is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def width(text: str) -> int:
    """Terminal columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def aligned(lines: Lines, widths: Sequence[int] | None = None) -> str:
    """Columns two spaces apart, as wide as their widest value, or as given."""
    widths = widths or _natural(lines)
    return "\n".join(
        GAP.join(cell + " " * (room - width(cell)) for cell, room in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def fitted(lines: Lines, columns: int, sentences: Sequence[str] = ()) -> str:
    """A table in so many columns, as far as that can be.

    Args:
        lines: the first one is the head.
        columns: of the terminal.
        sentences: heads of columns that go below the table rather than be cut: what is the same is said once.
    """
    if len(lines) == 1 or _total(_natural(lines)) <= columns:
        return aligned(lines)
    kept, below = _parted(lines, sentences)
    widths = _narrowed(kept, columns)
    if _total(widths) > columns:
        kept = _only(kept, [at for at, rows in enumerate(zip(*kept[1:], strict=True)) if not at or {*rows} != {NONE}])
        widths = _narrowed(kept, columns)
    cut = [[line[0], *map(_cut, line[1:], widths[1:])] for line in kept]
    return "\n".join([aligned(cut, widths), *below])


def _parted(lines: Lines, sentences: Sequence[str]) -> tuple[Lines, list[str]]:
    """The table without the columns of sentences, and these as lines."""
    below: list[str] = []
    for at, head in enumerate(lines[0]):
        if head in sentences:
            said: dict[str, list[str]] = {}
            for line in lines[1:]:
                said.setdefault(line[at], []).append(line[0])
            below += [f"{head} {', '.join(names)}: {text}" for text, names in said.items() if text != NONE]
    return _only(lines, [at for at, head in enumerate(lines[0]) if head not in sentences]), below


def _only(lines: Lines, places: Sequence[int]) -> Lines:
    return [[line[at] for at in places] for line in lines]


def _narrowed(lines: Lines, columns: int) -> list[int]:
    """Widths of the columns, the widest ones made narrower until they fit."""
    ids = [width(line[0]) for line in lines]
    first = max(each for each in ids if each <= max(ID_WIDTH, min(ids)))
    widths = [first, *_natural(lines)[1:]]
    floors = [first, *(max(NARROWEST, width(head)) for head in lines[0][1:])]
    while _total(widths) > columns:
        room = [max(0, each - floor) and each for each, floor in zip(widths, floors, strict=True)]
        if not any(room):
            break
        widths[room.index(max(room))] -= 1
    return widths


def _natural(lines: Lines) -> list[int]:
    return [max(map(width, column)) for column in zip(*lines, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _cut(text: str, room: int) -> str:
    if width(text) <= room:
        return text
    taken = accumulate(map(width, text))
    return text[: sum(1 for _ in takewhile(lambda each: each < room, taken))].rstrip() + MORE
