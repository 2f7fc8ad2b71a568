"""Errors of alert targets. Part of the tree in `domain.errors`; none repeats any part of a notify URL.

ImError
├── InvalidInputError
│   └── InvalidNotifyError
└── ConfigurationError
    └── AppriseMissingError
"""

from domain.errors import ConfigurationError, InvalidInputError


class InvalidNotifyError(InvalidInputError):
    """A notify URL that cannot be used; the URL, which is a secret as a whole, is not in the error."""

    code = "invalid_notify"
    says = "the notify URL cannot be used: {reason}"
    hint = (
        "Forms: pagerduty://INTEGRATION_KEY, pover://USER@TOKEN/DEVICE, "
        "twilio://SID:TOKEN@FROM/TO?method=sms|call, or any other that Apprise has (with the extra 'apprise')."
    )
    field = "notify"


class AppriseMissingError(ConfigurationError):
    """A notify URL of a service that only Apprise knows, where Apprise is not installed."""

    code = "apprise_missing"
    says = "{scheme}:// is for the extra 'apprise', which is not installed here"
    hint = "Install it where im serve, im worker and this command run: pip install 'incidents-platform[apprise]'."
