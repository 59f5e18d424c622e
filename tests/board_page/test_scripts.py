"""The scripts of the page: their types, their texts, and what none of them may do."""

from __future__ import annotations

import json
import re
import subprocess
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

import seedance_mcp.server.board
from seedance_mcp.presentation.amounts import decimal as plain
from seedance_mcp.texts import digits, digits_left

PAGE = Path(seedance_mcp.server.board.__file__).with_name("page")
SCRIPTS = sorted(PAGE.glob("*.js"))
CALLED_WITH_A_KIND = ("status_", "setting_", "score_", "quality_", "film_status_", "shot_state_", "answer_")
FORBIDDEN = (
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    "srcdoc",
)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=PAGE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _texts() -> dict[str, dict[str, str]]:
    script = (PAGE / "texts.js").read_text(encoding="utf-8")
    return json.loads(
        _run(
            "node",
            "--input-type=module",
            "-e",
            f"{script}\nconsole.log(JSON.stringify({{ ENGLISH, CHINESE }}));",
        )
    )


def test_every_script_is_well_typed(packages: Path) -> None:
    _run(
        str(packages / "node_modules" / ".bin" / "tsc"), "-p", str(Path(__file__).with_name("tsconfig.json"))
    )


def test_every_text_is_there_in_both_languages_with_the_same_values(packages: Path) -> None:
    english, chinese = (_texts()[language] for language in ("ENGLISH", "CHINESE"))
    assert list(english) == list(chinese)
    for key, text in english.items():
        values = {
            name: set(re.findall(r"\{\w+\}", words)) for name, words in (("en", text), ("zh", chinese[key]))
        }
        assert values["en"] == values["zh"], key
        assert re.search(r"[㐀-鿿]", chinese[key]), key


def test_every_text_is_used_somewhere(packages: Path) -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS if path.name != "texts.js")
    counted = set(re.findall(r'sayCount\("(\w+)"', code))
    unused = [
        key
        for key in _texts()["ENGLISH"]
        if f'"{key}"' not in code
        and not key.startswith(CALLED_WITH_A_KIND)
        and re.sub("_(one|other)$", "", key) not in counted
    ]
    assert unused == []


@pytest.mark.usefixtures("packages")
def test_the_page_writes_every_amount_as_the_server_writes_it() -> None:
    random = Random(1)
    amounts = [
        *(
            "0",
            "0.1",
            "0.12",
            "0.36005",
            "0.36",
            "0.00001",
            "0.999",
            "0.99999",
            "1",
            "1.001",
            "1.01",
            "1234.5",
        ),
        "9007199254740993.019",
        *(plain(Decimal(random.randrange(10**9)).scaleb(-random.randrange(10))) for _ in range(200)),
    ]
    texts, script = ((PAGE / name).read_text(encoding="utf-8") for name in ("texts.js", "i18n.js"))
    code = re.sub("(?m)^(import .*;|export )", "", texts + script)
    asked = f"{json.dumps(amounts)}.map((usd) => [money(usd), moneyLeft(usd)])"
    written = json.loads(
        _run("node", "--input-type=module", "-e", f"{code}\nconsole.log(JSON.stringify({asked}));")
    )
    for usd, pair in zip(amounts, written, strict=True):
        assert pair == [f"{digits(Decimal(usd))} USD", f"{digits_left(Decimal(usd))} USD"], usd


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_of_text_or_is_long(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [word for word in FORBIDDEN if word in text] == []
    assert path.name == "texts.js" or text.count("\n") <= 400
    assert re.match(r"/\*\* [A-Z][^*]+[.;:] ?[^*]*\*/\n", text), "it says first what it is for"
