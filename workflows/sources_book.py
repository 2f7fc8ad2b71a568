"""What the registry of sources does with its entries: finds them, checks what may come and go, and counts changes."""

from datetime import datetime

from temporalio import workflow

from domain.errors import InvalidRequestError
from domain.heartbeat_changes import HeartbeatChange, apply_heartbeat_change
from domain.naming import found
from domain.source_errors import ClusterNotFoundError, HeartbeatNotFoundError
from domain.sources import HeartbeatConfig, Sources, ZeebeCluster, check_count
from domain.token_errors import TokenExistsError, TokenNotFoundError
from domain.tokens import ApiToken, clusters_of
from workflows import policies

MAX_TOKENS = 200  # with 20 scopes, one takes 1.8 KB


class SourcesBook:
    """The entries, and when API tokens were last used."""

    def __init__(self, sources: Sources, uses: dict[str, datetime]) -> None:
        self._sources = sources
        self._uses = uses
        self._updates = 0
        self._renewed = False  # so that the sealed values of an old key go with this run's history

    def _cluster(self, name: str) -> ZeebeCluster:
        return found(name, self._sources.clusters, ClusterNotFoundError)

    def _heartbeat(self, name: str) -> HeartbeatConfig:
        return found(name, self._sources.heartbeats, HeartbeatNotFoundError)

    def _heartbeat_after(self, change: HeartbeatChange) -> HeartbeatConfig:
        config = self._heartbeat(change.name)
        changed = apply_heartbeat_change(config, change, workflow.now())
        if (changed.cluster, changed.zeebe_process) != (config.cluster, config.zeebe_process):
            self._check_canary(changed)
        return changed

    def _check_canary(self, config: HeartbeatConfig) -> None:
        """Raise unless the cluster that a heartbeat is to have is there, and its process beats none."""
        if config.cluster is None:
            return
        self._cluster(config.cluster)
        if other := self._sources.canary(config.cluster, config.zeebe_process or ""):
            raise InvalidRequestError(reason=f"records of that process are beats of {other!r} already")

    def _check_new(self, token: ApiToken) -> None:
        if token.name in self._sources.tokens:
            raise TokenExistsError(name=token.name)
        for cluster in clusters_of(token.scopes):
            self._cluster(cluster)
        check_count(len(self._sources.tokens), MAX_TOKENS)

    def _token(self, name: str) -> ApiToken:
        return found(name, self._sources.tokens, TokenNotFoundError)

    def _keep(self, name: str, token: ApiToken | None) -> None:
        """Have a token as it is given, or no longer."""
        if token is not None:
            self._sources.tokens[name] = token
            return
        del self._sources.tokens[name]
        self._uses.pop(name, None)

    def _check_unused(self, cluster: str) -> None:
        self._cluster(cluster)
        if used := [beat.name for beat in self._sources.heartbeats.values() if beat.cluster == cluster]:
            raise InvalidRequestError(
                reason=f"the cluster {cluster!r} beats {', '.join(sorted(used))}; remove those heartbeats first"
            )

    def _is_long(self) -> bool:
        full = self._renewed or self._updates >= policies.MAX_UPDATES_PER_RUN
        return full or workflow.info().is_continue_as_new_suggested()

    def _changed(self) -> None:
        self._sources.version += 1
        self._updates += 1
        known = self._sources
        beating, told = len(known.heartbeats), f"{len(known.clusters)} Zeebe clusters"
        workflow.set_current_details(f"{told}, {beating} heartbeats, {len(known.tokens)} API tokens")
