"""Which proxy the settings and the environment mean, and for whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedance_mcp.config import Proxies, load_settings, read_settings
from seedance_mcp.errors import ConfigError

NOWHERE = Path("no-settings-file")
SECRET = "canary-4711"


def proxies(**environ: str) -> Proxies | None:
    return load_settings(environ, settings_file=NOWHERE).outbound.proxies


def between(found: Proxies | None, url: str) -> str | None:
    scheme, _, host = url.partition("://")
    name, _, port = host.rpartition(":")
    proxy = found.between(scheme, name.strip("[]"), int(port)) if found else None
    return None if proxy is None else str(proxy)


def test_no_variable_makes_a_proxy_by_itself() -> None:
    settings = load_settings({"HTTPS_PROXY": "http://p.test:3128", "all_proxy": "x"}, settings_file=NOWHERE)
    assert settings.outbound.proxies is None
    assert "HTTPS_PROXY and all_proxy are set and not used" in settings.outbound.advice
    assert "SEEDANCE_PROXY=env" in settings.outbound.advice
    assert load_settings({}, settings_file=NOWHERE).outbound.advice == ""


@pytest.mark.parametrize("word", ["off", "OFF", "0", "none", "direct", "", "${proxy}"])
def test_a_word_for_none_is_none(word: str) -> None:
    assert proxies(SEEDANCE_PROXY=word, HTTPS_PROXY="http://p.test:1") is None


@pytest.mark.parametrize(
    ("environ", "https", "http"),
    [
        ({"HTTPS_PROXY": "http://a.test:1"}, "a.test:1", None),
        ({"https_proxy": "http://a.test:1"}, "a.test:1", None),
        ({"https_proxy": "http://a.test:1", "HTTPS_PROXY": "http://b.test:2"}, "a.test:1", None),
        ({"HTTP_PROXY": "http://a.test:1"}, None, "a.test:1"),
        ({"ALL_PROXY": "a.test:1"}, "a.test:1", "a.test:1"),
        ({"all_proxy": "a.test:1", "HTTP_PROXY": "https://b.test"}, "a.test:1", "b.test:443"),
        ({"HTTPS_PROXY": " ", "ALL_PROXY": "http://[2001:db8::7]:8"}, "[2001:db8::7]:8", "[2001:db8::7]:8"),
        ({}, None, None),
    ],
)
def test_env_means_the_usual_variables_in_small_letters_first(
    environ: dict[str, str], https: str | None, http: str | None
) -> None:
    found = proxies(SEEDANCE_PROXY="env", **environ)
    assert between(found, "https://api.example:443") == https
    assert between(found, "http://api.example:80") == http


def test_an_address_is_the_proxy_for_everything_and_no_proxy_holds_for_it_too() -> None:
    found = proxies(SEEDANCE_PROXY=f"http://me:{SECRET}%40x@p.test:3128", NO_PROXY="files.example")
    assert between(found, "https://api.example:443") == "p.test:3128"
    assert between(found, "http://api.example:80") == "p.test:3128"
    assert between(found, "https://files.example:443") is None
    assert found is not None
    assert found.https is not None
    assert found.https.login is not None
    assert found.https.login.get_secret_value() == f"me:{SECRET}@x"
    assert SECRET not in repr(found) + str(found.https)


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("example.com", "https://example.com:443", True),
        ("example.com", "https://a.b.example.com:443", True),
        ("example.com", "https://notexample.com:443", False),
        (".example.com", "https://a.example.com:443", True),
        ("*.example.com", "https://a.example.com:443", True),
        ("Example.COM", "https://EXAMPLE.com.:443", True),
        ("a.com, example.com ,b.com", "https://example.com:443", True),
        ("a.com example.com", "https://example.com:443", True),
        ("example.com:8443", "https://example.com:8443", True),
        ("example.com:8443", "https://example.com:443", False),
        ("*", "https://example.com:443", True),
        ("", "https://example.com:443", False),
        ("*.", "https://example.com:443", False),
        ("10.0.0.0/8", "https://10.2.3.4:443", True),
        ("10.0.0.0/8", "https://11.2.3.4:443", False),
        ("10.2.3.4", "https://10.2.3.4:443", True),
        ("2001:db8::1", "https://[2001:db8::1]:443", True),
        ("[2001:db8::1]:443", "https://[2001:db8::1]:443", True),
        ("<local>", "https://intranet:443", True),
        ("<local>", "https://example.com:443", False),
    ],
)
def test_who_is_reached_without_the_proxy(no_proxy: str, url: str, direct: bool) -> None:
    found = proxies(SEEDANCE_PROXY="env", HTTPS_PROXY="http://p.test:1", no_proxy=no_proxy)
    assert between(found, url) == (None if direct else "p.test:1")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_this_machine_is_never_reached_by_a_proxy(host: str) -> None:
    assert between(proxies(SEEDANCE_PROXY="http://p.test:1"), f"https://{host}:443") is None


@pytest.mark.parametrize(
    "text",
    [
        f"socks5://me:{SECRET}@p.test:1080",
        "socks5h://p.test:1080",
        "socks4://p.test",
        f"ftp://me:{SECRET}@p.test",
        "yes",
        "1",
        "p.test",
        f"http://me:{SECRET}@p.test:port",
        f"http://p.test:1/{SECRET}",
        f"http://p.test:1?{SECRET}",
        f'"http://me:{SECRET}@p.test:1"',
        f"http://me:{SECRET}${{X}}@p.test:1",
        "http://:1",
        f"http://me:{SECRET}@p test:1",
    ],
)
def test_what_is_no_proxy_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ConfigError, match="SEEDANCE_PROXY") as caught:
        proxies(SEEDANCE_PROXY=text)
    assert SECRET not in caught.value.message
    assert ("SOCKS" in caught.value.message) == text.startswith("socks")


def test_a_variable_that_cannot_be_used_is_named_once_it_is_needed() -> None:
    environ = {"ALL_PROXY": f"socks5://me:{SECRET}@p.test:1"}
    reading = read_settings({**environ, "SEEDANCE_PROXY": "env"}, settings_file=NOWHERE)
    assert "ALL_PROXY" in reading.wrong["SEEDANCE_PROXY"]
    assert "SOCKS" in reading.wrong["SEEDANCE_PROXY"]
    assert SECRET not in reading.wrong["SEEDANCE_PROXY"]
    assert read_settings(environ, settings_file=NOWHERE).wrong == {}
    both = {
        **environ,
        "SEEDANCE_PROXY": "env",
        "HTTPS_PROXY": "http://p.test:1",
        "HTTP_PROXY": "http://p.test:1",
    }
    assert read_settings(both, settings_file=NOWHERE).wrong == {}
