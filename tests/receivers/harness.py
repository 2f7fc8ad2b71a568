"""Runs the verifiers of docs/receivers on requests, each language in one process for all of them."""

import base64
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypedDict

HERE = Path(__file__).resolve().parent
VERIFIERS = HERE.parents[1] / "docs" / "receivers"
LANGUAGES = ("python", "go", "node")
# On a cold cache Go first compiles its own standard library (17 s on two cores that do nothing else).
TIMEOUT_SECONDS = 200


@dataclass(frozen=True)
class Case:
    """A received request, and the secret its receiver knows.

    Attributes:
        headers: as received, names in any case.
        body: the raw bytes.
        now: seconds since 1970 when it is checked; None for the real time.
    """

    headers: Mapping[str, str]
    body: bytes
    secret: str
    now: int | None = None


class Verdict(TypedDict):
    """What the two checks of a verifier say."""

    body: bool
    standard: bool


def unavailable(language: str) -> str | None:
    """Why a language's verifier cannot run here; None if it can."""
    if language == "python" or shutil.which(language):
        return None
    return f"{language} is not installed"


def verdicts(language: str, cases: Sequence[Case]) -> list[Verdict]:
    """The verdicts of one language's verifier, in the order of the cases.

    Raises:
        subprocess.CalledProcessError: the verifier threw; what it said is on stderr.
    """
    runners: dict[str, Callable[[Sequence[Case]], list[Verdict]]] = {"python": _python, "go": _go, "node": _node}
    return runners[language](cases)


def load_python_verifier() -> ModuleType:
    """docs/receivers/verify.py as a module."""
    spec = importlib.util.spec_from_file_location("receiver_verify", VERIFIERS / "verify.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _python(cases: Sequence[Case]) -> list[Verdict]:
    verify = load_python_verifier()
    return [
        Verdict(
            body=verify.verify_body_signature(case.headers, case.body, case.secret),
            standard=verify.verify_standard_webhook(case.headers, case.body, case.secret, case.now),
        )
        for case in cases
    ]


def _node(cases: Sequence[Case]) -> list[Verdict]:
    return _run(["node", str(HERE / "cases.mjs")], cases, HERE, {})


def _go(cases: Sequence[Case]) -> list[Verdict]:
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder)
        (module / "verify").mkdir()
        (module / "go.mod").write_text("module receiver\n\ngo 1.20\n")
        shutil.copy(VERIFIERS / "verify.go", module / "verify" / "verify.go")
        shutil.copy(HERE / "cases.go", module / "main.go")
        # There is nothing to download, and nothing may be.
        return _run(["go", "run", "-trimpath", "."], cases, module, {"GOPROXY": "off", "GOTOOLCHAIN": "local"})


def _run(command: list[str], cases: Sequence[Case], folder: Path, variables: dict[str, str]) -> list[Verdict]:
    done = subprocess.run(
        command,
        input=json.dumps([_as_json(case) for case in cases]),
        cwd=folder,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    found: list[Verdict] = json.loads(done.stdout)
    return found


def _as_json(case: Case) -> dict[str, object]:
    return {
        "headers": dict(case.headers),
        "body_base64": base64.b64encode(case.body).decode(),
        "secret": case.secret,
        "now": case.now,
    }
