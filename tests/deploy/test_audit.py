"""`make audit` fails on a known vulnerability, and never because there is no network."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")


def audit(folder: Path, says: str, code: int, *, error: bool = False) -> subprocess.CompletedProcess[str]:
    """Run it with a stand-in for the tool, which says something and exits."""
    tool = folder / "tool"
    tool.write_text(f"#!/bin/sh\ncat <<'END' {'>&2' if error else ''}\n{says}\nEND\nexit {code}\n")
    tool.chmod(0o755)
    return subprocess.run(
        [str(ROOT / ".ci" / "audit"), UV],
        env=os.environ | {"PIP_AUDIT": str(tool)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.mark.skipif(not Path(UV).exists(), reason="there is no uv")
def test_a_vulnerability_fails_and_a_missing_network_does_not(tmp_path: Path) -> None:
    found = audit(tmp_path, "Name    Version ID             Fix Versions\nhttpx   0.1     CVE-2025-1     0.2", 1)
    assert found.returncode == 1
    assert "CVE-2025-1" in found.stdout
    assert "uv lock --upgrade-package" in found.stdout
    away = audit(tmp_path, "ConnectionError: no route", 1, error=True)
    assert away.returncode == 0
    assert "SKIPPED" in away.stdout
    assert "no route" in away.stdout
    fine = audit(tmp_path, "", 0)
    assert fine.returncode == 0
    assert "no known vulnerability in" in fine.stdout
