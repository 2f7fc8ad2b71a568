"""`im demo --seed-data`: realistic incidents and alarms on the platform that runs already."""

from typing import NamedTuple

from cli.render_incidents import incident_table
from cli.run import put, say, warn, with_gateway
from domain.alarms import AlarmSeverity, Identity
from domain.errors import InvalidRequestError
from domain.incidents import Action, Change, Declaration, Incident, Severity
from domain.targets.kinds import WEBHOOK
from service.gateway import Gateway

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"


class Seed(NamedTuple):
    """An incident, and what is done about it: actions with who takes them and what is said."""

    title: str
    severity: Severity
    actor: str
    steps: tuple[tuple[Action, str, str | None], ...] = ()


# From the worst that is going on to what is over: every status of the lifecycle is there.
SEEDS = (
    Seed("Elevated p99 latency in search", Severity.SEV_4, BOB),
    Seed(
        "Nightly export to the warehouse is late",
        Severity.SEV_3,
        CAROL,
        ((Action.ACKNOWLEDGE, CAROL, None), (Action.NOTE, CAROL, "the disk of the staging database is full")),
    ),
    Seed(
        "Logins fail for a tenth of the users",
        Severity.SEV_1,
        ALICE,
        (
            (Action.ACKNOWLEDGE, BOB, "looking at the session store"),
            (Action.NOTE, BOB, "one of three nodes answers with errors since 10:42"),
            (Action.MITIGATE, BOB, "took the node out of the pool"),
        ),
    ),
    Seed(
        "Card payments are declined",
        Severity.SEV_2,
        ALICE,
        (
            (Action.ACKNOWLEDGE, ALICE, None),
            (Action.NOTE, ALICE, "the provider reports an outage of its own"),
            (Action.MITIGATE, ALICE, "switched to the second provider"),
            (Action.RESOLVE, ALICE, "the first one has recovered, and we switched back"),
        ),
    ),
    Seed(
        "Certificate of the partner gateway expired",
        Severity.SEV_2,
        CAROL,
        (
            (Action.ACKNOWLEDGE, CAROL, None),
            (Action.RESOLVE, CAROL, "renewed by hand"),
            (Action.CLOSE, ALICE, "review: im doctor warns 30 days ahead, and now somebody reads it"),
        ),
    ),
    Seed("Probe of the status page failed once", Severity.SEV_4, "probe", ((Action.RESOLVE, "probe", "it answers"),)),
)
ALARMS = (
    (
        Identity(alarm_type="failed-connection", resource_type="data-source", resource_id="users-db"),
        AlarmSeverity.MAJOR,
    ),
    (Identity(alarm_type="disk-usage", resource_type="host", resource_id="build-7"), AlarmSeverity.WARNING),
)


async def plant(im: Gateway, *, page: bool) -> list[Incident]:
    """Declare the incidents, lead them as far as they go, and raise the alarms; subscribers are told of it all.

    Args:
        im: the platform.
        page: alert targets may be told, too.

    Raises:
        InvalidRequestError: somebody would be paged, and ``page`` is not given; nothing was done.
    """
    paged = [one.name for one in await im.subscribers.all() if one.enabled and one.target != WEBHOOK]
    if paged and not page:
        raise InvalidRequestError(reason=f"that would page somebody, by {', '.join(paged)}; if it shall, add --page")
    planted = [await _grow(im, seed) for seed in SEEDS]
    for identity, severity in ALARMS:
        await im.alarms.upsert(identity, severity, brief_description=f"{identity.alarm_type} of {identity.resource_id}")
    if not planted[0].timeline[0].published:
        warn("event publishing is off in the worker, so nobody was told; start it with ENABLE_EVENT_PUBLISHING=true")
    say(f"declared {len(planted)} incidents and raised {len(ALARMS)} alarms; see: im alarm list, im event list")
    return planted


def run_seeds(*, page: bool) -> None:
    """Plant them on the platform of the process's settings, and list them."""
    planted = with_gateway(lambda im: plant(im, page=page))
    put(incident_table(planted))


async def _grow(im: Gateway, seed: Seed) -> Incident:
    declaration = Declaration(title=seed.title, severity=seed.severity, actor=seed.actor, details={"demo": True})
    incident = await im.incidents.declare(declaration)
    for action, actor, note in seed.steps:
        incident = await im.incidents.change(incident.id, Change(action=action, actor=actor, note=note))
    return incident
