"""Which tokens may be made."""

from typing import Any, cast

import pytest

from domain.errors import InvalidRequestError
from service.tokens import TokenGateway


@pytest.mark.parametrize("name", ["IM_API_TOKEN", "im_api_token"])
async def test_the_name_of_the_administrator_is_nobody_elses(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="choose another name"):
        await TokenGateway(cast("Any", None), cast("Any", None)).create(name, ["read"])
