"""Which Zeebe cluster an API token speaks for, and how whoever speaks for none is refused."""

from collections.abc import Awaitable

from domain.source_errors import AccessDeniedError
from domain.sources import Sources, ZeebeCluster
from domain.token_errors import ScopeMissingError, TokenRefusedError
from domain.tokens import ingest_scope
from service.callers import Caller


async def cluster_of_caller(asked: Awaitable[Caller], cluster: str | None, sources: Sources) -> ZeebeCluster:
    """The cluster that an API token speaks for.

    Args:
        asked: whose token it is.
        cluster: the name that the request claims; needed only where the token is for several.
        sources: the clusters.

    Raises:
        AccessDeniedError: it is nobody's token, or there is no such cluster, or none was named.
        ScopeMissingError: the token is not for that cluster, or for none.
    """
    try:
        caller = await asked
    except TokenRefusedError as error:
        reason = error.data["reason"]
        raise denied(f"no Zeebe cluster has that token, and as an API token it is refused: {reason}") from None
    allowed = [name for name in sources.clusters if caller.may(ingest_scope(name))]
    if cluster is None and len(allowed) > 1:
        raise AccessDeniedError(
            reason=f"the token {caller.name!r} is for several clusters, and the request does not say which one speaks",
            fix="Post to ?cluster=NAME.",
        )
    name = cluster or next(iter(allowed), "NAME")
    if not caller.may(ingest_scope(name)):
        raise ScopeMissingError(name=caller.name, scope=ingest_scope(name))
    if name not in sources.clusters:
        raise denied(f"no Zeebe cluster is named {name!r}")
    return sources.clusters[name]


def denied(reason: str) -> AccessDeniedError:
    """The error for records that nobody may post."""
    return AccessDeniedError(
        reason=reason,
        fix="Configure the exporter with the token that `im zeebe cluster add` was given, as the Authorization header.",
    )


def unsigned() -> AccessDeniedError:
    """The error for alerts that no cluster's secret signed."""
    return AccessDeniedError(
        reason="the signature of the alert is missing or wrong",
        fix="Sign it with the secret that `im zeebe cluster add NAME --alert-secret` was given: HMAC-SHA256 of the "
        "body, in hexadecimal, as X-Camunda-Signature-256.",
    )
