"""Server versions, as a CLI prints them and as a server says them."""

import pytest

from service.versions import OLDEST_SERVER, version_of


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("1.32.0", False),
        ("v1.31.4", False),
        ("1.30.9", True),
        ("1.9.1", True),
        ("2.0.0", False),
        ("", True),
        ("x", True),
    ],
)
def test_a_server_without_priorities_is_recognised(text: str, old: bool) -> None:
    assert (version_of(text) < OLDEST_SERVER) is old
