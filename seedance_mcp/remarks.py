"""What is said about a request before it is bought: notes, and advice with codes that others can rely on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """One piece of advice: a code that stays what it is (`catalog/data/advice.toml` has them all), and the words."""

    code: str
    text: str

    @property
    def line(self) -> str:
        """The words with the code behind them, for whoever reads text alone."""
        return f"{self.text} [{self.code}]"


@dataclass(frozen=True, kw_only=True)
class Remarks:
    """All that is said: `notes` on the price and on what is sent in place of a file, and the `advice`."""

    notes: tuple[str, ...] = ()
    advice: tuple[Advice, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each, the notes first."""
        return (*self.notes, *(one.line for one in self.advice))


NO_REMARKS = Remarks()
