"""What several workflows that carry an event say of it together."""

from domain.outcomes import Delivery, DeliveryState
from service.progress import RunView, without_gone_on
from tests.support.builders import NOW, make_event
from workflows import names

RUN = "01a203485a7c-0001"


def view(workflow_id: str, run_id: str, **states: DeliveryState) -> RunView:
    return RunView(
        workflow_id=workflow_id,
        run_id=run_id,
        kind="original",
        outcome="retrying",
        accepted_at=NOW,
        started_at=NOW,
        deliveries=[Delivery(subscriber=name, state=state) for name, state in states.items()],
    )


def test_what_goes_on_alone_is_told_there_though_the_shared_workflow_does_not_say_so_yet() -> None:
    shared = view("events/a", RUN, a=DeliveryState.RETRYING, b=DeliveryState.DELIVERED)
    rest = view(names.continued_workflow_id(make_event(), RUN), "other", a=DeliveryState.WAITING)
    first, second = without_gone_on([shared, rest])
    assert (first.outcome, [each.subscriber for each in first.deliveries]) == ("handed_over", ["b"])
    assert second == rest


def test_what_failed_for_good_in_the_shared_workflow_is_told_there() -> None:
    shared = view("events/a", RUN, a=DeliveryState.RETRYING, b=DeliveryState.FAILED)
    rest = view(names.continued_workflow_id(make_event(), RUN), "other", a=DeliveryState.WAITING)
    assert without_gone_on([shared, rest])[0].outcome == "failed"


def test_what_waits_for_a_workflow_of_its_own_is_told_by_the_shared_one() -> None:
    shared = view("events/a", RUN, a=DeliveryState.RETRYING)
    rest = view(names.continued_workflow_id(make_event(), "another"), "other", a=DeliveryState.WAITING)
    assert without_gone_on([shared, rest]) == [shared, rest]
