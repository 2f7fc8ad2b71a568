"""`im zeebe import`: a file's records through the same door as an exporter's, piece by piece."""

import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from cli import render
from cli.run import Format, say, with_gateway, write
from cli.zeebe_files import Chunk, read_chunks
from domain.errors import InvalidRequestError, UnavailableError
from domain.source_errors import InvalidRecordError
from domain.zeebe import IngestReceipt
from domain.zeebe_parsing import parse_records
from service.gateway import Gateway

BAD_KEPT = 100  # of each bad record the place and the reason; the others are only counted
BAD_SAID = 20
COUNTED = ("raised", "resolved", "beats", "ignored")


@dataclass
class Imported:
    """What became of a file's records."""

    cluster: str
    counts: Counter[str] = field(default_factory=Counter)
    empty: bool = True
    bad: list[dict[str, str]] = field(default_factory=list)

    def add(self, receipt: IngestReceipt, chunk: Chunk) -> None:
        """Add what became of a piece of it."""
        self.counts.update({name: getattr(receipt, name) for name in COUNTED})
        for one in receipt.bad:
            self.add_bad(chunk.places[one.place], one.reason)

    def add_bad(self, place: str, reason: str) -> None:
        """Add a record that cannot be used."""
        self.counts["bad"] += 1
        if len(self.bad) < BAD_KEPT:
            self.bad.append({"place": place, "reason": reason})

    def result(self) -> dict[str, Any]:
        """All of it, for programs."""
        counts = {name: self.counts[name] for name in (*COUNTED, "bad")}
        return {"cluster": self.cluster} | counts | {"bad_records": self.bad}


def import_file(path: str, cluster: str, output: Format) -> int:
    """Take in a file, or standard input for ``-``; returns the exit status."""
    imported = Imported(cluster)

    with ExitStack() as closing:
        file = _opened(path, closing)

        async def work(im: Gateway) -> None:
            await im.zeebe.cluster_named(cluster)  # of a file without records nothing else would say that there is none
            for chunk in read_chunks(file):
                imported.empty = False
                await _take(im, imported, chunk)

        try:
            with_gateway(work)
        except UnavailableError:
            if imported.counts.total():
                say("a part of the file was taken in; import it again: nothing is taken twice")
            raise
    _tell(imported, output)
    return 1 if imported.counts["bad"] or imported.empty else 0


async def _take(im: Gateway, imported: Imported, chunk: Chunk) -> None:
    try:
        imported.add(await im.zeebe.accept_as(imported.cluster, chunk.body), chunk)
    except InvalidRecordError:  # not one record in the piece, and the error tells of the first line alone
        for place, line in zip(chunk.places, chunk.lines, strict=True):
            imported.add_bad(place, _reason(line))


def _reason(line: bytes) -> str:
    try:
        return next((bad.reason for bad in parse_records(line).bad), "it is no record")
    except InvalidRecordError as error:
        return str(error.data["reason"])


def _opened(path: str, closing: ExitStack) -> BinaryIO:
    if path == "-":
        return sys.stdin.buffer
    try:
        return closing.enter_context(Path(path).open("rb"))
    except OSError as error:
        raise InvalidRequestError(reason=f"{path} cannot be read: {error.strerror}") from None


def _tell(imported: Imported, output: Format) -> None:
    result = imported.result()
    shown = [(name, value) for name, value in result.items() if name != "bad_records"]
    write(output, result, render.fields(shown))
    if not imported.counts.total():
        say("it is empty: whatever should have written it failed" if imported.empty else "there are no records in it")
    for bad in imported.bad[:BAD_SAID]:
        say(f"{bad['place']}: {bad['reason']}")
    if (more := imported.counts["bad"] - BAD_SAID) > 0:
        say(f"and {more} more that cannot be used")
