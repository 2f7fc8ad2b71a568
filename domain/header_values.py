"""Attribute values in HTTP headers, as the CloudEvents HTTP binding writes them."""

import re

from domain.event_errors import InvalidEventError

_PLAIN_VALUE = re.compile(r"[!#$&-~]*")  # what needs no encoding in a header: U+0021-7E but quote and percent


def encode_header_value(value: str) -> str:
    """A header value as CloudEvents HTTP binding 3.1.3.2 wants it: percent-encoded UTF-8 outside U+0021-7E."""
    if _PLAIN_VALUE.fullmatch(value):
        return value
    return "".join(
        char if "\x21" <= char <= "\x7e" and char not in '"%' else "".join(f"%{byte:02X}" for byte in char.encode())
        for char in value
    )


def decode_header_value(name: str, value: str) -> str:
    """The reverse of `encode_header_value`: unquote double quotes, then one round of percent-decoding."""
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), value.encode("latin-1", "replace"))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidEventError(reason=f"header {name} is not percent-encoded UTF-8") from None
