"""Names are found, and a wrong name is answered with what was probably meant."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from seedance_mcp.catalog import Catalog, estimate, resolve
from seedance_mcp.errors import ConfigError, InvalidRequest

from .asking import CNY_PER_USD, ask


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("seedance-2-0", "seedance-2.0"),
        ("Seedance 2.5", "seedance-2.5"),
        ("seedance-1.5pro", "seedance-1.5-pro"),
        ("seedance-pro-1.0", "seedance-1.0-pro"),
    ],
)
def test_an_unknown_model_is_answered_with_the_nearest_names(catalog: Catalog, name: str, meant: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        catalog.model(name)
    suggestion = refused.value.message.partition("All:")[0]
    assert meant in suggestion


def test_an_unknown_provider_is_answered_with_the_nearest_names(catalog: Catalog) -> None:
    with pytest.raises(InvalidRequest) as refused:
        catalog.provider("replicat")
    assert "did you mean replicate" in refused.value.message


def test_a_name_like_no_other_is_answered_with_all(catalog: Catalog) -> None:
    with pytest.raises(InvalidRequest) as refused:
        catalog.provider("zzzz")
    assert all(name in refused.value.message for name in catalog.providers)


def test_a_typo_is_not_taken_for_an_endpoint(catalog: Catalog) -> None:
    for provider in catalog.providers:
        with pytest.raises(InvalidRequest) as refused:
            catalog.offer(provider, "seedance-2.o")
        assert "seedance-2.0" in refused.value.message.partition("All:")[0]


def test_a_model_that_a_provider_does_not_sell_is_answered_with_who_does(catalog: Catalog) -> None:
    with pytest.raises(InvalidRequest) as refused:
        catalog.offer("runcomfy", "seedance-1.0-pro")
    assert "replicate" in refused.value.message
    assert "seedance-2.0" in refused.value.hint


@pytest.mark.parametrize(
    ("provider", "model", "since"),
    [
        ("byteplus", "seedance-1.5-pro", date(2026, 11, 11)),
        ("byteplus", "seedance-1.0-lite", date(2026, 5, 13)),
        ("ark", "seedance-1.5-pro", date(2026, 11, 20)),
        ("ark", "seedance-1.0-lite", date(2026, 11, 20)),
    ],
)
def test_a_retired_offer_says_since_when_and_what_replaces_it(
    catalog: Catalog, provider: str, model: str, since: date
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        catalog.offer(provider, model)
    assert str(since) in refused.value.message
    assert "seedance-2.0-mini" in refused.value.hint
    assert "fal" in refused.value.hint
    assert "sandbox" not in refused.value.hint
    assert catalog.offer(provider, model, retired=True).retired == since
    assert catalog.offers(provider=provider, model=model) == ()
    assert len(catalog.offers(provider=provider, model=model, on_sale=False)) == 1


@pytest.mark.parametrize("name", ["ep-20260601120000-abcde", "doubao-seedance-3-0-pro-270101"])
def test_an_endpoint_of_ones_own_is_passed_through_unchecked(catalog: Catalog, name: str) -> None:
    offer = catalog.offer("ark", name)
    assert offer.generic
    request = resolve(ask(duration=40, resolution="8k", aspect_ratio="2:1", seed=3), offer, {})
    assert offer.endpoint(request) == name
    assert (request.duration, request.resolution, request.model) == (40, "8k", name)
    assert estimate(request, offer, {}, cny_per_usd=CNY_PER_USD) is None
    assert offer.size(request) is None


def test_a_generic_offer_is_given_no_defaults_but_no_watermark(catalog: Catalog) -> None:
    request = resolve(ask(), catalog.offer("ark", "ep-1"), {})
    given = request.model_dump(exclude_none=True, exclude_defaults=True)
    assert set(given) == {"prompt", "provider", "model", "watermark"}


def test_a_path_is_a_generic_model_at_a_host_and_an_error_at_the_sandbox(catalog: Catalog) -> None:
    assert catalog.offer("fal", "bytedance/seedance-3.0/text-to-video").generic
    with pytest.raises(InvalidRequest):
        catalog.offer("sandbox", "bytedance/seedance-3.0/text-to-video")


def test_the_providers_own_id_finds_the_offer(catalog: Catalog) -> None:
    offer = catalog.offer("ark", "doubao-seedance-2-0-260128")
    assert (offer.model.id, offer.generic) == ("seedance-2.0", False)


def test_offers_are_found_by_model_and_by_provider(catalog: Catalog) -> None:
    everywhere = catalog.offers(model="seedance-2.0")
    assert {offer.provider.name for offer in everywhere} == set(catalog.providers)
    assert len(catalog.offers(model="seedance-2.0", provider="fal")) == 1
    ranks = [offer.model.rank for offer in catalog.offers()]
    assert ranks == sorted(ranks)


def overlaid(folder: Path, text: str) -> Catalog:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return Catalog.load(file)


def test_the_overlay_changes_one_line_and_leaves_the_others(catalog: Catalog, tmp_path: Path) -> None:
    changed = overlaid(
        tmp_path,
        """
        [models."seedance-2.0".durations]
        max = 20
        [providers.fal.offers."seedance-2.0"]
        prices = [{ amount = "0.2", per = "second", source = "my contract" }]
        [providers.fal.offers."seedance-2.0".parameters.seed]
        name = "seed"
        """,
    )
    offer, before = changed.offer("fal", "seedance-2.0"), catalog.offer("fal", "seedance-2.0")
    assert offer.model.durations.max == 20
    assert offer.model.durations.min == 4
    request = resolve(ask(duration=20, seed=1), offer, {})
    found = estimate(request, offer, {}, cny_per_usd=CNY_PER_USD)
    assert found is not None
    assert found.price.usd == 4
    assert offer.endpoints == before.endpoints
    assert changed.offer("ark", "seedance-2.5") == catalog.offer("ark", "seedance-2.5")


def test_the_overlay_adds_a_model_and_a_relay_that_speaks_a_known_dialect(tmp_path: Path) -> None:
    changed = overlaid(
        tmp_path,
        """
        [models."seedance-3.0"]
        use = ["all", "family-20", "pixels-20-720"]
        title = "Seedance 3.0"
        summary = "Tomorrow"
        rank = 0
        resolutions = ["480p", "720p"]
        [providers.relay]
        like = "ark"
        title = "Relay"
        base_url = "https://relay.example/api/v3"
        key_variables = ["RELAY_KEY"]
        [providers.relay.offers."seedance-3.0"]
        use = "all"
        endpoints = [{ id = "s3" }]
        """,
    )
    assert next(iter(changed.models)) == "seedance-3.0"
    assert changed.provider("relay").adapter == changed.provider("ark").adapter
    assert changed.offer("relay", "seedance-3.0").endpoint(ask()) == "s3"
    assert changed.offer("relay", "seedance-2.0").endpoint(ask()) == "doubao-seedance-2-0-260128"


RELAY = """
        [providers.relay]
        like = "{like}"
        title = "Relay"
        base_url = "https://relay.example/api/v3"
        key_variables = ["RELAY_KEY"]
        currency = "{currency}"
        """


@pytest.mark.parametrize(
    "text",
    [
        RELAY.format(like="ark", currency="USD"),
        RELAY.format(like="replicate", currency="CNY"),
        '[providers.ark]\ncurrency = "USD"',
        RELAY.format(like="ark", currency="USD")
        + '[providers.relay.offers."seedance-2.0"]\nprices = [{ amount = "1", per = "second", source = "x" }]',
    ],
    ids=["like ark in USD", "like replicate in CNY", "ark itself in USD", "one price of its own"],
)
def test_prices_are_not_taken_along_into_another_currency(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        overlaid(tmp_path, text)
    assert "mine.toml" in refused.value.message
    assert "Write `prices`" in refused.value.message
    assert "seedance-2.5" in refused.value.message
    assert ("seedance-2.0," in refused.value.message) is ("prices" not in text)


def test_a_relay_in_another_currency_says_its_own_prices(catalog: Catalog, tmp_path: Path) -> None:
    own = "".join(
        f'[providers.relay.offers."{offer.model.id}"]\nprices = []\n'
        for offer in catalog.offers(provider="ark", on_sale=False)
        if offer.model.id != "seedance-2.0"
    )
    changed = overlaid(
        tmp_path,
        RELAY.format(like="ark", currency="USD")
        + own
        + '[providers.relay.offers."seedance-2.0"]\nprices = [{ amount = "0.2", per = "second", source = "mine" }]',
    )
    offer = changed.offer("relay", "seedance-2.0")
    found = estimate(resolve(ask(duration=5), offer, {}), offer, {}, cny_per_usd=CNY_PER_USD)
    assert found is not None
    assert (found.price.amount, found.price.currency) == (1, "USD")
    assert not changed.offer("relay", "seedance-2.5").prices


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml", "cannot be read"),
        ("[modles]", "modles"),
        ('[models."seedance-2.0"]\ndurations = { mx = 3 }', "mx"),
        ('[models."seedance-2.0"]\nfps = "many"', "fps"),
        ('[providers.fal.offers."seedance-9"]\nendpoints = [{ id = "x" }]\nparameters = {}', "seedance-9"),
        ('[providers.fal.offers."seedance-2.0".parameters.duration]\nname = "d"\ntpye = "string"', "tpye"),
        ("[providers.new]\ntitle = 'New'", "new"),
        ("providers = 3", "providers"),
    ],
)
def test_a_wrong_overlay_is_a_configuration_error_that_names_the_place(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        overlaid(tmp_path, text)
    assert said in refused.value.message
    assert "mine.toml" in refused.value.message
    assert "SEEDANCE_CATALOG" in refused.value.hint


def test_a_missing_overlay_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        Catalog.load(tmp_path / "none.toml")
    assert "none.toml" in refused.value.message
