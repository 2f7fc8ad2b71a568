"""Text of strangers, made harmless to look at: receivers, publishers and responders say what they like.

The templates escape it, so that it is no markup. What is left is characters that cannot be seen: they are named.
"""

import re

# C0 and C1 but for tab and line feed, bidirectional controls, zero width, line separators, lone surrogates, tags.
_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff"
)
_RUN = re.compile(f"[{_UNSEEN}]+")
_TOLD = 3  # different characters of a run


def visible(text: str) -> str:
    """The text with the characters that cannot be seen by their codes, and how many they are where they are many."""
    return _RUN.sub(_name, text.replace("\r\n", "\n"))


def _name(found: re.Match[str]) -> str:
    codes = list(dict.fromkeys(f"U+{ord(char):04X}" for char in found[0]))
    if len(found[0]) <= _TOLD and len(codes) == len(found[0]):
        return "".join(f"<{code}>" for code in codes)
    return f"<{' '.join(codes[:_TOLD])}{' …' if len(codes) > _TOLD else ''}>×{len(found[0])}"
