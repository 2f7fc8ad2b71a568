"""A line names as few as keep its order: it has to fit in what Temporal takes."""

from domain.lanes import MOST_NAMED, Ticket, slim


def ticket(name: str, *behind: str, part_of: str | None = None) -> Ticket:
    return Ticket(workflow_id=name, subscriber="a", behind=list(behind), part_of=part_of)


def named(line: list[Ticket]) -> dict[str, list[str]]:
    return {each.workflow_id: each.behind for each in line}


def test_one_after_the_other_each_names_the_one_before() -> None:
    line = [ticket(f"{n}", *(f"{before}" for before in range(max(0, n - 10), n))) for n in range(100)]
    assert named(slim(line)) == {f"{n}": [f"{n - 1}"] if n else [] for n in range(100)}


def test_one_that_is_behind_two_which_are_not_behind_each_other_names_both() -> None:
    line = [ticket("late", "first"), ticket("second"), ticket("third", "late", "second"), ticket("first")]
    assert named(slim(line)) == {"late": ["first"], "second": [], "third": ["late", "second"], "first": []}


def test_the_parts_of_a_batch_are_here_under_its_name() -> None:
    line = [ticket("1", part_of="batch"), ticket("2", part_of="batch"), ticket("3", "batch"), ticket("4", "batch", "3")]
    assert named(slim(line)) == {"1": [], "2": [], "3": ["batch"], "4": ["3"]}


def test_who_has_yet_to_come_is_named_and_who_has_left_is_not() -> None:
    line = [ticket("1", "gone"), ticket("2", "to come", "gone", "1")]
    assert named(slim(line, ["gone"])) == {"1": [], "2": ["to come", "1"]}


def test_a_line_that_would_not_fit_names_those_alone_that_are_here() -> None:
    line = [ticket(f"{n}", *(f"{n}-{k:0>100}" for k in range(9)), f"{n - 1}") for n in range(MOST_NAMED // 900 + 1)]
    assert named(slim(line)) == {f"{n}": [f"{n - 1}"] if n else [] for n in range(len(line))}


def test_a_line_that_would_not_fit_even_so_keeps_its_places_alone() -> None:
    long = [ticket(f"{n:0>500}", *([f"{n - 1:0>500}"] if n else [])) for n in range(MOST_NAMED // 500 + 2)]
    slimmed = slim(long)
    assert [each.workflow_id for each in slimmed] == [each.workflow_id for each in long]
    assert not any(each.behind for each in slimmed)
