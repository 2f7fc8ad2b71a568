"""The OpenAPI document as it is checked in: ``python -m api.document > docs/openapi.json`` (or ``make openapi``)."""

import json
import sys

from api.app import described


def openapi_text() -> str:
    """What ``/openapi.json`` serves, written so that a change of it shows line by line."""
    return json.dumps(described().openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(openapi_text())
