"""SourcesWorkflow: the registry of Zeebe clusters, heartbeats and API tokens; its history is the audit log."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from domain.heartbeat_changes import HeartbeatChange
    from domain.placements import PlacedCluster, bare, check_unchanged
    from domain.resealing import Resealing, check_resealing, resealed
    from domain.source_errors import ClusterExistsError, HeartbeatExistsError
    from domain.sources import (
        MAX_SOURCES,
        ClusterChange,
        ClusterRemoved,
        HeartbeatConfig,
        Sources,
        SourcesSnapshot,
        ZeebeCluster,
        apply_cluster_change,
        check_count,
    )
    from domain.tokens import ApiToken, TokenUses, without_cluster
    from workflows.refusals import refused
    from workflows.sources_book import SourcesBook


class SourcesState(BaseModel):
    """What the registry carries from run to run; the uses are no part of what processes hold on a lease."""

    sources: Sources = Sources()
    token_uses: TokenUses = TokenUses()


@workflow.defn(name="SourcesWorkflow")
class SourcesWorkflow(SourcesBook):
    """Holds every source; changes are updates, refused in their validators so that history holds only changes."""

    @workflow.init
    def __init__(self, state: SourcesState) -> None:
        super().__init__(state.sources, state.token_uses.at)

    @workflow.run
    async def run(self, _state: SourcesState) -> None:
        """Serve until the history is long, then go on in a new run."""
        await workflow.wait_condition(self._is_long)
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(SourcesState(sources=self._sources, token_uses=TokenUses(at=self._uses)))

    @workflow.update(name="add_cluster")
    def add_cluster(self, new: ZeebeCluster) -> ZeebeCluster:
        """Add a Zeebe cluster."""
        now = workflow.now()
        cluster = new.model_copy(update={"created_at": now, "updated_at": now})
        self._sources.clusters[cluster.name] = cluster
        self._changed()
        return cluster

    @add_cluster.validator
    def _validate_add_cluster(self, new: ZeebeCluster) -> None:
        with refused():
            if new.name in self._sources.clusters:
                raise ClusterExistsError(name=new.name)
            check_count(len(self._sources.clusters), MAX_SOURCES)

    @workflow.update(name="change_cluster")
    def change_cluster(self, change: ClusterChange) -> ZeebeCluster:
        """Change a Zeebe cluster; a change that alters nothing is no change."""
        with refused():  # it may have gone between validation and now
            cluster = self._cluster(change.name)
        changed = apply_cluster_change(cluster, change, workflow.now())
        if changed is not cluster:
            self._sources.clusters[change.name] = changed
            self._changed()
        return changed

    @change_cluster.validator
    def _validate_change_cluster(self, change: ClusterChange) -> None:
        with refused():
            self._cluster(change.name)

    @workflow.update(name="put_cluster")
    def put_cluster(self, wanted: PlacedCluster) -> None:
        """Add a Zeebe cluster, or make it so."""
        now, known = workflow.now(), self._sources.clusters.get(wanted.name)
        with refused():  # it may have been changed between validation and now
            check_unchanged(wanted, known)
        noted = {"created_at": known.created_at if known else now, "updated_at": now}
        self._sources.clusters[wanted.name] = bare(ZeebeCluster, wanted).model_copy(update=noted)
        self._changed()

    @put_cluster.validator
    def _validate_put_cluster(self, wanted: PlacedCluster) -> None:
        with refused():
            check_unchanged(wanted, self._sources.clusters.get(wanted.name))
            if wanted.name not in self._sources.clusters:
                check_count(len(self._sources.clusters), MAX_SOURCES)

    @workflow.update(name="retire_cluster")
    def retire_cluster(self, name: str) -> ClusterRemoved:
        """Remove a Zeebe cluster that no heartbeat names, and from every API token what it could do for it.

        Another one may get the name, and would otherwise be posted for by whoever posted for this one.
        """
        with refused():
            self._check_unused(name)
        left = without_cluster(self._sources.tokens, name)
        for token_name, token in left.items():
            self._keep(token_name, token)
        self._changed()
        revoked = [token_name for token_name, token in left.items() if token is None]
        narrowed = [token_name for token_name, token in left.items() if token is not None]
        return ClusterRemoved(cluster=self._sources.clusters.pop(name), narrowed=narrowed, revoked=revoked)

    @retire_cluster.validator
    def _validate_retire_cluster(self, name: str) -> None:
        with refused():
            self._check_unused(name)

    @workflow.update(name="remove_cluster")
    def remove_cluster(self, name: str) -> ZeebeCluster:
        """As older processes ask for it: tokens stay as they are."""
        with refused():
            self._check_unused(name)
        self._changed()
        return self._sources.clusters.pop(name)

    @remove_cluster.validator
    def _validate_remove_cluster(self, name: str) -> None:
        with refused():
            self._check_unused(name)

    @workflow.update(name="add_heartbeat")
    def add_heartbeat(self, new: HeartbeatConfig) -> HeartbeatConfig:
        """Add a heartbeat; its own workflow is started by the gateway, which removes it again if that fails."""
        config = new.model_copy(update={"created_at": workflow.now(), "updated_at": None})
        self._sources.heartbeats[config.name] = config
        self._changed()
        return config

    @add_heartbeat.validator
    def _validate_add_heartbeat(self, new: HeartbeatConfig) -> None:
        with refused():
            if new.name in self._sources.heartbeats:
                raise HeartbeatExistsError(name=new.name)
            self._check_canary(new)
            check_count(len(self._sources.heartbeats), MAX_SOURCES)

    @workflow.update(name="change_heartbeat")
    def change_heartbeat(self, change: HeartbeatChange) -> HeartbeatConfig:
        """Change a heartbeat, of which the gateway tells its workflow; one that alters nothing is no change."""
        with refused():  # it may have gone between validation and now
            known, changed = self._heartbeat(change.name), self._heartbeat_after(change)
        if changed is not known:
            self._sources.heartbeats[change.name] = changed
            self._changed()
        return changed

    @change_heartbeat.validator
    def _validate_change_heartbeat(self, change: HeartbeatChange) -> None:
        with refused():
            self._heartbeat_after(change)

    @workflow.update(name="remove_heartbeat")
    def remove_heartbeat(self, name: str) -> HeartbeatConfig:
        """Remove a heartbeat."""
        with refused():
            self._heartbeat(name)
        self._changed()
        return self._sources.heartbeats.pop(name)

    @remove_heartbeat.validator
    def _validate_remove_heartbeat(self, name: str) -> None:
        with refused():
            self._heartbeat(name)

    @workflow.update(name="add_token")
    def add_token(self, new: ApiToken) -> ApiToken:
        """Add an API token."""
        with refused():  # another may have come between validation and now: both would be told that theirs counts
            self._check_new(new)
        token = new.model_copy(update={"created_at": workflow.now()})
        self._sources.tokens[token.name] = token
        self._changed()
        return token

    @add_token.validator
    def _validate_add_token(self, new: ApiToken) -> None:
        with refused():
            self._check_new(new)

    @workflow.update(name="revoke_token")
    def revoke_token(self, name: str) -> ApiToken:
        """Revoke an API token; its name is free again."""
        with refused():
            token = self._token(name)
        self._keep(name, None)
        self._changed()
        return token

    @revoke_token.validator
    def _validate_revoke_token(self, name: str) -> None:
        with refused():
            self._token(name)

    @workflow.signal(name="tokens_used")
    def tokens_used(self, uses: TokenUses) -> None:
        """Take note of when tokens were last used; one that was revoked since is not."""
        for name, at in uses.at.items():
            token = self._sources.tokens.get(name)
            if token is not None and at > self._uses.get(name, token.created_at):
                self._uses[name] = at

    @workflow.query(name="token_uses")
    def token_uses(self) -> TokenUses:
        """When each API token was last used; those that never were are not in it."""
        return TokenUses(at=self._uses)

    @workflow.update(name="reseal")
    def reseal(self, request: Resealing) -> None:
        """Replace sealed values by the same secrets under another key."""
        clusters, heartbeats = self._sources.clusters, self._sources.heartbeats
        self._sources.clusters = {name: resealed(each, request.values) for name, each in clusters.items()}
        self._sources.heartbeats = {name: resealed(each, request.values) for name, each in heartbeats.items()}
        self._renewed = request.last
        self._changed()

    @reseal.validator
    def _validate_reseal(self, request: Resealing) -> None:
        with refused():
            check_resealing(request)

    @workflow.query(name="snapshot")
    def snapshot(self, known_version: int | None) -> SourcesSnapshot:
        """Every source, or only the version when that is the one the asker has."""
        current = self._sources
        return SourcesSnapshot(version=current.version, sources=None if known_version == current.version else current)
