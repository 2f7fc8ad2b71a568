"""The text of ``.env.example``, which lists every setting with its default."""

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
    """The text of ``.env.example``, made from the model; a test compares both."""
    lines = ["# Every setting of im, with its default. Copy to .env and uncomment what you change.", ""]
    for name, field in Settings.model_fields.items():
        default = field.get_default()
        shown = (
            "" if default is None or default == () else str(default).lower() if isinstance(default, bool) else default
        )
        lines += [f"# {field.description}", f"# {name.upper()}={shown}", ""]
    lines += ["# The connection to Temporal: the Temporal SDK's own variables.", ""]
    for name, description in TEMPORAL_VARIABLES.items():
        lines += [f"# {description}", f"# {name}=", ""]
    return "\n".join(lines).rstrip() + "\n"
