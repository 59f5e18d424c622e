"""What only RunComfy does: errors inside an HTTP 200, and ends that only the result tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from seedance_mcp.catalog import Catalog
from seedance_mcp.errors import InsufficientFunds, ProviderError, SubmissionUnknown
from seedance_mcp.providers import Access, create
from seedance_mcp.types import VideoRequest
from tests.emulator.scripted import saying, scripted
from tests.emulator.wire import Response

CATALOG = Catalog.load()
OFFER = CATALOG.offer("runcomfy", "seedance-2.0")
WISH = VideoRequest(prompt="A cat.", model="seedance-2.0", duration=5, resolution="480p")


class Buyer:
    tag = "0123456789abcdef01234567-tag"

    async def sending(self) -> None:
        pass

    def answered(self, status: int, body: bytes) -> None:
        pass


async def bought(reply: Any, status: int = 200) -> str:
    """Submit to a service that says this; the id of the task."""
    async with scripted(saying(Response.of(reply, status))) as server:
        access = Access(key=SecretStr("k"), base_url=server.origin, folder=Path())
        provider = create(CATALOG.provider("runcomfy"), access)
        try:
            return (await provider.submit(WISH, OFFER, Buyer())).task_id
        finally:
            await provider.close()


async def test_a_documented_refusal_inside_a_200_is_believed() -> None:
    with pytest.raises(InsufficientFunds):
        await bought({"error_code": 400002, "error_message": "Insufficient resources."})


@pytest.mark.parametrize("code", [500001, "strange", 399999])
async def test_an_undocumented_code_inside_a_200_proves_nothing(code: int | str) -> None:
    with pytest.raises(SubmissionUnknown):
        await bought({"error_code": code, "error_message": "Something happened."})


async def test_a_documented_refusal_inside_a_500_proves_nothing() -> None:
    with pytest.raises(SubmissionUnknown):
        await bought({"error_code": 400002, "error_message": "Insufficient resources."}, 500)


async def test_an_answer_with_an_id_is_a_purchase_whatever_else_it_says() -> None:
    assert await bought({"request_id": "r-9", "error_code": 400002, "error": "?"}) == "r-9"


async def test_a_page_of_a_gateway_is_told_apart_from_the_service() -> None:
    with pytest.raises(ProviderError) as caught:
        await bought({"message": "upstream"}, 502)
    assert isinstance(caught.value, SubmissionUnknown)
