"""Tasks that go on beside whoever began them."""

import asyncio
from typing import Any


def retrieved(task: asyncio.Task[Any]) -> None:
    """Take note of a failure that nobody waits for (any more): whoever asks next meets it by itself."""
    if not task.cancelled():
        task.exception()
