"""A progress bar in a terminal; a few plain lines where there is none."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

Show = Callable[[float, str], Awaitable[None]]

_LAYOUT = "{desc} {percentage:3.0f}% |{bar:28}| {elapsed}  {unit}"
_TICK_SECONDS = 0.25
_PLAIN_STEP = 0.25


@asynccontextmanager
async def progress_bar(title: str) -> AsyncGenerator[Show]:
    """Show a fraction (0 to 1) and a message on stderr; the clock goes on while nothing is reported."""
    if not sys.stderr.isatty():
        yield _plain_lines(title)
        return

    from tqdm import tqdm

    tqdm.monitor_interval = 0  # its thread is not needed: the task below keeps the bar alive
    screen = shutil.get_terminal_size()  # 80 by 24 where it does not say: tqdm would show nothing there
    with tqdm(
        total=1.0,
        desc=title,
        bar_format=_LAYOUT,
        ncols=screen.columns,
        nrows=screen.lines,
        unit="",
        mininterval=0,
        file=sys.stderr,
    ) as bar:

        async def show(fraction: float, message: str) -> None:
            bar.unit = message
            bar.update(max(0.0, min(1.0, fraction) - bar.n))
            bar.refresh()

        async def tick() -> None:
            while True:
                await anyio.sleep(_TICK_SECONDS)
                bar.refresh()

        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tick)
            try:
                yield show
            except Exception as error:
                failure = error  # raised outside, or the task group would wrap it
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure


def _plain_lines(title: str) -> Show:
    last_fraction, last_words = -1.0, ""

    async def show(fraction: float, message: str) -> None:
        nonlocal last_fraction, last_words
        fraction = max(fraction, last_fraction)
        words = re.sub(r"[\d.]+", "", message)
        if words == last_words and fraction < min(1.0, last_fraction + _PLAIN_STEP):
            return
        if words == last_words and fraction == last_fraction:
            return
        last_fraction, last_words = fraction, words
        print(f"{title} {fraction:4.0%}  {message}", file=sys.stderr, flush=True)

    return show
