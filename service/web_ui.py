"""Where Temporal's own Web UI shows a workflow."""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class WebUi:
    """A Web UI, if its address is known.

    Attributes:
        url: of IM_TEMPORAL_UI_URL, without a slash at its end.
    """

    url: str | None
    namespace: str

    def workflow(self, workflow_id: str) -> str | None:
        """The address of the last run of a workflow; None when the Web UI's own is not known."""
        if self.url is None:
            return None
        return f"{self.url}/namespaces/{quote(self.namespace, safe='')}/workflows/{quote(workflow_id, safe='')}"
