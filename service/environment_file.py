"""The text of ``.env.example``: ``python -m service.environment_file > .env.example`` (or ``make env``)."""

import sys
from typing import Any

from service.settings import Settings

TEMPORAL_VARIABLES: dict[str, str] = {
    "TEMPORAL_ADDRESS": "Host and port of the Temporal frontend, without http:// (default localhost:7233).",
    "TEMPORAL_NAMESPACE": "Namespace; it must exist (default: default).",
    "TEMPORAL_API_KEY": "API key, for Temporal Cloud.",
    "TEMPORAL_TLS": "true to connect with TLS.",
    "TEMPORAL_TLS_CLIENT_CERT_PATH": "Client certificate, for mutual TLS.",
    "TEMPORAL_TLS_CLIENT_KEY_PATH": "Its private key.",
    "TEMPORAL_TLS_SERVER_CA_CERT_PATH": "CA that signed the server's certificate.",
    "TEMPORAL_TLS_SERVER_NAME": "Name to expect in the server's certificate.",
}


def env_example() -> str:
    """Every setting with its description and default; a test compares the file with it."""
    lines = ["# Every setting of im, with its default. Copy to .env and uncomment what you change.", ""]
    for name, field in Settings.model_fields.items():
        lines += [f"# {field.description}", f"# {name.upper()}={_shown(field.get_default())}", ""]
    lines += ["# The connection to Temporal: the Temporal SDK's own variables.", ""]
    for name, description in TEMPORAL_VARIABLES.items():
        lines += [f"# {description}", f"# {name}=", ""]
    return "\n".join(lines).rstrip() + "\n"


def _shown(default: Any) -> str:
    if default is None or default == ():
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


if __name__ == "__main__":
    sys.stdout.write(env_example())
