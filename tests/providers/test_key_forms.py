"""A provider may quote the key in any form: none of it comes out, and nothing else is taken for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from seedance_mcp.errors import ProviderError
from seedance_mcp.providers.http.masking import MASK, masked, masked_bytes, masked_text
from tests.emulator.scripted import saying, scripted
from tests.emulator.wire import Response
from tests.reliability.secrets_canaries import KEYS, sightings, told

from .test_http import OPEN, Buyer, Thing, api

FAL = "0f6d1c2a-77aa-4b1e-9c11-aa00bb11cc22:c0ffee00112233445566778899aabbcc"
ODD = "sk-Advers+ary/Key=0123456789abcdef-XYZ="
SECRETS = (FAL, ODD, next(iter(KEYS.values())))


@pytest.fixture(autouse=True)
async def no_connection_stays_open() -> AsyncIterator[None]:
    yield
    while OPEN:
        await OPEN.pop().close()


@pytest.mark.parametrize("key", SECRETS)
async def test_a_refusal_that_quotes_the_key_in_any_form_does_not_hand_it_on(key: str) -> None:
    for form in told(key):
        refusal = Response.of({"error": f"the key {form} is wrong", "code": form}, 401)
        async with scripted(saying(refusal)) as server:
            with pytest.raises(ProviderError) as caught:
                await api(server.origin, key=key).get("thing", Thing)
            buyer = Buyer()
            with pytest.raises(ProviderError) as refused:
                await api(server.origin, key=key).buy("thing", Thing, {}, buyer)
        said = f"{vars(caught.value)} {vars(refused.value)} ".encode() + buyer.answers[0][1]
        assert MASK in caught.value.message
        assert not sightings({"the key": key}, {"the errors and the raw answer": said}), form


@pytest.mark.parametrize("key", SECRETS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_raw_answer_stays_readable_when_the_key_is_taken_out(key: str, encoding: str) -> None:
    escaped = "".join(f"\\u{ord(character):04x}" for character in key)
    for form in (*told(key), key.replace("/", "\\/"), "\\" + escaped, key[:9] + "\n" + key[9:]):
        for ascii_only in (True, False):
            body = json.dumps({"id": "t-1", "said": f"\\{form} no"}, ensure_ascii=ascii_only)
            bare = masked_bytes(body.encode(encoding), key).decode(encoding)
            assert json.loads(bare)["id"] == "t-1"
            assert MASK in json.loads(bare)["said"]
            assert not sightings({"the key": key}, {"the answer": bare.encode()}), form


def test_a_half_of_a_key_is_masked_unless_it_is_too_short_to_be_a_secret() -> None:
    assert masked_text(f"unknown key id {FAL.split(':')[0]}", FAL) == f"unknown key id {MASK}"
    assert masked_text(f"wrong secret {FAL.split(':')[1]}", FAL) == f"wrong secret {MASK}"
    assert masked_text("user 12345678 is unknown", "12345678:c0ffee0011223344") == "user 12345678 is unknown"
    assert masked_text("wrong c0ffee0011223344", "12345678:c0ffee0011223344") == f"wrong {MASK}"


@pytest.mark.parametrize("key", [*SECRETS, "test", "sk-live-0001", "cgt-00000001"])
def test_what_is_no_key_stays_as_it_is(key: str) -> None:
    said = {
        "id": "cgt-20261129005128-7xk2p",
        "request_id": "0f6d1c2a-77ab-4b1e-9c12-aa00bb11cc22",
        "url": "https://ark-content.example.com/a%20b%2Fc.mp4?X-Tos-Credential=AKLT0123456789&X-Tos-Signature=9f4c1d7e8b2a",
        "message": "The parameter `content` is not valid: 输入 has 0123456789abcde characters, c0ffee0011223.",
        "digest": "c0ffee" * 12,
        "usage": {"completion_tokens": 108900, "total_tokens": 108900, "ok": True, "none": None},
    }
    body = json.dumps([said] * 20).encode()
    assert masked_bytes(body, key) == body
    assert masked(said, key) == said
