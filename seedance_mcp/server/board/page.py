"""Joins the files of the page into one HTML text that needs nothing from anywhere, and names its script by a hash."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources

_FIRST = "main.js"
_STYLE, _SCRIPT = '<link rel="stylesheet" href="board.css">', '<script type="module" src="main.js"></script>'
_LOCAL = '<meta name="seedance-board" content="local">'
_SIGNED_IN = '<meta name="seedance-board" content="signed-in">'
_IMPORT = re.compile(r'^import\s+(?:\{[^}]*\}\s+from\s+)?"\./([\w.-]+\.js)";[ \t]*\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const|let)\b)", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*/\*\*(?:(?!\*/).)*\*/[ \t]*\n", re.MULTILINE | re.DOTALL)
"""On lines of its own: a third of the scripts is types and words for their readers, which no client needs to be sent."""
_LEFT_OVER = re.compile(r"^(?:import|export)\b", re.MULTILINE)
_INLINE = re.compile(r'<script type="module">(.*?)</script>', re.DOTALL)


@cache
def joined_page() -> str:
    """
    Return the page with its style and its scripts in it.

    A page in the frame of a chat may load no module, so that the scripts are joined to one: what each imports comes
    before it, and the words `import` and `export` are left out.
    """
    html = _text("board.html")
    for place in (_STYLE, _SCRIPT):
        if html.count(place) != 1:
            raise ValueError(f"board.html has to hold {place} once")
    style = _text("board.css")
    script = "".join(_scripts(_FIRST, {}).values())
    if re.search(r"</(?:script|style)", script + style, re.IGNORECASE):
        raise ValueError("no file of the page may hold the end of its element")
    html = html.replace(_STYLE, f"<style>\n{style}</style>")
    return html.replace(_SCRIPT, f'<script type="module">\n{script}</script>')


@cache
def local_page() -> str:
    """Return the page with the mark by which it knows that it is in a browser on this machine."""
    return joined_page().replace("<head>", f"<head>\n{_LOCAL}", 1)


@cache
def signed_in_page() -> str:
    """Return the page with the mark by which it knows that it is served to whoever has signed in."""
    return joined_page().replace("<head>", f"<head>\n{_SIGNED_IN}", 1)


@cache
def script_hash() -> str:
    """Return what a content security policy names the one script of the page by."""
    found = _INLINE.findall(joined_page())
    if len(found) != 1:
        raise ValueError("the page has to hold one script")
    return f"sha256-{base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()}"


def _scripts(name: str, before: dict[str, str]) -> dict[str, str]:
    """Add a script to those before it, behind everything that it imports. An empty text stands for one that is being read."""
    before[name] = ""
    text = _text(name)
    for needed in _IMPORT.findall(text):
        if needed not in before:
            _scripts(needed, before)
        elif not before[needed]:
            raise ValueError(f"{name} imports {needed}, which imports {name}")
    del before[name]  # a dict keeps the order of insertion
    text = _COMMENT.sub("", _EXPORT.sub("", _IMPORT.sub("", text)))
    if found := _LEFT_OVER.search(text):
        raise ValueError(f"{name} has an {found[0]} that cannot be joined")
    before[name] = text
    return before


def _text(name: str) -> str:
    return resources.files(__package__ or "").joinpath("page", name).read_text(encoding="utf-8")
