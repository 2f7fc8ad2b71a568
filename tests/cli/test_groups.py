"""What is suggested to whoever types a command or an option that there is not."""

import pytest

from cli.main import run


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("subscrber list", "No such command 'subscrber'. Did you mean 'subscriber'?"),
        ("subscriber remvoe a", "No such command 'remvoe'. Did you mean 'remove'?"),
        ("subscriber delete a", "No such command 'delete'. Did you mean 'remove'?"),
        ("token delete a", "No such command 'delete'. Did you mean 'revoke'?"),
        ("incident create", "No such command 'create'. Did you mean 'declare'?"),
        ("types get a", "No such command 'get'. Did you mean 'show'?"),
        ("keys create", "No such command 'create'."),
        ("token update a", "No such command 'update'."),
        ("status", "No such command 'status'."),
        ("--verison", "No such option: --verison (Possible options: --version)"),
        ("subscriber add --nme a", "No such option: --nme (Possible options: --name)"),
        ("subscriber update a --rate 1/s", "No such option: --rate (Possible options: --rate-limit)"),
        ("subscriber add --severity a", "No such option: --severity (Possible options: --severities)"),
        ("subscriber add --sever a", "No such option: --sever (Possible options: --severities)"),
        ("http-client add a --token-url a", "No such option: --token-url (Possible options: --oauth2-token-url)"),
        ("event list --at 1h", "No such option: --at"),
        ("event list --state failed", "No such option: --state"),
        ("zeebe cluster lst", "No such command 'lst'. Did you mean 'list'?"),
    ],
)
def test_only_what_was_probably_meant_is_suggested(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"Error: {said}"
