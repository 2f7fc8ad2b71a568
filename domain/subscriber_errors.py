"""Errors of subscribers and what they are made of. Part of the tree in `domain.errors`.

ImError
├── InvalidInputError
│   ├── InvalidPatternError
│   ├── InvalidHeaderError
│   ├── InvalidSecretError
│   ├── InvalidScheduleError
│   └── InvalidLimitError
├── TooLargeError
│   └── DirectoryFullError
├── ConflictError
│   └── SubscriberExistsError
└── NotFoundError
    └── SubscriberNotFoundError
"""

from domain.errors import ConflictError, InvalidInputError, NotFoundError, TooLargeError


class InvalidPatternError(InvalidInputError):
    """An event type pattern that cannot be understood."""

    code = "invalid_pattern"
    says = "{pattern!r} is not a pattern: {reason}"
    hint = "Separate segments by dots; * stands for one whole segment, ** for one or more."
    field = "types"


class InvalidHeaderError(InvalidInputError):
    """A request header that may not be set by a subscriber."""

    code = "invalid_header"
    says = "the header {header!r} cannot be used: {reason}"
    hint = "Give --header 'Name=value' with a header that the platform does not set itself."
    field = "headers"


class InvalidSecretError(InvalidInputError):
    """A signing secret that cannot be used; the secret itself is never in the error."""

    code = "invalid_secret"
    says = "the secret cannot be used: {reason}"
    hint = "Let the platform make one with --generate-secret."
    field = "secret"


class InvalidScheduleError(InvalidInputError):
    """A retry schedule or a number of attempts out of range."""

    code = "invalid_schedule"
    says = "the retry schedule cannot be used: {reason}"
    hint = "Use 'default', 'pager', 'long', or seconds between attempts such as 5,60,600."
    field = "schedule"


class InvalidLimitError(InvalidInputError):
    """A limit of a subscriber out of range."""

    code = "invalid_limit"
    says = "the limit cannot be used: {reason}"
    hint = "Write a rate as 10/s, 100/m or 0.5/s, from 0.1 to 1000 a second; at once may be 1 to 1000."
    field = "rate_limit"


class DirectoryFullError(TooLargeError):
    """A change that would take the directory past Temporal's payload limit."""

    code = "directory_full"
    says = "the directory would grow to {size} bytes; the limit is {limit} (Temporal's 2 MiB a payload)"
    hint = "Remove subscribers that are no longer used: im subscriber list."


class SubscriberExistsError(ConflictError):
    """The name is taken."""

    code = "subscriber_exists"
    says = "a subscriber named {name!r} exists already"
    hint = "Choose another name, or change it: im subscriber update {name} ..."


class SubscriberNotFoundError(NotFoundError):
    """No such subscriber."""

    code = "subscriber_not_found"
    says = "no subscriber is named {name!r}"
    hint = "See the names with: im subscriber list."
