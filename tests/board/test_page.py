"""The page as it is served: one text that needs nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

from seedance_mcp.server.board.page import joined_page, local_page, script_hash


class _Elements(HTMLParser):
    """Collects the elements of a page with their attributes, and the texts of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.found.append((tag, dict(attrs)))
        self._in_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a script."""
        self._in_script = False

    def handle_data(self, data: str) -> None:
        """Note the text of a script."""
        if self._in_script:
            self.scripts.append(data)


def test_the_page_holds_its_one_script_and_loads_nothing() -> None:
    page = _Elements(joined_page())
    assert len(page.scripts) == 1
    loading = [
        (tag, name)
        for tag, attributes in page.found
        for name, value in attributes.items()
        if not (value or "").startswith("data:")
        if name in ("src", "href", "srcset", "action", "data", "style") or name.startswith("on")
    ]
    assert loading == []
    assert re.findall(r"^\s*(?:import|export)\b.*", page.scripts[0], re.MULTILINE) == []
    assert re.findall(r"url\(|@import", joined_page()) == []


def test_the_policy_names_the_script_that_is_served() -> None:
    for text in (joined_page(), local_page()):
        digest = hashlib.sha256(_Elements(text).scripts[0].encode()).digest()
        assert script_hash() == f"sha256-{base64.b64encode(digest).decode()}"


def test_only_the_page_in_the_browser_is_marked_as_that() -> None:
    mark = ("meta", {"name": "seedance-board", "content": "local"})
    assert mark in _Elements(local_page()).found
    assert mark not in _Elements(joined_page()).found


def test_every_file_of_the_page_is_in_it() -> None:
    from importlib import resources

    folder = resources.files("seedance_mcp.server.board").joinpath("page")
    names = {file.name for file in folder.iterdir()}
    assert {"board.html", "board.css", "main.js"} <= names
    declared = re.compile(r"^export (?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)
    for name in sorted(names):
        for word in declared.findall(folder.joinpath(name).read_text(encoding="utf-8")):
            assert word in joined_page(), f"{name} is imported by nobody"
