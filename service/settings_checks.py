"""What is wrong with settings beyond the bounds of each: names that there are not, and an API that nothing guards."""

import ipaddress
import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from domain.errors import SettingsError
from domain.likeness import is_like, nearest

if TYPE_CHECKING:  # it imports this
    from service.settings import Settings


PUBLISHING = "ENABLE_EVENT_PUBLISHING"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parts_of(text: str) -> list[str]:
    """What is between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def network(text: str) -> Network:
    """A CIDR block; raises `ValueError` that names it, with the block that was probably meant."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        meant = f"; its block is {ipaddress.ip_network(text, strict=False)}"
    except ValueError:
        meant = ", such as 10.0.0.0/8 or fd00::/8"
    raise ValueError(f"{text!r} is no CIDR block{meant}")


def refuse_unknown(known: Collection[str]) -> None:
    """Raise `SettingsError` for a variable ``IM_*`` that is no setting: it would be left out without a word."""
    unknown = sorted(name for name in os.environ if name.startswith("IM_") and name not in known)
    if unknown:
        ours = sorted(name for name in known if name.startswith("IM_"))
        raise SettingsError(
            reason="; ".join(_meant(name, ours) for name in unknown), fix=f"Known are {', '.join(ours)}."
        )
    if PUBLISHING not in (name.upper() for name in os.environ):
        _refuse_misspelt_publishing()


def _refuse_misspelt_publishing() -> None:
    """The one setting of another beginning that matters: misspelt, nothing would be emitted."""
    typed = [name for name in os.environ if name.count("_") == PUBLISHING.count("_") and _is_misspelt(name, PUBLISHING)]
    if typed:
        raise SettingsError(
            reason=f"{typed[0]} is no setting (did you mean {PUBLISHING}?)",
            fix=f"If it is another program's, set {PUBLISHING} itself, to true or false.",
        )


def _is_misspelt(name: str, meant: str) -> bool:
    """Whether each word is meant: names of other programs may have some of the same."""
    return all(map(is_like, name.split("_"), meant.split("_")))


def _meant(name: str, known: Collection[str]) -> str:
    close = nearest(name.removeprefix("IM_"), [each.removeprefix("IM_") for each in known])
    return f"unknown setting {name}" + (f" (did you mean IM_{close}?)" if close else "")


def guarded(settings: "Settings") -> "Settings":
    """The same settings, if they may be served; `im dev` has a token always, and need not ask.

    Raises:
        SettingsError: an API bound beyond loopback, or passed on to by a reverse proxy, without a token.
    """
    if not settings.binds_loopback and settings.im_api_token is None:
        raise SettingsError(
            reason=f"IM_API_HOST={settings.im_api_host} would open the API to other machines without a token",
            fix="Set IM_API_TOKEN to at least 16 random characters, or bind to 127.0.0.1.",
        )
    if settings.im_api_hostnames and settings.im_api_token is None:
        raise SettingsError(
            reason="IM_API_HOSTNAMES would open the API to whoever reaches the reverse proxy, without a token",
            fix="Set IM_API_TOKEN to at least 16 random characters, or leave IM_API_HOSTNAMES out.",
        )
    return settings
