"""The editors of JSON with comments, TOML and YAML, against libraries that read the same."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Callable
from typing import Any

import json5
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from seedance_mcp.clients.jsonc import LEVELS, Jsonc
from seedance_mcp.clients.shapes import Broken, Editor, UnknownShape, Unusable
from seedance_mcp.clients.toml_text import Toml
from seedance_mcp.clients.yaml_text import Yaml

ENTRY = {"command": "C:\\a b\\ü", "args": ["a", "one word"], "timeout": 3, "enabled": True}
PATH = ("servers", "ours")

texts = st.sampled_from(
    ["a", "", "x // no", "/* no */", 'q"q', "b\\s", "{,}", "# no", ": no", "ünï", "yes", "null"]
)
names = st.sampled_from(["a", "b c", "d-e", "ours", "servers"])
scalars = texts | st.integers(-9, 999) | st.booleans()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=6,
)
others = st.dictionaries(names.filter(lambda name: name != "ours"), values, max_size=2)
documents = st.builds(
    lambda around, servers: {**around, "servers": servers}, st.dictionaries(names, values, max_size=3), others
)
settled = settings(max_examples=60, deadline=None, derandomize=True)


def agrees(editor: Editor, load: Callable[[str], Any], text: str, *, exact: bool) -> None:
    """Put an entry in, change it and take it out, and read after each step by another library what is there."""
    wanted = copy.deepcopy(load(text)) or {}
    before = copy.deepcopy(wanted)
    wanted["servers"] = {**(wanted.get("servers") or {}), "ours": ENTRY}
    changed = editor.put(text, PATH, ENTRY)
    assert load(changed) == wanted
    assert editor.value(changed, PATH) == ENTRY
    assert editor.others(changed, PATH) == editor.others(text, PATH)
    back = editor.drop(changed, PATH)
    assert load(back) == {**before, "servers": before.get("servers") or {}} or load(back) == before
    assert back == text or not exact
    wanted["servers"]["ours"] = {**ENTRY, "command": "other", "more": ["x"]}
    changed = editor.put(editor.put(changed, (*PATH, "command"), "other"), (*PATH, "more"), ["x"])
    assert load(changed) == wanted
    assert "one word" not in editor.shown(changed, ())


@given(documents, st.sampled_from([None, 1, 4, "\t"]), st.sampled_from(["\n", "\r\n"]), st.booleans())
@settled
def test_json_of_every_layout_is_edited_as_it_is_read_by_others(
    content: dict[str, Any], indent: int | str | None, newline: str, commented: bool
) -> None:
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    if commented and indent is not None:
        text = text.replace("{\n", '{ // } "\n').replace("\n", " /* { , */\n")
        text = "// first\n" + text + " // last"
    agrees(Jsonc(), json5.loads, text.replace("\n", newline), exact=bool(content["servers"]))


@given(documents, st.sampled_from([2, 4]), st.sampled_from(["\n", "\r\n"]))
@settled
def test_yaml_of_programs_is_edited_as_it_is_read_by_others(
    content: dict[str, Any], indent: int, newline: str
) -> None:
    text = yaml.safe_dump(content, indent=indent, sort_keys=False, allow_unicode=True, width=9999)
    text = f"# first\n\n{text}# last\n".replace("\n", newline)
    agrees(Yaml(), yaml.safe_load, text, exact=bool(content["servers"]))


@given(documents.filter(lambda content: "x // no" not in str(content)), st.sampled_from(["\n", "\r\n"]))
@settled
def test_toml_with_headers_is_edited_as_it_is_read_by_others(content: dict[str, Any], newline: str) -> None:
    lines = ["# first", *_toml({name: one for name, one in content.items() if name != "servers"}, ())]
    lines += [
        "",
        "[servers.x] # a comment",
        'y = """',
        "[servers.ours]",
        '"""',
        *_toml(content["servers"], ("servers",)),
    ]
    agrees(Toml(), tomllib.loads, newline.join([*lines, ""]), exact=True)


def _toml(table: dict[str, Any], path: tuple[str, ...]) -> list[str]:
    """Write tables with headers; what TOML has no word for is left away."""
    plain = {name: one for name, one in table.items() if not isinstance(one, dict)}
    header = [f"[{'.'.join(map(json.dumps, path))}]"] if path and plain and path != ("servers",) else []
    if path == ("servers",):
        plain = {}
    lines = [f"{json.dumps(name)} = {_inline(one)} # {{ [" for name, one in plain.items()]
    for name, one in table.items():
        if isinstance(one, dict):
            lines += ["", *_toml(one, (*path, name))]
    return header + lines


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_inline(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", # ]\n".join(["", *map(_inline, value)])[2:] + "]" if value else "[]"
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", '{\n  "s": {\n    "o": 1\n  }\n}'),
        ('{"a": 1}', '{"a": 1, "s": {"o": 1}}'),
        ('{\n\t"a": 1 // x\n}', '{\n\t"a": 1, // x\n\t"s": {\n\t\t"o": 1\n\t}\n}'),
        ('{\n    "s": { // y\n    },\n}', '{\n    "s": { // y\n        "o": 1\n    },\n}'),
        ('{\r\n  "s": {"b": 2,},\r\n}', '{\r\n  "s": {"b": 2, "o": 1,},\r\n}'),
        ("// nothing yet", '// nothing yet\n{\n  "s": {\n    "o": 1\n  }\n}\n'),
    ],
)
def test_an_entry_is_laid_out_as_its_surroundings_are(before: str, after: str) -> None:
    assert Jsonc().put(before, ("s", "o"), 1) == after


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"s": 1}',
        '{"s": {"o": 1}, "s": {}}',
        "{'s': {}}",
        '{"s": {}} x',
        '{"s": {},,}',
        '{"a": 01}',
        '{"a": tru}',
        '{"a": "\n"}',
        '{"s": {} /* }',
        '{"s" {}}',
        "[" * (LEVELS + 2) + "]" * (LEVELS + 2),
    ],
)
def test_what_is_no_json_or_has_no_place_for_an_entry_is_refused(text: str) -> None:
    with pytest.raises(Unusable):
        Jsonc().put(text, ("s", "o"), 1)


@pytest.mark.parametrize("text", ['{"s": {}, }', '// c\n{"s": {}}', '{"s": {/* c */}}'])
def test_what_a_strict_client_cannot_read_is_broken_for_it(text: str) -> None:
    Jsonc().put(text, ("s", "o"), 1)
    with pytest.raises(Broken, match=r"line [12]: there is a com"):
        Jsonc(strict=True).put(text, ("s", "o"), 1)


@pytest.mark.parametrize(
    "text",
    [
        'servers = { x = { command = "y" } }\n',
        "[[servers]]\nx = 1\n",
        "servers = 1\n",
    ],
)
def test_toml_that_has_no_table_with_a_header_for_it_is_refused(text: str) -> None:
    with pytest.raises(UnknownShape):
        Toml().put(text, PATH, ENTRY)


def test_a_field_is_not_added_to_an_inline_table_and_an_entry_in_pieces_goes_whole() -> None:
    inline = '[servers]\nours = { command = "x" }\n'
    with pytest.raises(UnknownShape):
        Toml().put(inline, (*PATH, "args"), [])
    pieces = '[servers.ours]\ncommand = "x"\n\n[other]\ny = 1 # stays\n\n[servers.ours.env]\nA = "b"\n'
    assert Toml().drop(pieces, PATH) == "\n[other]\ny = 1 # stays\n"
    assert Toml().drop(inline, PATH) == "[servers]\n"


def test_a_setting_at_the_top_goes_before_the_first_table() -> None:
    put = Toml().put
    assert put("", ("A_KEY",), "k") == 'A_KEY = "k"\n'
    assert put("# mine\n", ("A_KEY",), "k") == '# mine\nA_KEY = "k"\n'
    assert put("[t]\nx = 1\n", ("A_KEY",), "k") == 'A_KEY = "k"\n[t]\nx = 1\n'
    assert put("x = 1 # one\n\n[t]\n", ("A_KEY",), "k") == 'x = 1 # one\nA_KEY = "k"\n\n[t]\n'
    assert put("A_KEY = 'old' # mine\n", ("A_KEY",), "n'w\\") == 'A_KEY = "n\'w\\\\" # mine\n'


@pytest.mark.parametrize(
    "text",
    [
        "servers: [a, b]\n",
        "servers: text\n",
        "servers:\n- a\n",
        "servers:\n  a: 1\n b: 2\n",
        "servers:\n  a: 1\nservers:\n  b: 1\n",
        "a: 'x\nservers: y'\n",
        'a: "x\n  servers: y"\n',
        "a: {b: 1,\nservers: 2}\n",
        "a: 1\n---\nservers:\n  b: 1\n",
        "\tservers: 1\n",
        "just a text\n",
        "a: 1\rservers: 2\r",
        'a:\n- b: "x\nservers:\n  c: y"\n',
        "a:\n- - 'x\nservers:\n  c: y'\n",
        'a:\n- b: |\n    x\n  c: "y\nservers:\n  d: z"\n',
        'a: &b "x\nservers:\n  c: y"\n',
        "a: !!str 'x\nservers:\n  c: y'\n",
        "a: &b !!seq [x,\nservers: y]\n",
        'a: ["x]\nservers:\n  c"]\n',
        "a: [x, # ]\nservers: y]\n",
        "- a\n- b\n",
        "---\n  a: 1\n",
        "a: x\u2028servers:\u2028  b: 1\n",
        "a: x\x85servers: {}\n",
        'a: "\0"\n',
        "a: |\n  x",
        "servers:\n  a: |\n    x",
    ],
)
def test_yaml_that_is_not_read_with_certainty_is_refused(text: str) -> None:
    with pytest.raises(Unusable):
        Yaml().put(text, PATH, ENTRY)


def test_a_comment_behind_the_name_of_an_empty_block_stays() -> None:
    text = "servers: # mine\na: 1\n"
    changed = Yaml().put(text, PATH, ENTRY)
    back = Yaml().drop(changed, PATH)
    assert back == "servers: {} # mine\na: 1\n"
    assert Yaml().others(back, PATH) == Yaml().others(changed, PATH) == Yaml().others(text, PATH)


def test_a_comment_like_line_in_a_text_of_yaml_is_part_of_the_text() -> None:
    text = "servers:\n  a:\n    note: |\n      one\n      # two\n"
    changed = Yaml().put(text, PATH, ENTRY)
    assert yaml.safe_load(changed)["servers"]["a"]["note"] == "one\n# two\n"
    assert Yaml().drop(changed, PATH) == text


@pytest.mark.parametrize(
    "text",
    [
        "a:\n- b: |\n    x: \"y\n  c: 'z'\nservers:\n  d: 1\n",
        "a: it's\nservers: # see: |\n    b: 1 # don't\n",
        "a: &x !!str |\n  'y\nb: *x\nc: [\"d, }\", 'e', f g] # ]\nservers:\n  h: 1\n",
        "a: http://x/#y\nb: text\n  that goes on\nservers:\n  c: d\n    e\n",
        'a: {b: "}", c: [d]}\n"servers":\n  "e f": \'g: "h\'\n',
    ],
)
def test_yaml_that_only_looks_unclear_is_edited(text: str) -> None:
    agrees(Yaml(), yaml.safe_load, text, exact=True)


@pytest.mark.parametrize(
    ("editor", "text"),
    [
        (Yaml(), "a: true # canary\nb: keep # canary\nc: [keep] # canary\nd: # canary\n  - 1 # canary\n"),
        (Yaml(), "a: 51015\nb:\n- 51015\nc: [51015]\n"),
        (Toml(), 'a = [ # """\n  "canary", # """\n]\nb = true # canary\nc = "keep" # canary\n'),
        (Toml(), 'a = {b = \'canary\', c = ["keep"]}\nd = """\ncanary"""\n'),
        (Jsonc(), '{"a": [true, "keep" // canary\n], /* "canary" */ "b": "\\u0063anary" }'),
    ],
)
def test_no_comment_and_no_value_of_others_is_shown(editor: Editor, text: str) -> None:
    words = set(re.findall(r"\w+", editor.shown(text, ("keep",))))
    assert not words & {"canary", "51015", "u0063anary"}
    assert ("keep" in words) == ("keep" in text)


def test_what_has_no_shape_is_escaped_in_yaml() -> None:
    odd = "/opt/a\u2028b\x85c\x7fd e\xa0\U0001f600/x"
    text = Yaml().put("servers: {}\n", PATH, {"command": odd})
    assert yaml.safe_load(text)["servers"]["ours"]["command"] == odd
    assert Yaml().value(text, (*PATH, "command")) == odd


def test_an_entry_stays_in_its_object_whatever_comments_follow() -> None:
    text = '{\n  "s": {\n    "b": 2, /* x */ }, /* y */\n}\n'
    assert json5.loads(Jsonc().put(text, ("s", "o"), 1)) == {"s": {"b": 2, "o": 1}}
    many = f'{{\n  "s": {{\n    "b": 2 {"/**/" * 60} }} }}\n'  # a search that tries every split takes years
    assert Jsonc().value(Jsonc().put(many, ("s", "o"), 1), ("s", "o")) == 1


def test_a_number_of_more_digits_than_python_reads_stays_or_is_told() -> None:
    digits = "7" * 5000
    assert Jsonc().put(f'{{"a": {digits}}}', ("s",), 1) == f'{{"a": {digits}, "s": 1}}'
    with pytest.raises(Broken):
        Toml().put(f"a = {digits}\n", PATH, ENTRY)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"a": 1, // b\n"o": 2 }', '{"a": 1 // b\n }'),
        ('{\n  "o": 1, // mine\n  "a": 2\n}', '{ // mine\n  "a": 2\n}'),
        ('{"o": 1}', "{}"),
        ('{\n  // why\n  "o": 1\n}', "{\n  // why\n}"),
        ('{\n  "a": 1,\n  "o": 2,\n}', '{\n  "a": 1,\n}'),
    ],
)
def test_what_is_taken_out_takes_no_comment_and_no_bracket_with_it(before: str, after: str) -> None:
    assert Jsonc().drop(before, ("o",)) == after
    json5.loads(after)
