"""Why a signature may not match: the ways in which bodies and secrets are commonly changed, each in words.

Nothing here proves a request genuine. It finds the change under which a signature would match, so that whoever made the
change can undo it.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from domain.captures import Capture
from domain.errors import ImError
from domain.event_parsing import parse_event
from domain.labels import label_of
from domain.signing import PREFIX, standard_key

_DECODED = "with the secret base64-decoded, that is, written with whsec_ before it"
_MENDED = "with the base64 of the secret mended: its padding (=) was cut off, or - and _ stand for + and /"
BOM = b"\xef\xbb\xbf"


class Guess(NamedTuple):
    """A value that differs from the given one, and how."""

    said: str
    value: bytes


def explain(bodies: Sequence[Guess], keys: Sequence[Guess], matches: Callable[[bytes, bytes], bool]) -> list[str]:
    """How body and key differ from those that match; empty where no guess does.

    Args:
        bodies: the given one first.
        keys: likewise.
        matches: whether a signature is that of a body with a key.
    """
    pairs = [(body, key) for body in bodies for key in keys]
    pairs.sort(key=lambda pair: (pair[0] is not bodies[0]) + (pair[1] is not keys[0]))  # the fewest changes first
    for body, key in pairs:
        if matches(key.value, body.value):
            return [f"it verifies {part.said}" for part in (body, key) if part.said]
    return []


def body_guesses(capture: Capture) -> list[Guess]:
    """The body, and what it may have been."""
    body = capture.body
    found = [Guess("", body)]
    if body.startswith(BOM):
        found.append(Guess("with the body without the byte order mark that an editor put before it", body[len(BOM) :]))
    found += _line_breaks(body)
    if capture.length is not None and capture.length < len(body):
        said = f"with the first {capture.length} bytes of the body alone, as Content-Length has it"
        found.append(Guess(said, body[: capture.length]))
    return [*found, *_rewritten(body)]


def _line_breaks(body: bytes) -> Iterator[Guess]:
    for ending in (b"\r\n", b"\n"):
        if body.endswith(ending):
            said = "with the body without the trailing line break, which was not sent: printf or an editor added it"
            yield Guess(said, body.removesuffix(ending))
    yield Guess("with a line break at the end of the body, which the capture lost", body + b"\n")
    if b"\n" in body:
        said = "with other line breaks in the body: LF became CRLF, or the reverse"
        yield Guess(said, body.replace(b"\r\n", b"\n"))
        yield Guess(said, body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def _rewritten(body: bytes) -> Iterator[Guess]:
    """A body that was parsed and written again, put back into the form that im sends."""
    said = (
        "with the body as im wrote it: it was parsed and serialised again; take the raw bytes, before any JSON parser"
    )
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    yield Guess(said, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
    try:
        yield Guess(said, parse_event(body).body)  # its members may have been put into another order
    except ImError:
        return


def standard_keys(secret: str) -> list[Guess]:
    """The key of ``webhook-signature``, and what it may be meant to be."""
    try:
        found = [Guess("", standard_key(secret))]
    except ValueError:
        found = []
    for said, text in _texts(secret):
        padded = text.removeprefix(PREFIX) + "=" * (-len(text.removeprefix(PREFIX)) % 4)
        if said and not text.startswith(PREFIX):
            found.append(Guess(said, text.encode()))
        for decode in (base64.b64decode, base64.urlsafe_b64decode):
            try:
                key = decode(padded.encode())
            except (binascii.Error, ValueError):
                continue
            found.append(Guess(said or (_MENDED if secret.startswith(PREFIX) else _DECODED), key))
    if secret.startswith(PREFIX):
        said = "with the text of the secret as the key: what follows whsec_ was not base64-decoded when it was signed"
        found += [Guess(said, secret.encode()), Guess(said, secret.removeprefix(PREFIX).encode())]
    return found


def body_keys(secret: str) -> list[Guess]:
    """The key of ``X-CloudEvents-Signature``, and what it may be meant to be."""
    found = [Guess(said, text.encode()) for said, text in _texts(secret)]
    if secret.startswith(PREFIX):
        try:
            key = standard_key(secret)
        except ValueError:
            return found
        said = (
            "with what follows whsec_, base64-decoded: the subscription has a plain secret, and this is its whsec_ form"
        )
        return [*found, Guess(said, key)]
    said = "with whsec_ before the secret: this header's key is the whole of it, prefix included"
    return [*found, Guess(said, (PREFIX + secret).encode())]


def _texts(secret: str) -> list[tuple[str, str]]:
    """The secret, and it without what often sticks to one."""
    found, label = [("", secret)], label_of(secret)
    for said, text in (
        ("with the secret without the white space around it", secret.strip()),
        (f"with the secret without the label {label.strip()!r} before it", secret.strip().removeprefix(label)),
        ("with the secret without the quotes around it", secret.strip().strip("\"'")),
        ("with the secret with a line break at its end: it was registered with one", secret + "\n"),
        ("with the label 'secret: ' before the secret: it was registered with it", f"secret: {secret}"),
    ):
        if text and text != secret and text not in {known for _, known in found}:
            found.append((said, text))
    return found
