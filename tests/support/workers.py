"""Workers of tests: like the product's, they let workflows compute for as long as a loaded machine takes."""

from typing import Any

import temporalio.worker

from service.queues import patient


class Worker(temporalio.worker.Worker):
    """The SDK's, with the product's patience."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        patient(self)
