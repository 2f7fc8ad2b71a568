"""A notify URL taken apart. Unlike `urllib.parse`, it keeps the case of the host: services have keys there."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from domain.addresses import MAX_URL_LENGTH
from domain.targets.errors import InvalidNotifyError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9]{1,31}(?=://)")
_OPTION = re.compile(r"[a-z_]{1,20}")


@dataclass(frozen=True)
class NotifyUrl:
    """The parts of ``scheme://user:password@host/path/path?options``, decoded; only the scheme may be shown.

    Attributes:
        options: names in lower case; those that began with ``+`` are in ``details`` instead, as they were spelt.
    """

    scheme: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    host: str = field(default="", repr=False)
    path: tuple[str, ...] = field(default=(), repr=False)
    options: dict[str, str] = field(default_factory=dict, repr=False)
    details: dict[str, str] = field(default_factory=dict, repr=False)

    def require(self, *known: str) -> None:
        """Refuse options that the service does not have: one that is ignored in silence is found out in the night.

        Raises:
            InvalidNotifyError: naming the option, not its value.
        """
        for name in sorted(self.options.keys() - set(known)):
            shown = name if _OPTION.fullmatch(name) else "in it"
            raise InvalidNotifyError(
                reason=f"the option {shown} of {self.scheme}:// is not supported; known are {', '.join(sorted(known))}"
            )


def scheme_of(url: str) -> str:
    """The scheme, in lower case.

    Raises:
        InvalidNotifyError: it has none, is over 2048 characters, or has white space or control characters.
    """
    if not url.strip():
        raise InvalidNotifyError(reason="it is empty")
    if len(url) > MAX_URL_LENGTH or not url.isprintable() or any(char.isspace() for char in url):
        raise InvalidNotifyError(reason=f"it has white space or control characters, or is over {MAX_URL_LENGTH} long")
    found = _SCHEME.match(url)
    if found is None:
        raise InvalidNotifyError(reason="it does not begin with a scheme such as pagerduty://")
    return found[0].lower()


def split(url: str) -> NotifyUrl:
    """A notify URL taken apart; raises as `scheme_of` does."""
    scheme = scheme_of(url)
    rest, _, query = url[len(scheme) + 3 :].partition("?")
    place, _, path = rest.partition("/")
    login, _, host = place.rpartition("@")
    user, _, password = login.partition(":")
    # A plus sign stands for itself (phone numbers, and Apprise's +name=value), not for a space as in HTML forms.
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    return NotifyUrl(
        scheme=scheme,
        user=unquote(user),
        password=unquote(password),
        host=unquote(host),
        path=tuple(unquote(part) for part in path.split("/") if part),
        options={name.lower(): value for name, value in pairs if not name.startswith("+")},
        details={name[1:]: value for name, value in pairs if name.startswith("+")},
    )
