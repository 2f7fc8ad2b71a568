"""Examples of operating routes for OpenAPI; a test reads each of them with the model it stands for."""

from typing import Any

KEYS: dict[str, Any] = {
    "keys": [
        {"key": "k2", "seals": True, "here": True, "workers": 2, "values": 0},
        {"key": "k1", "seals": False, "here": True, "workers": 2, "values": 14},
    ],
    "workers": 2,
    "silent": [],
    "elsewhere": [],
    "lost": [],
    "advice": ["values are sealed with k1: im keys rotate"],
}
ROTATION: dict[str, Any] = {
    "key": "k2",
    "added": False,
    "resealed": 14,
    "lost": [],
    "advice": ["nothing is sealed with k1 any more. Take it out of IM_SECRET_KEYS of every process"],
}
RETENTION: dict[str, Any] = {"namespace": "default", "retention": "7d", "seconds": 604800}
CHECKUP: dict[str, Any] = {
    "findings": [
        {"check": "temporal", "level": "ok", "message": "server 1.32.0 (namespace default)", "fix": ""},
        {
            "check": "queue im-deliveries (activities)",
            "level": "error",
            "message": "nobody works on it (retries)",
            "fix": "Start a worker: im serve or im worker.",
        },
    ]
}
CONFIGURATION: dict[str, Any] = {
    "format": "im-configuration",
    "format_version": 1,
    "exported_at": "2025-12-26T14:30:00Z",
    "secrets": "sealed",
    "omitted": {},
    "http_clients": [],
    "subscribers": [
        {"name": "my-webhook", "url": "https://example.com/webhooks/incidents", "types": ["im.incident.**"]}
    ],
    "zeebe_clusters": [],
    "heartbeats": [],
}
IMPORT: dict[str, Any] = {
    "dry_run": True,
    "rows": [
        {
            "entry": "subscriber my-webhook",
            "action": "change",
            "changes": ['types: ["**"] -> ["im.incident.**"]'],
            "note": None,
            "ping_path": None,
        }
    ],
}
