"""Labels that stick to secrets: ``secret: whsec_...`` in a file is what `im` once wrote for people, and no secret."""

import re

_LABELLED = re.compile(r"\s*((?:secret|whsec|token):\s*)(?:whsec|im)_")


def label_of(text: str) -> str:
    """What stands before a secret that `im` made, such as ``secret: ``; empty where nothing does."""
    found = _LABELLED.match(text)
    return found[1] if found else ""


def labelled(text: str) -> str:
    """Why a secret or a token cannot be used, in words that do not repeat it; empty where it has no label."""
    label = label_of(text).strip()
    return f"it begins with {label!r}, which is a label and no part of it: keep what follows" if label else ""
