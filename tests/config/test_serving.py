"""What can be set of the server over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedance_mcp.config import read_settings


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("ISSUER", "https://id.example.com/tenant/", "https://id.example.com/tenant/"),
        ("ISSUER", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("ISSUER", "http://id.example.com", None),
        ("ISSUER", "https://id.example.com/?p=1", None),
        ("ISSUER", "https://me:secret@id.example.com", None),
        ("ISSUER", "id.example.com", None),
        ("JWKS", "https://id.example.com/keys?p=1", "https://id.example.com/keys?p=1"),
        ("JWKS", "http://10.0.0.7/keys", None),
        ("JWKS", "https://id.example.com/keys#x", None),
        ("SUBJECT", "auth0|1234", "auth0|1234"),
        ("ALGORITHMS", "es256, eddsa", ("ES256", "EdDSA")),
        ("ALGORITHMS", "RS256 HS256", None),
        ("ALGORITHMS", "none", None),
        ("ALGORITHMS", ",", None),
    ],
)
def test_an_authorization_server_is_named_to_the_letter(
    name: str, text: str, value: object, tmp_path: Path
) -> None:
    reading = read_settings({f"SEEDANCE_OAUTH_{name}": text}, settings_file=tmp_path / "no.toml")
    if value is None:
        (words,) = reading.wrong.values()
        assert f"SEEDANCE_OAUTH_{name}" in words
        assert "secret" not in words
    else:
        assert reading.wrong == {}
        assert getattr(reading.settings, f"oauth_{name.lower()}") == value
