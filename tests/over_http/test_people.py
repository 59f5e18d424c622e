"""Several people at one server: whose a call is, and what news of whom they hear."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2

from seedance_mcp.config import Settings
from tests.server.conftest import Era
from tests.server.process import MODERN

from .identity import identity
from .local import PUBLIC, bearer, behind_a_proxy, called, client, post, result_of, serving, token
from .overhearing import bought_beside, buy, jobs_of


async def test_a_person_hears_of_their_own_jobs_alone(settings: Settings) -> None:
    ann, bea = await token(settings, person="ann"), await token(settings, person="bea")
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        job_id, heard = await bought_beside(http, url, bearer(ann), bearer(bea))
        assert await jobs_of(http, url, bearer(ann)) == [job_id]
        assert await jobs_of(http, url, bearer(bea)) == []
    assert heard == []


async def test_every_token_of_a_person_is_that_person_and_those_of_nobody_are_the_owners(
    settings: Settings, era: Era
) -> None:
    one, two = await token(settings, "one", person="ann"), await token(settings, "two", person="ann")
    mine = await token(settings, "mine")
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        anns, own = await buy(http, url, bearer(one)), await buy(http, url, bearer(mine))
        assert anns != own
        async with client(url, era, bearer(two)) as assistant:
            found = await assistant.call_tool("check_status", {})
            assert found.structured_content is not None
            assert [job["job_id"] for job in found.structured_content["jobs"]] == [anns]
        assert await jobs_of(http, url, bearer(mine)) == [own]


async def test_whoever_signs_in_is_themselves_alone(settings: Settings) -> None:
    async with identity() as provider:
        named = replace(
            settings, oauth_issuer=provider.issuer, oauth_subject="me", oauth_people=("ann", "bea")
        )
        async with serving(named, behind_a_proxy()) as url, httpx2.AsyncClient() as http:

            def of(subject: str) -> dict[str, Any]:
                return {**PUBLIC, **bearer(provider.token(sub=subject))}

            bought = {subject: await buy(http, url, of(subject)) for subject in ("me", "ann", "bea")}
            assert len(set(bought.values())) == 3
            for subject, job_id in bought.items():
                assert await jobs_of(http, url, of(subject)) == [job_id]
            refused = await post(http, url, called("check_status"), of("somebody"))
            assert refused.status_code == 403


async def test_anybody_may_sign_in_where_the_settings_say_so(settings: Settings) -> None:
    async with identity() as provider:
        named = replace(settings, oauth_issuer=provider.issuer, oauth_people=("any",))
        async with serving(named, behind_a_proxy()) as url, httpx2.AsyncClient() as http:
            for subject in ("ann", "somebody"):
                headers = {**PUBLIC, **bearer(provider.token(sub=subject))}
                assert await jobs_of(http, url, headers) == []


async def test_another_person_on_this_machine_names_no_file_of_it(settings: Settings, tmp_path: Path) -> None:
    ann = await token(settings, person="ann")
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        for tool, field in (
            ("view_video", "source"),
            ("upload_media", "source"),
            ("estimate_cost", "first_frame"),
        ):
            answer = result_of(
                await post(http, url, called(tool, {field: str(tmp_path / "a.mp4")}), bearer(ann))
            )
            assert answer["isError"]
            assert "is a path" in answer["content"][0]["text"]


async def test_a_task_of_another_is_none(settings: Settings) -> None:
    ann, bea = await token(settings, person="ann"), await token(settings, person="bea")
    tasks = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
    meta = {**MODERN, "io.modelcontextprotocol/clientCapabilities": tasks}
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        job_id = await buy(http, url, bearer(ann))
        message = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tasks/get",
            "params": {"taskId": job_id, "_meta": meta},
        }
        answers = [
            (await post(http, url, message, {**bearer(text), "Mcp-Name": job_id})).text for text in (ann, bea)
        ]
        assert "working" in answers[0]
        assert f"There is no task '{job_id}'" in answers[1]
