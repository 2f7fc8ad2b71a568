"""`im zeebe import` takes in what can be used, names what cannot, and can be repeated."""

import gzip
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import cli.zeebe_import
from cli.main import run
from domain.errors import TemporalUnavailableError
from domain.source_errors import ClusterNotFoundError
from domain.zeebe import IngestReceipt
from domain.zeebe_parsing import parse_records
from tests.support.gateways import serving
from tests.support.zeebe_records import SEED, incident, ndjson


class Asked:
    """What the gateway was given; it answers as the real one does, which e2e tests use."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.breaks_after = 99
        self.zeebe = SimpleNamespace(accept_as=self.accept_as, cluster_named=self.cluster_named)

    async def cluster_named(self, name: str) -> None:
        if name != "prod":
            raise ClusterNotFoundError(name=name)

    async def accept_as(self, cluster: str, body: bytes) -> IngestReceipt:
        if len(self.bodies) >= self.breaks_after:
            raise TemporalUnavailableError(address="a:1", namespace="n", reason="refused")
        self.bodies.append(body)
        parsed = parse_records(body)
        return IngestReceipt(cluster=cluster, raised=len(parsed.incidents), ignored=len(parsed.others), bad=parsed.bad)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found = Asked()

    monkeypatch.setattr(cli.zeebe_import, "with_gateway", serving(found))
    return found


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_imported_and_its_bad_lines_are_named(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, packed: bool
) -> None:
    content = b"\n".join([ndjson(incident()), b'{"key": ', ndjson(incident(key=1.5)), ndjson(SEED)])
    file = tmp_path / "records"
    file.write_bytes(gzip.compress(content) if packed else content)
    assert run(["zeebe", "import", str(file), "--cluster", "prod", "--format", "json"]) == 1
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert {name: told[name] for name in ("cluster", "raised", "ignored", "bad")} == {
        "cluster": "prod",
        "raised": 2,
        "ignored": 0,
        "bad": 2,
    }
    assert [bad["place"] for bad in told["bad_records"]] == ["line 2", "line 3"]
    assert said.err.splitlines()[0].startswith("line 2: not JSON in UTF-8")
    assert said.err.splitlines()[1].startswith("line 3: key is a floating-point number")


def test_a_good_file_exits_0(asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "records").write_bytes(ndjson(*[incident()] * 1200))
    assert run(["zeebe", "import", str(tmp_path / "records"), "--cluster", "prod"]) == 0
    said = capsys.readouterr()
    assert "raised:    1200" in said.out.splitlines()
    assert said.err == ""
    assert len(asked.bodies) == 3


def test_a_piece_without_any_record_is_named_line_by_line(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "records").write_bytes(b"a\nb\n" + b"\n".join([b"{}"] * 30))
    assert run(["zeebe", "import", str(tmp_path / "records"), "--cluster", "prod"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[1].startswith("line 2: not JSON in UTF-8")
    assert said[2] == "line 3: valueType is missing"
    assert said[20] == "and 12 more that cannot be used"


def test_an_empty_file_says_so(asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "records").write_bytes(b"\n")
    assert run(["zeebe", "import", str(tmp_path / "records"), "--cluster", "prod"]) == 1
    assert capsys.readouterr().err == "it is empty: whatever should have written it failed\n"


@pytest.mark.parametrize("content", [b"", gzip.compress(b"{}")[:12]], ids=["empty", "cut off"])
def test_a_cluster_that_is_not_there_is_said_before_what_is_wrong_with_the_file(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    (tmp_path / "records").write_bytes(content)
    assert run(["zeebe", "import", str(tmp_path / "records"), "--cluster", "stage"]) == 1
    assert capsys.readouterr().err.startswith("error: no Zeebe cluster is named 'stage'")


def test_records_are_imported_from_standard_input(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(ndjson(SEED)))))
    assert run(["zeebe", "import", "-", "--cluster", "prod"]) == 0
    assert len(asked.bodies) == 1


def test_a_file_that_is_not_there_exits_1(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zeebe", "import", "/nonexistent", "--cluster", "prod"]) == 1
    assert capsys.readouterr().err == "error: /nonexistent cannot be read: No such file or directory\n"


def test_an_import_that_breaks_off_says_that_it_may_be_repeated(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked.breaks_after = 1
    (tmp_path / "records").write_bytes(ndjson(*[incident()] * 1200))
    assert run(["zeebe", "import", str(tmp_path / "records"), "--cluster", "prod"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[0] == "a part of the file was taken in; import it again: nothing is taken twice"
