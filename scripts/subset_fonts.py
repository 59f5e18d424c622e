"""
Make the shipped fonts: the parts of Noto that prompts need.

Needs fonttools and the Debian packages fonts-noto-cjk and fonts-noto-core (SIL Open Font License 1.1):
    python scripts/subset_fonts.py /usr/share/fonts
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).parents[1] / "seedance_mcp" / "media" / "placeholder" / "fonts"
SIMPLIFIED_CHINESE = "2"
"""Number of the SC face inside the collection."""

HAN_BLOCKS = (
    (0x0020, 0x007E),
    (0x00A0, 0x00FF),
    (0x2010, 0x22FF),  # punctuation, currencies, arrows, mathematics
    (0x2460, 0x26FF),  # circled numbers, shapes, symbols
    (0x3000, 0x30FF),  # punctuation, kana
    (0x3130, 0x318F),  # Hangul letters
    (0xFE30, 0xFE4F),
    (0xFF00, 0xFFEF),  # full-width forms
)
HAN_TABLES = (
    ("gb2312", range(0xA1, 0xF8), range(0xA1, 0xFF)),  # Simplified Chinese
    ("euc_jp", range(0xA1, 0xD0), range(0xA1, 0xFF)),  # JIS level 1
    ("euc_kr", range(0xA1, 0xC9), range(0xA1, 0xFF)),  # the common Hangul syllables
    ("big5", range(0xA1, 0xC7), range(0x40, 0xFF)),  # frequent Traditional Chinese
)
OTHERS = (
    (
        "NotoSans",
        "U+20-7E,U+A0-24F,U+2B0-52F,U+1E00-1EFF,U+2000-206F,U+20A0-20BF",
        "ccmp,kern,mark,mkmk,locl",
    ),
    ("NotoSansArabic", "U+20,U+600-6FF,U+750-77F,U+200C-200F,U+FB50-FDFF,U+FE70-FEFF", "*"),
    ("NotoSansDevanagari", "U+20-40,U+900-97F,U+200C-200D,U+20B9,U+A8E0-A8FF", "*"),
    ("NotoSansHebrew", "U+20,U+590-5FF,U+FB1D-FB4F", "*"),
    ("NotoSansThai", "U+20,U+E00-E7F", "*"),
)


def han() -> Iterator[int]:
    """Give the code points of the Han font: the blocks and the tables above."""
    for first, last in HAN_BLOCKS:
        yield from range(first, last + 1)
    for encoding, rows, cells in HAN_TABLES:
        for row in rows:
            for cell in cells:
                text = bytes([row, cell]).decode(encoding, "ignore")
                if len(text) == 1:
                    yield ord(text)


def subset(source: Path, target: Path, unicodes: str, features: str, *more: str) -> None:
    """Run pyftsubset once; the font keeps its names and its licence."""
    command = ["pyftsubset", str(source), f"--unicodes={unicodes}", f"--layout-features={features}"]
    command += ["--no-hinting", "--name-IDs=*", f"--output-file={target}", *more]
    subprocess.run(command, check=True)


def main(fonts: Path) -> None:
    """Make every font from what lies below the folder `fonts`."""
    subset(
        fonts / "opentype" / "noto" / "NotoSansCJK-Regular.ttc",
        TARGET / "NotoSansCJKsc-Subset.otf",
        ",".join(f"U+{code:04X}" for code in sorted(set(han()))),
        "ccmp,kern,mark,mkmk",
        f"--font-number={SIMPLIFIED_CHINESE}",
    )
    for name, unicodes, features in OTHERS:
        subset(
            fonts / "truetype" / "noto" / f"{name}-Regular.ttf",
            TARGET / f"{name}-Subset.ttf",
            unicodes,
            features,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
