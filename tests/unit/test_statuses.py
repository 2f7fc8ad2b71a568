"""What HTTP status codes are called."""

from http import HTTPStatus

import pytest

from domain.statuses import code_of, phrase_of


@pytest.mark.parametrize(
    ("status", "phrase", "code"),
    [
        (404, "Not Found", "not_found"),
        (413, "Request Entity Too Large", "request_entity_too_large"),
        (414, "Request-URI Too Long", "request_uri_too_long"),
        (416, "Requested Range Not Satisfiable", "requested_range_not_satisfiable"),
        (422, "Unprocessable Entity", "unprocessable_entity"),
        (HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable", "service_unavailable"),
    ],
)
def test_a_status_has_the_same_name_under_every_version_of_python(status: int, phrase: str, code: str) -> None:
    assert (phrase_of(status), code_of(status)) == (phrase, code)


def test_a_status_that_is_not_registered_has_no_name() -> None:
    with pytest.raises(ValueError, match="599"):
        phrase_of(599)
