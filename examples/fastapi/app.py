"""A FastAPI application that is told of incidents. See README.md beside it."""

import os
from typing import Any

from asgi import SqliteStore, VerifiedWebhooks
from fastapi import FastAPI

app = FastAPI()
# The first secret is the one in use; a second one may be given during a rotation.
app.add_middleware(
    VerifiedWebhooks,
    path="/webhook",
    secrets=os.environ["WEBHOOK_SECRETS"].split(","),
    store=SqliteStore(os.environ.get("WEBHOOK_STORE", "seen.db")),
)


@app.post("/webhook")
async def told(event: dict[str, Any]) -> dict[str, str]:
    """Called once for each event: genuine, new, and at most five minutes old. Answer within ten seconds.

    When this raises, the delivery is answered 500 and comes again.
    """
    match event["type"]:
        case "im.incident.declared.v1":
            print(f"declared: {event['data']['incident_id']} {event['data']['title']}", flush=True)
        case "im.incident.resolved.v1":
            print(f"resolved: {event['data']['incident_id']}", flush=True)
    return {"taken": event["id"]}
