"""What a word was probably meant to be, where it is none of those that there are."""

import re
from collections.abc import Iterable

LEAST = 0.8  # of 1: one letter wrong in five. With less, "create" is taken for "rotate", and "closed" for "cleared".
LEAST_BEGINNING = 3  # letters of which one is taken for the beginning of a word
LONGEST_NAME = 64  # letters; nothing longer is a typing error for a name of ours, and to compare it takes long
MOST_SUGGESTED = 10  # faults of one document; what was meant by one takes up to 0.5 ms to find out
_WORD_ENDS = re.compile("[-_]")


def is_like(word: str, known: str) -> bool:
    """Whether a word is probably a typing error for a known one, whatever the case of its letters."""
    mine, theirs = word.casefold(), known.casefold()
    return _is_transposed(mine, theirs) or bool(_close(mine, [theirs]))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that another one is probably a typing error for, or the beginning of; None where none is so close.

    Of several that begin so it is none: which one is meant is not known.
    """
    mine, by_form = word.casefold(), {each.casefold(): each for each in known}
    close = _close(mine, by_form)
    if not close:
        close = [each for each in by_form if _is_transposed(mine, each)]
    if not close and len(mine) >= LEAST_BEGINNING:
        begun = [each for each in by_form if each.startswith(mine)]
        close = begun if len(begun) == 1 else []
    return by_form[close[0]] if close else None


def may_mean(typed: str, name: str) -> bool:
    """Whether a name of several words was probably meant: it is spelt alike, begins so, or has all words typed."""
    return is_like(typed, name) or _is_part(typed, name)


def name_meant(typed: str, names: Iterable[str]) -> str | None:
    """The one name, such as ``rate_limit``, that was probably meant; None where none or several may be."""
    if len(typed) > LONGEST_NAME:
        return None
    names = list(names)
    parts = [name for name in names if _is_part(typed, name)]
    return nearest(typed, names) or (parts[0] if len(parts) == 1 else None)


def _is_part(typed: str, name: str) -> bool:
    """Whether a name begins so, without the y of a singular (``severity``: ``severities``), or has all of the words."""
    stem = typed.removesuffix("y")
    begins = len(stem) >= LEAST_BEGINNING and name.startswith(stem)
    return begins or set(_WORD_ENDS.split(typed)) <= set(_WORD_ENDS.split(name))


def _close(word: str, known: Iterable[str]) -> list[str]:
    import difflib  # noqa: PLC0415 - only where something went wrong

    return difflib.get_close_matches(word, list(known), n=1, cutoff=LEAST)


def _is_transposed(word: str, known: str) -> bool:
    """Whether two neighbouring letters have changed places, which counts for much in a short word."""
    other = [place for place, (mine, theirs) in enumerate(zip(word, known, strict=False)) if mine != theirs]
    if len(word) != len(known) or len(other) != 2 or other[1] != other[0] + 1:
        return False
    return word[other[0]] == known[other[1]] and word[other[1]] == known[other[0]]
