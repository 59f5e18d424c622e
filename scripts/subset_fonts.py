"""
Make the shipped font: the part of Noto Sans CJK SC that prompts need.

Needs fonttools and the Debian package fonts-noto-cjk (SIL Open Font License 1.1):
    python scripts/subset_font.py /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TARGET = Path(__file__).parents[1] / "seedance_mcp" / "media" / "fonts" / "NotoSansSC-Subset.otf"
SIMPLIFIED_CHINESE = "2"
"""Number of the SC face inside the collection."""

BLOCKS = (
    (0x20, 0x7F),  # ASCII
    (0xA0, 0x250),  # Latin of most of Europe, Turkish, Vietnamese (with the block below)
    (0x1EA0, 0x1F00),
    (0x370, 0x400),  # Greek
    (0x400, 0x460),  # Cyrillic
    (0x2010, 0x2040),  # dashes, quotation marks
    (0x20A0, 0x20C0),  # currencies
    (0x2190, 0x2200),  # arrows
    (0x3000, 0x3100),  # CJK punctuation, kana
    (0xFF00, 0xFFF0),  # full-width forms
)


def characters() -> set[int]:
    """The blocks above, GB 2312, JIS level 1 and the common Hangul syllables (KS X 1001)."""
    found = {code for start, end in BLOCKS for code in range(start, end)} | {0x2122}
    for encoding in ("gb2312", "shift_jis", "euc_kr"):
        for lead in range(0x81, 0x99 if encoding == "shift_jis" else 0xFF):
            for trail in range(0x40, 0xFF):
                try:
                    character = bytes([lead, trail]).decode(encoding)
                except UnicodeDecodeError:
                    continue
                if len(character) == 1 and (encoding != "euc_kr" or "\uac00" <= character <= "\ud7a3"):
                    found.add(ord(character))
    return found


def main(source: str) -> None:
    """Run pyftsubset on the collection at `source`."""
    subprocess.run(  # noqa: S603  a developer's own command
        [  # noqa: S607
            "pyftsubset",
            source,
            f"--font-number={SIMPLIFIED_CHINESE}",
            "--unicodes=" + ",".join(f"U+{code:04X}" for code in sorted(characters())),
            f"--output-file={TARGET}",
            "--layout-features=kern",
            "--no-hinting",
            "--desubroutinize",
            "--drop-tables+=vhea,vmtx,VORG,DSIG,BASE",
        ],
        check=True,
    )


if __name__ == "__main__":
    main(sys.argv[1])
