"""Everything that a gateway loads when it is first asked for it, for a process that serves or has others do so.

Loaded before processes are forked, it is shared by all, and one that is started anew is of the same version.
"""

from service import (  # noqa: F401 - to have them loaded
    alarms,
    callers,
    configuration,
    doctor,
    events,
    follower,
    health,
    heartbeats,
    http_clients,
    incidents,
    keys,
    publisher,
    registries,
    registry_writes,
    replays,
    retention,
    sessions,
    sources,
    subscribers,
    tokens,
    trials,
    why,
    zeebe_clusters,
)
