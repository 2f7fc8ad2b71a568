"""LimiterWorkflow: the queue of one limited subscriber is served by one process at a time."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.limits import LimitActivities
    from domain.limits import LimiterState
    from workflows import names, policies


@workflow.defn(name="LimiterWorkflow")
class LimiterWorkflow:
    """Hands the queue from process to process: a process that stops gives it up, one that dies is replaced.

    It delivers nothing, and knows no limits: the process that serves reads those from the directory.
    """

    @workflow.init
    def __init__(self, state: LimiterState) -> None:
        self._state = state

    @workflow.run
    async def run(self, _state: LimiterState) -> None:
        """Serve as long as there is such a subscriber, and until what waits for a retry must have ended."""
        while not workflow.info().is_continue_as_new_suggested():
            served = await workflow.execute_activity_method(
                LimitActivities.serve_limited,
                self._state,
                task_queue=names.LIMITS_QUEUE,
                start_to_close_timeout=policies.SERVE_TIMEOUT,
                heartbeat_timeout=policies.SERVE_HEARTBEAT,
                retry_policy=policies.SERVE_RETRY,
                summary=f"deliveries to {self._state.subscriber}, within its limits",
            )
            now = workflow.now()
            self._state.gone_since = None if served.known else self._state.gone_since or now
            if self._state.gone_since and now - self._state.gone_since >= policies.LIMITER_LINGERS:
                return
        workflow.continue_as_new(self._state)
