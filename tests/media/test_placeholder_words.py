"""The words on placeholders: every script has its font, lines break where they may, nothing breaks the drawing."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, features

from seedance_mcp.media.placeholder import lettering
from seedance_mcp.media.placeholder.captions import draw_card, draw_mark, draw_subtitle
from seedance_mcp.media.placeholder.lettering import draw_line, plain, runs, width, wrapped

FONTS = Path(lettering.__file__).with_name("fonts")


def drawn(text: str, size: int = 40) -> bytes:
    """A line as pixels."""
    image = Image.new("L", (round(width(text, size)) + 20, 2 * size))
    draw_line(ImageDraw.Draw(image), text, x=10, baseline=1.4 * size, size=size, fill=(255,))
    return image.tobytes()


def ranges(*pairs: tuple[int, int]) -> str:
    return "".join(chr(code) for first, last in pairs for code in range(first, last + 1))


def decoded(encoding: str, rows: range) -> str:
    """All characters of these rows of a double-byte table."""
    found = (bytes([row, cell]).decode(encoding, "ignore") for row in rows for cell in range(0xA1, 0xFF))
    return "".join(text for text in found if len(text) == 1)


def pixels(font: ImageFont.FreeTypeFont, character: str) -> bytes:
    """What the font draws for a character."""
    return bytes(font.getmask(character))  # pyright: ignore[reportArgumentType]  its stub does not tell of its length


@pytest.mark.parametrize(
    "characters",
    [
        ranges((0x21, 0x7E), (0xA1, 0xAC), (0xAE, 0xFF), (0x100, 0x17F)),
        ranges((0x1EA0, 0x1EF9)),
        ranges((0x391, 0x3A1), (0x3B1, 0x3C9), (0x410, 0x44F)),
        "–—‘’“”…•€₫₹",
        decoded("gb2312", range(0xB0, 0xF8)),
        decoded("euc_jp", range(0xB0, 0xD0)),
        decoded("euc_kr", range(0xB0, 0xC9)),
        ranges((0x3041, 0x3096), (0x30A1, 0x30FA)),
        "，。、；：？！（）「」『』【】《》〈〉…—～",
        ranges((0x0E01, 0x0E3A), (0x0E3F, 0x0E5B)),
        ranges((0x0621, 0x063A), (0x0641, 0x064A)),
        ranges((0x05D0, 0x05EA), (0x0905, 0x0939)),
    ],
    ids=[
        "latin",
        "vietnamese",
        "greek and cyrillic",
        "punctuation",
        "gb2312",
        "jis level 1",
        "hangul",
        "kana",
        "full width",
        "thai",
        "arabic",
        "hebrew and devanagari",
    ],
)
def test_no_character_of_these_is_drawn_as_a_box(characters: str) -> None:
    """U+10FFFD is in no font: what looks like it is missing."""
    missing: list[str] = []
    for character in characters:
        [run] = runs(character, 20)
        box = pixels(run.font, "\U0010fffd")
        if pixels(run.font, character) == box:
            missing.append(character)
    assert missing == []


def test_characters_look_different_from_each_other() -> None:
    for one, other in itertools.combinations(
        ["狐", "雪", "夜", "空", "한", "글", "あ", "ア", "ế", "ก", "ش"], 2
    ):
        assert drawn(one) != drawn(other)


def test_the_fonts_are_small_and_come_with_their_licence() -> None:
    assert "SIL OPEN FONT LICENSE" in (FONTS / "OFL.txt").read_text(encoding="utf-8").upper()
    assert sum(path.stat().st_size for path in FONTS.iterdir()) < 5_000_000
    assert "subset_fonts.py" in (FONTS / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "🦊 emoji 👨‍👩‍👧 only ☃️",
        "\ud83d lone surrogate \udc00",
        "controls \x00\x07\x1b[31m \u202e turned",
        "\U0001d518\U0001f9ff\U000e0041 \ue000 \uffff",
        "combining ỹ̷̡̢ h̸e̸l̸l̸o",
        "   \n\t ",
        "",
        "a" * 5000,
        "字" * 5000,
        "שלום עולם and नमस्ते with ไทย, 汉字 (عربي)!",
    ],
)
def test_no_prompt_breaks_the_drawing(text: str) -> None:
    for size in ((320, 180), (180, 320), (64, 64), (1920, 816)):
        label = draw_subtitle(size, text)
        assert (label is None) == (not plain(text[:700]))
        if label is not None and size != (64, 64):
            assert label.y >= size[1] * 0.45
            assert label.x >= 0
            assert label.x + label.colours.width <= size[0]
            assert label.y + label.colours.height <= size[1]


def test_a_line_is_never_wider_than_its_space() -> None:
    text = "Une phrase assez longue avec Donaudampfschifffahrtsgesellschaftskapitän, puis 一些中文字符混排，再来一些。 끝."
    for space in (60, 120, 250, 700):
        lines = wrapped(text, 20, space, 99)
        assert all(width(line, 20) <= space for line in lines)
        assert "".join("".join(lines).split()) == "".join(text.split())


def test_what_does_not_fit_ends_in_an_ellipsis() -> None:
    lines = wrapped("one two three four five six seven eight nine ten", 20, 120, 2)
    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert width(lines[1], 20) <= 120


def test_punctuation_stays_with_its_words() -> None:
    text = "他说：“下雪了。”然后（慢慢地）走进《长夜》里，没有回头！"
    for space in range(60, 400, 7):
        for line in wrapped(text, 20, space, 99):
            assert line[0] not in "，。！）》”："
            assert line[-1] not in "（《“"


def test_korean_breaks_at_its_spaces() -> None:
    text = "눈 덮인 산을 달리는 붉은 여우"
    for line in wrapped(text, 20, 110, 9):
        assert set(line.split()) <= set(text.split())


def test_arabic_and_hebrew_run_from_right_to_left() -> None:
    order = [run.text.strip() for run in runs("ab عربي: ثعلب cd", 20)]
    assert order.index("ثعلب") < order.index("عربي")
    assert [run.text.strip() for run in runs("عربي abc", 20)] == ["abc", "عربي"]
    assert [run.text.strip() for run in runs("abc עברית", 20)] == ["abc", "עברית"]


@pytest.mark.skipif(not features.check("raqm"), reason="this build of Pillow joins no letters")
def test_arabic_letters_are_joined() -> None:
    assert width("ثعلب", 40) < sum(width(letter, 40) for letter in "ثعلب") * 0.9


@pytest.mark.parametrize("size", [(864, 496), (496, 864), (640, 640), (1280, 544), (128, 72)])
def test_the_mark_stays_inside_the_frame_and_small(size: tuple[int, int]) -> None:
    label = draw_mark(size, ("seedance-1.0-pro-fast", "12 s"), ("3 reference audios not played",))
    assert label is not None
    assert label.x + label.colours.width <= size[0]
    if min(size) > 100:
        assert label.y + label.colours.height < size[1] * 0.22


def test_a_label_can_fade() -> None:
    label = draw_subtitle((320, 180), "Slowly")
    assert label is not None
    pictures: list[float] = []
    for strength in (0.0, 0.5, 1.0):
        frame = Image.new("RGB", (320, 180), (120, 160, 200))
        label.onto(frame, strength)
        pictures.append(float(np.abs(np.asarray(frame).astype(int) - (120, 160, 200)).mean()))
    assert pictures[0] == 0
    assert pictures[1] == pytest.approx(pictures[2] / 2, rel=0.1)


def test_a_card_names_what_it_stands_for() -> None:
    one = draw_card((300, 300), "reference 1", "https://example.com/fox.png")
    other = draw_card((300, 300), "reference 2", "https://example.com/fox.png")
    assert one.size == (300, 300)
    assert one.tobytes() != other.tobytes()
