"""What cannot be meant exits with 2, before anything is asked of Temporal."""

from pathlib import Path

import pytest

from cli.main import run

ADD = "subscriber add --name a --url http://localhost:9/ "


@pytest.mark.parametrize(
    "line",
    [
        "event list --limit 0",
        "incident list --limit 1001",
        "alarm list --limit 0",
        "replay list --limit 0",
        "event list --since soon",
        "replay --subscriber a --failed-only --undelivered",
        "replay --subscriber a --since 1h --until 2h",
        "replay --to a --failed-only",
        "retention set soon",
        ADD + "--pause-after soon",
        ADD + "--pause-after 0",
        ADD + "--max-attempts 0",
        ADD + "--max-concurrency 0",
        ADD + "--rate-limit 5/d",
        ADD + "--schedule soon",
        ADD + "--types a..b",
        ADD + "--types a.b --types ,",
        "subscriber update a --types a.b*",
        "subscriber match a..b",
        "listen --types a..b",
        "replay --subscriber a --types a..b",
        "event list --type a..b",
        "event watch --type a..b",
        "subscriber watch a --type a..b",
        ADD + "--schedule 5,60,600 --max-attempts 3",
        "subscriber update a --schedule 60 --max-attempts 1",
        "subscriber update a --rate-limit 5000/s",
        "subscriber update a --schedule 5,soon",
        "subscriber update a --generate-secret --overlap soon",
        "subscriber resume a --drop-older-than soon",
        "heartbeat add a --every soon",
        "heartbeat add a --every 1h --grace soon",
        "heartbeat add a --every 0s",
        "heartbeat add a --every 1h --grace 367d",
        "heartbeat update a --every 367d",
        "heartbeat update a --grace 367d",
        "token create a --scope read --expires soon",
        "token create a --scope foo",
        "token create a --scope read --scope ingest:",
        "token create a --scope read --rate-limit 5/d",
        "replay --subscriber a --rate 5/d",
        "listen --delay soon",
        "verify /dev/null --tolerance soon",
        "zeebe simulate --url http://localhost:9 --cluster a --duration soon",
        "dev --port 65536",
        "listen --port 65536",
        "listen --port -5",
        "event emit --type a.b.v1 --time yesterday",
        "event emit --type a..b",
        "event emit --type a.*",
        ADD + "--port 9",
        ADD + "--context /hook",
        "subscriber add --name a --port 9",
        "subscriber add --name a --notify slack://a/b/c --port 9",
        "subscriber update a --url http://localhost:9/ --hostname a.example",
        ADD + "--secret 0123456789abcdef --generate-secret",
        "subscriber update a --secret 0123456789abcdef --generate-secret",
        "subscriber update a --generate-secret --drop-secret",
        "serve --port 65536",
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 2
    shown = capsys.readouterr()
    assert (shown.out, "Error: Invalid value" in shown.err) == ("", True)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("{bad", "--data: it is not JSON in UTF-8 (Expecting property name enclosed in double quotes: line 1 column 2"),
        ('{"a": 1,\n"b": x}', "Expecting value: line 2 column 6 (char 14)"),
        ('{"a": 1, "a": 2}', "--data: a JSON object has the same key twice"),
        ("\udcff", "--data: it is not JSON in UTF-8 ("),
    ],
)
@pytest.mark.parametrize("by", ["value", "file"])
def test_data_that_is_no_json_is_said_with_its_option_and_the_place_of_the_fault(
    data: str, said: str, by: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data.json").write_text(data, errors="surrogateescape")
    given = data if by == "value" else f"@{tmp_path / 'data.json'}"
    for line in (["--data", given], ["--type", "a.b", "--data", given]):
        assert run(["event", "emit", *line]) == 2
        shown = capsys.readouterr().err
        assert said in shown
        assert "--datacontenttype" in shown


def test_a_dash_for_data_is_answered_with_how_standard_input_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["event", "emit", "--type", "a.b", "--data", "-"]) == 2
    assert "write @- to read standard input" in " ".join(capsys.readouterr().err.split())


def test_data_of_another_kind_is_not_read_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["event", "emit", "--data", "{bad", "--datacontenttype", "text/plain"]) == 2
    assert "give --type" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("subscriber add --name a", "where is it told? give one of both: --url (or --hostname) for a webhook"),
        (ADD + "--notify pagerduty://key", "--url and --notify: give one of both: --url (or --hostname) for a webhook"),
        ("subscriber add --name a --hostname b --notify c://d", "--hostname and --notify: give one of both"),
        ("subscriber update a --url http://localhost:9/ --notify c://d", "--url and --notify: give one of both"),
        (ADD + "--hostname b", "give --url, or its parts with --hostname"),
    ],
)
def test_it_is_said_when_to_give_which_place(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert ("a service that pages people" in shown) is ("one of both" in said)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (ADD + "--max-attempts abc", "'--max-attempts': 'abc' is not a whole number"),
        (ADD + "--max-attempts 99", "'--max-attempts': '99' is more than 50"),
        ("event list --limit 0", "'--limit': '0' is less than 1"),
        ("event emit --type a.b.v1 --time yesterday", "--time: time 'yesterday' is not an RFC 3339 timestamp, such as"),
        ("heartbeat add a --every 0s", "--every: a heartbeat is expected every 1s to 366d"),
        ("heartbeat update a --grace 367d", "--grace: the grace is 0s to 366d"),
        ("event emit --type a..b", "'a..b' is a type that nobody could ask for by name: it has an empty segment"),
    ],
)
def test_the_refused_value_is_shown(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--type", "--subscriber", "--incident", "--since"])
@pytest.mark.parametrize("command", ["list", "watch"])
def test_an_empty_filter_is_not_taken_for_none(command: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    if (command, option) == ("watch", "--since"):
        return
    assert run(["event", command, option, ""]) == 2
    assert f"{option} is empty; leave it out" in capsys.readouterr().err


def test_the_arguments_of_im_why_are_known_when_they_are_swapped(capsys: pytest.CaptureFixture[str]) -> None:
    event = "evt_01a2096c-20c7-75c9-a04d-fbc07ce7b007"
    assert run(["why", "hook", event]) == 2
    assert f"the event comes first: im why {event} hook" in capsys.readouterr().err
