"""When the events of a workflow were accepted, which is what their times mean wherever they are shown or compared."""

from datetime import datetime

from temporalio.client import WorkflowExecution

from workflows import names


async def when_accepted(run: WorkflowExecution) -> datetime:
    """When a workflow began; of what goes on of an event that shared its first one, when that one did.

    Of a rest that an older version started, it is when the rest began.
    """
    told = await run.memo_value(names.ACCEPTED_MEMO, None)
    return datetime.fromisoformat(told) if told else run.start_time
