"""What work costs as things grow."""

from bench.figures import Figures
from bench.results import Options


async def run(_options: Options) -> dict[str, list[Figures]]:
    """Nothing yet."""
    return {}
