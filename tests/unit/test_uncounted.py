"""What is not known of what waits is said in one sentence everywhere."""

from domain.health import Health
from domain.uncounted import in_words, reasons


def test_how_many_it_is_of_and_the_first_reason_are_said() -> None:
    rows = [Health(subscriber="a", not_counted="slow"), Health(subscriber="b"), Health(subscriber="c", not_counted="x")]
    assert in_words(rows) == "of 2 of 3 it is not known how much waits, or since when: slow"
    assert (reasons(rows), in_words(rows[1:2])) == (["slow", "x"], None)
