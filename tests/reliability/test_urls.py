"""No hostile URL is fetched, whether it is given, redirected to, or what a name turns into."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio
import httpcore2
import httpx2
import pytest

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.errors import DownloadError, MediaError
from seedance_mcp.jobs.results.downloads import Download
from seedance_mcp.jobs.results.transfer import Route
from seedance_mcp.providers.http.addresses import transport

from .urls_hostile import ADDRESSES, URLS


async def nobody(host: str, port: int) -> Sequence[str]:
    raise AssertionError(f"{host} was looked up")


async def refuses(url: str, folder: Path, over: httpx2.AsyncBaseTransport) -> None:
    with anyio.fail_after(10), pytest.raises(DownloadError):
        await Download(url, folder / "x.part", Route(over=over)).fetch()
    assert not (folder / "x.part").exists()


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were connected to, with nobody there."""
    found: list[str] = []

    async def connect_tcp(network: object, host: str, port: int, **options: object) -> None:
        found.append(host)
        raise httpcore2.ConnectError("nobody there")

    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect_tcp)
    return found


def test_there_are_enough_of_them() -> None:
    assert len(set(URLS)) >= 200
    assert len(set(URLS)) == len(URLS)


async def test_no_hostile_url_is_fetched_or_looked_up(tmp_path: Path, tried: list[str]) -> None:
    for url in URLS:
        await refuses(url, tmp_path, transport(trusted=frozenset(), resolve=nobody))
    assert tried == []


async def test_no_redirect_to_a_hostile_url_is_followed(tmp_path: Path) -> None:
    for url in URLS:
        asked: list[str] = []

        def answer(request: httpx2.Request, url: str = url, asked: list[str] = asked) -> httpx2.Response:
            asked.append(str(request.url))
            return httpx2.Response(302, headers={b"Location": url.encode("utf-8", "replace")})

        if "://" not in url and ":" not in url:
            continue  # as the target of a redirect it is a path on the same host
        await refuses("https://cdn.example.com/v.mp4", tmp_path, httpx2.MockTransport(answer))
        assert {httpx2.URL(one).host for one in asked} == {"cdn.example.com"}, url


async def test_a_name_that_leads_to_a_private_address_is_not_connected_to(
    tmp_path: Path, tried: list[str]
) -> None:
    for address in ADDRESSES:
        for first in ([], ["8.8.8.8"]):

            async def resolve(
                host: str, port: int, found: Sequence[str] = (*first, address)
            ) -> Sequence[str]:
                return found

            await refuses(
                "https://rebind.example.com/v.mp4", tmp_path, transport(trusted=frozenset(), resolve=resolve)
            )
    assert tried == []


async def test_a_name_that_flips_after_the_first_look_is_judged_again(
    tmp_path: Path, tried: list[str]
) -> None:
    for address in ADDRESSES:
        answers = iter(["8.8.8.8", address])

        async def resolve(host: str, port: int, answers: object = answers) -> Sequence[str]:
            return [next(answers)]  # type: ignore[call-overload]

        over = transport(trusted=frozenset(), resolve=resolve)
        for _ in range(2):
            await refuses("https://rebind.example.com/v.mp4", tmp_path, over)
    assert set(tried) == {"8.8.8.8"}
    assert len(tried) == len(ADDRESSES)


async def test_no_hostile_url_is_taken_as_media(tmp_path: Path, environ: dict[str, str]) -> None:
    async with open_app(load_settings(environ, settings_file=tmp_path / "no.toml"), watch=False) as app:
        for url in URLS:
            with pytest.raises(MediaError) as refusal:
                await app.upload(url + ("" if url.endswith(".png") else "#.png"))
            assert refusal.value.hint


async def test_a_public_url_is_taken_as_media(tmp_path: Path, environ: dict[str, str]) -> None:
    async with open_app(load_settings(environ, settings_file=tmp_path / "no.toml"), watch=False) as app:
        assert (await app.upload("https://cdn.example.com/cat.png?sig=1")).file.url


@pytest.mark.parametrize(
    "source", ["~nobody-here/x.png", "~\0/x.png", "x://[", "file://[x/y", "media:\ud800", "job:\ud800"]
)
async def test_odd_sources_are_refused_as_media(source: str, tmp_path: Path, environ: dict[str, str]) -> None:
    async with open_app(load_settings(environ, settings_file=tmp_path / "no.toml"), watch=False) as app:
        with pytest.raises(MediaError):
            await app.upload(source)
