"""A refusal that concerns the account or a model stops further purchases there at once, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedance_mcp.app import App, open_app
from seedance_mcp.cli.doctor.checkup import examine
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import BudgetExceeded
from seedance_mcp.types import Job, JobState, VideoRequest
from tests.emulator import Emulator, Fault

FAST, PRO = "seedance-1.0-pro-fast", "seedance-1.0-pro"


def settings_of(environ: dict[str, str], emulator: Emulator, **more: str) -> Settings:
    given = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off", **more}
    return load_settings(given, settings_file=Path("none.toml"))


async def bought(app: App, prompt: str, model: str = FAST, provider: str = "ark") -> Job:
    wish = VideoRequest(prompt=prompt, provider=provider, model=model, duration=5, resolution="480p")
    return (await app.generate(wish)).job


async def test_a_model_that_is_not_open_is_refused_once_and_then_not_asked_for_again(
    environ: dict[str, str],
) -> None:
    async with Emulator("ark", "byteplus") as emulator, open_app(settings_of(environ, emulator)) as app:
        emulator.faults.add(Fault(kind="status", status=404, value="ModelNotOpen", accepted=False))
        first = await bought(app, "one")
        assert (first.state, first.error_code) == (JobState.REJECTED, "model_not_open")
        assert "Activate the model" in (first.error_hint or "")
        with pytest.raises(
            BudgetExceeded, match=f"no new jobs with {FAST}.*15 min.*model_not_open"
        ) as stopped:
            await bought(app, "two")
        assert "Activate the model" in stopped.value.hint
        assert emulator.ledger.count("submit") == 1
        for model, provider in ((PRO, "ark"), (FAST, "byteplus")):
            assert (await bought(app, "three", model, provider)).submission
        later = app.installation.store.clock
        app.installation.store.clock = lambda: later() + 16 * 60
        assert (await bought(app, "four")).submission
        app.installation.store.clock = later
        assert (await bought(app, "five")).submission  # being taken has closed it


async def test_a_wrong_key_stops_every_model_there_until_another_key_comes(environ: dict[str, str]) -> None:
    async with Emulator("ark", "byteplus") as emulator:
        wrong = settings_of(environ, emulator, ARK_API_KEY="the-key-of-somebody-else")
        async with open_app(wrong) as app:
            first = await bought(app, "one")
            assert (first.state, first.error_code) == (JobState.REJECTED, "authentication")
            for model in (FAST, PRO):
                with pytest.raises(BudgetExceeded, match="no new jobs from here") as stopped:
                    await bought(app, "two", model)
                assert "Check the API key" in stopped.value.hint
                assert "Another key takes effect at once" in stopped.value.hint
            assert emulator.ledger.count("submit") == 1
            assert (await bought(app, "three", provider="byteplus")).submission
        async with open_app(settings_of(environ, emulator)) as app:
            assert (await bought(app, "four")).submission


async def test_a_403_that_says_nothing_about_the_key_stops_the_account_at_the_third(
    environ: dict[str, str],
) -> None:
    async with Emulator("ark") as emulator, open_app(settings_of(environ, emulator)) as app:
        emulator.faults.add(Fault(kind="page", status=403, accepted=False))
        first = await bought(app, "one")
        assert (first.state, first.error_code) == (JobState.REJECTED, "access_denied")
        assert "a web page" in (first.error or "")
        assert (await bought(app, "two", PRO)).submission
        emulator.faults.add(*[Fault(kind="status", status=403, value="Odd", accepted=False)] * 3)
        for prompt in ("three", "four", "five"):
            assert (await bought(app, prompt)).state is JobState.REJECTED
        with pytest.raises(BudgetExceeded, match="access_denied"):
            await bought(app, "six")
        assert emulator.ledger.count("submit") == 5


async def test_a_check_that_the_key_passes_lets_purchases_go_on(environ: dict[str, str]) -> None:
    async with Emulator("ark") as emulator:
        settings = settings_of(environ, emulator)
        async with open_app(settings) as app:
            emulator.faults.add(Fault(kind="status", status=401, accepted=False))
            await bought(app, "one")
            said = [found async for found in examine(settings, network=False) if found.subject == "purchases"]
            assert said == []
            with pytest.raises(BudgetExceeded):
                await bought(app, "two")
            said = [found async for found in examine(settings, network=True) if found.subject == "purchases"]
            assert [found.text for found in said] == [
                "purchases at ark were stopped because it refused the key; they can go on now"
            ]
            assert (await bought(app, "three")).submission
            emulator.faults.add(Fault(kind="status", status=403, value="AccountOverdueError", accepted=False))
            await bought(app, "four")
            assert not await app.installation.key_accepted("ark")
            with pytest.raises(BudgetExceeded, match="insufficient_funds"):
                await bought(app, "five")
