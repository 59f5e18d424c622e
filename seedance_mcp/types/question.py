"""What a person is asked before money is spent, in words that nothing in a request can imitate."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ..remarks import Advice, Remarks
from ..texts import digits, listed, number_of, one_line
from .price import Price
from .request import VideoRequest

_PROMPT_CHARACTERS = 160
_NAME_CHARACTERS = 60
_NOTE_CHARACTERS = 400
_PLAIN_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._/-]{{0,{_NAME_CHARACTERS - 1}}}")

_LIKE_QUOTES = (
    "QUOTATION MARK", "DOUBLE PRIME", "TRIPLE PRIME", "DOUBLE ACUTE", "DOUBLE APOSTROPHE", "GERSHAYIM", "DITTO MARK",
)  # fmt: skip
"""Parts of the names that Unicode gives to what looks like the mark at the end of a quotation."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """
    One purchase as a person is asked about it.

    `price` is the most that it can cost, or, if none is known, what is counted for it; of `count` videos that are bought
    together, all of them. `length` is in words, `prompt` the beginning of it as it is shown, and `prompt_characters` how
    many it has in all. `notes` and `advice` are what to know about the request before agreeing; `reason` is a sentence
    about why it is asked, where the price is not why. With `shots` it is about so many of a film, all of them: then
    `prompt` is the film's title.
    """

    price: Price
    provider: str
    model: str
    length: str
    prompt: str
    prompt_characters: int
    notes: tuple[str, ...] = ()
    advice: tuple[Advice, ...] = ()
    reason: str = ""
    count: int = 1
    shots: int = 0

    @classmethod
    def about_film(
        cls,
        title: str,
        *,
        price: Price,
        sellers: Sequence[tuple[str, str]],
        seconds: Decimal | None,
        remarks: Remarks,
        shots: int,
    ) -> Question:
        """Put a film's plan into a question. `sellers` are provider and model of each shot, `seconds` the film's length."""
        return cls(
            price=price,
            provider=_names(provider for provider, _ in sellers),
            model=_names(model for _, model in sellers),
            length="as planned" if seconds is None else _seconds(seconds),
            prompt=shown(title, _PROMPT_CHARACTERS),
            prompt_characters=len(title),
            notes=tuple(shown(note, _NOTE_CHARACTERS) for note in remarks.notes),
            advice=tuple(Advice(one.code, shown(one.text, _NOTE_CHARACTERS)) for one in remarks.advice),
            shots=shots,
        )

    @classmethod
    def about(
        cls,
        request: VideoRequest,
        *,
        price: Price,
        provider: str,
        model: str,
        seconds: Decimal | None,
        remarks: Remarks,
    ) -> Question:
        """Put a resolved request into a question. `seconds` is what its price was made for, if it has one."""
        prompt = request.prompt or ""
        return cls(
            price=price,
            provider=_name(provider),
            model=_name(model),
            length=_length(request, seconds),
            prompt=shown(prompt, _PROMPT_CHARACTERS),
            prompt_characters=len(prompt),
            # They may name files and words of the prompt.
            notes=tuple(shown(note, _NOTE_CHARACTERS) for note in remarks.notes),
            advice=tuple(Advice(one.code, shown(one.text, _NOTE_CHARACTERS)) for one in remarks.advice),
        )

    @property
    def text(self) -> str:
        """The question as a person reads it. The quoted text is the last thing in it: nothing of ours can follow it."""
        return "\n".join((*self._what, *(f"Note: {line}" for line in self.remarks.lines), self._quotation))

    @property
    def remarks(self) -> Remarks:
        """The notes and the advice."""
        return Remarks(notes=self.notes, advice=self.advice)

    @property
    def sentence(self) -> str:
        """The question in one line, without the notes."""
        return " ".join((*self._what, self._quotation))

    @property
    def _what(self) -> tuple[str, str]:
        if self.shots:
            first = (
                f"Make {number_of(self.shots, 'shot')} of this film for at most {_money(self.price)} in all?"
            )
        elif self.count > 1:
            each = Price(
                amount=self.price.amount / self.count,
                currency=self.price.currency,
                usd=self.price.usd / self.count,
            )
            first = (
                f"Make {self.count} videos of this for at most {_money(self.price)} in all, {self.count} times"
                f" {_money(each)}?"
            )
        elif self.price.known:
            first = f"Make this video for at most {_money(self.price)}?"
        else:
            first = f"Make this video? Price unknown, at most {_money(self.price)} is counted for it."
        return (
            f"{first} {self.reason}".rstrip(),
            f"Provider: {self.provider}. Model: {self.model}. Length: {self.length}.",
        )

    @property
    def _quotation(self) -> str:
        what = "title" if self.shots else "prompt"
        if not self.prompt_characters:
            return f"It has no {what}."
        if self.prompt_characters > _PROMPT_CHARACTERS:
            return f'Its {what} has {self.prompt_characters} characters and begins, as quoted text: "{self.prompt}"'
        return f'Its {what}, as quoted text: "{self.prompt}"'


def shown(text: str, most: int) -> str:
    """Write at most `most` characters of a foreign text so that it stays one line between two quotation marks."""
    line = "".join("'" if _ends_quotations(character) else character for character in one_line(text))
    line = re.sub("'{2,}", "'", line)
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _ends_quotations(character: str) -> bool:
    if character in "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u2032\uff07":
        return True
    if unicodedata.category(character) in ("Pi", "Pf"):
        return True
    name = unicodedata.name(character, "")
    return any(part in name for part in _LIKE_QUOTES)


def _name(text: str) -> str:
    return text if _PLAIN_NAME.fullmatch(text) else f'"{shown(text, _NAME_CHARACTERS)}"'


def _names(texts: Iterable[str]) -> str:
    return listed([_name(text) for text in dict.fromkeys(texts)])


def _seconds(seconds: Decimal) -> str:
    return f"{seconds.quantize(Decimal('0.1')).normalize():f} seconds"


def _length(request: VideoRequest, seconds: Decimal | None) -> str:
    frames = request.provider_options.get("frames")
    if request.duration is not None and request.duration > 0 and not isinstance(frames, int):
        return f"{request.duration} seconds"
    if seconds is None:
        return f"{frames} frames" if isinstance(frames, int) else "chosen by the model"
    counted = _seconds(seconds)
    return counted if isinstance(frames, int) else f"chosen by the model, at most {counted}"


def _money(price: Price) -> str:
    usd = f"{digits(price.usd)} USD"
    return usd if price.currency == "USD" else f"{digits(price.amount)} {price.currency} ({usd})"
