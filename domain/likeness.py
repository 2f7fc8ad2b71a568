"""What a word was probably meant to be, where it is none of those that there are."""

import difflib
from collections.abc import Iterable

LEAST = 0.8  # of 1: one letter wrong in five. With less, "create" is taken for "rotate", and "closed" for "cleared".


def is_like(word: str, known: str) -> bool:
    """Whether a word is probably a typing error for a known one, whatever the case of its letters."""
    return bool(difflib.get_close_matches(word.casefold(), [known.casefold()], n=1, cutoff=LEAST))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that another one is probably a typing error for; None where none is so close."""
    by_form = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(word.casefold(), by_form, n=1, cutoff=LEAST)
    return by_form[close[0]] if close else None
