"""The record of what clients do names those that the tests play, in the versions that they install."""

from __future__ import annotations

from dataclasses import fields

from tests.clients.play import Seen, recorded
from tests.clients.rows import CLIENTS, row


def test_the_record_names_every_client_in_the_version_that_is_played_and_no_other() -> None:
    assert sorted(recorded()) == sorted(row(sdk) for sdk in CLIENTS)


def test_every_row_of_the_record_says_when_it_was_seen_and_nothing_unknown() -> None:
    known = {field.name for field in fields(Seen)} | {"date"}
    for name, seen in recorded().items():
        assert set(seen) <= known, name
        assert {"date", "era", "lists", "generates", "refusal"} <= set(seen), name
