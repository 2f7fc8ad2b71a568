"""Examples of HTTP clients for OpenAPI; a test reads each of them with the model it stands for."""

from typing import Any

_AT = "2025-12-26T14:30:00Z"

ADD_OAUTH2: dict[str, Any] = {
    "name": "partner",
    "token_url": "https://login.example.com/oauth2/token",
    "client_id": "im",
    "client_secret": "(the client secret)",
    "scope": "alarms.write",
    "total_seconds": 5,
}
ADD_BASIC: dict[str, Any] = {"name": "legacy", "user": "im", "password": "(the password)"}
UPDATE: dict[str, Any] = {"client_secret": "(a new client secret)"}
TEST: dict[str, Any] = {"url": "https://alarms.example.com/hook"}

_CERTIFICATE: dict[str, Any] = {
    "subject": "CN=im,O=Example",
    "issuer": "CN=Example Client CA",
    "not_after": "2026-12-26T14:30:00Z",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
HTTP_CLIENT: dict[str, Any] = {
    "name": "partner",
    "auth": ["mutual_tls", "oauth2"],
    "certificate": _CERTIFICATE | {"days_remaining": 365},
    "trust": [],
    "user": None,
    "oauth2": {
        "token_url": "https://login.example.com/oauth2/token",
        "client_id": "im",
        "scope": "alarms.write",
        "audience": None,
        "auth": "client_secret_basic",
    },
    "proxy": None,
    "proxy_credentials": False,
    "connect_seconds": 10.0,
    "total_seconds": 5.0,
    "used_by": ["my-webhook"],
    "warnings": [],
    "version": 1,
    "created_at": _AT,
    "updated_at": _AT,
}
TRIAL: dict[str, Any] = {
    "http_client": "partner",
    "url": "https://alarms.example.com/hook",
    "method": "HEAD",
    "status": 204,
    "answer": "HTTP 204 No Content",
    "failure": None,
    "error": None,
    "duration_ms": 48,
    "peer": {
        "tls": "TLSv1.3",
        "cipher": "TLS_AES_256_GCM_SHA384",
        "certificate": _CERTIFICATE | {"subject": "CN=alarms.example.com"},
        "days_left": 365,
    },
    "token_seconds": 3600,
}
