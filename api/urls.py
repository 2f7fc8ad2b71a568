"""Where things are: the prefix of every route, and addresses of single resources."""

from urllib.parse import quote

PREFIX = "/api/v1"
EVENTS_PATH = f"{PREFIX}/events"
ALARMS_PATH = f"{PREFIX}/alarms"
NOTIFICATIONS_PATH = f"{ALARMS_PATH}/notifications"
RECORDS_PATH = f"{PREFIX}/zeebe/records"
ALERTS_PATH = f"{PREFIX}/camunda/alerts"
CONFIGURATION_PATH = f"{PREFIX}/configuration"
PING_PATHS = f"{PREFIX}/ping/"
PAGE = "/ui"


def location(*segments: str) -> str:
    """The path of a resource, each segment percent-encoded whole: an event id may contain slashes."""
    return "/".join((PREFIX, *(quote(segment, safe="") for segment in segments)))


def is_page(path: str) -> bool:
    """Whether a path is of the page that people look at, whose routes ask for a session."""
    return path == "/" or path.startswith(f"{PAGE}/")
