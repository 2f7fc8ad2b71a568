"""No secret is readable anywhere: database, histories, logs, answers, output."""

from pathlib import Path

from service.devserver import DevServer
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Sink

PLAIN = "correct-horse-battery-staple"
ROTATED = "wrong-horse-battery-staple-2"
HEADER = "Bearer hunter2-hunter2-hunter2"


async def test_secrets_are_nowhere_to_be_read(platform: Platform, temporal: DevServer, sink: Sink) -> None:
    name, event_type = unique_name("sealed"), unique_type("sealed")
    sink.script(Answer(500, b"no"), Answer(400))
    said = [
        await platform.im(
            "subscriber", "add", "--name", name, "--url", sink.url(), "--types", event_type,
            "--secret", "-", "--header", f"Authorization={HEADER}", stdin=PLAIN + "\n",
        ),
        await platform.im("subscriber", "update", name, "--secret", ROTATED),
    ]  # fmt: skip
    event_id = await platform.emit(event_type)
    await platform.ended(event_id)
    commands = (
        ("subscriber", "list"),
        ("subscriber", "show", name),
        ("subscriber", "list", "--format", "json"),
        ("event", "show", event_id),
        ("event", "show", event_id, "--format", "json"),
        ("logs", "--format", "json"),
    )
    said += [await platform.im(*command) for command in commands]
    assert all(ran.code == 0 for ran in said)
    texts = [ran.out + ran.err for ran in said]
    paths = ("/api/v1/subscribers", f"/api/v1/subscribers/{name}", f"/api/v1/events/{event_id}", "/metrics")
    texts += [(await platform.api.get(path)).text for path in paths]
    history = await platform.client.get_workflow_handle("subscribers").fetch_history()
    texts.append(history.to_json())
    folders = (platform.state, _database_folder(temporal))
    raw = b"".join(path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())
    for secret in (PLAIN, ROTATED, HEADER, HEADER.removeprefix("Bearer ")):
        assert not [text for text in texts if secret in text]
        assert secret.encode() not in raw


def _database_folder(temporal: DevServer) -> Path:
    command = Path(f"/proc/{temporal.process.pid}/cmdline").read_bytes().split(b"\0")
    return Path(command[command.index(b"--db-filename") + 1].decode()).parent
