"""The page's markers."""

from pathlib import Path

import pytest

from bench import report


@pytest.mark.parametrize("name", ["cases", "cases-full", "cases-workers-2"])
def test_every_name_of_a_table_is_found_on_the_page(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "performance.md").read_text()
    assert name in {found[2] for found in report._MARKED.finditer(page)}
