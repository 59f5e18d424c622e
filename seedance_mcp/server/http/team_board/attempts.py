"""How often somebody may try to sign in with what is no good token."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from ..refusals import Refused

_SECONDS = 60.0
_MOST_OF_AN_ADDRESS = 10
_MOST = 60


class Attempts:
    """
    The attempts of the last minute that did not succeed: 10 for each address, 60 in all.

    Each is counted before it is looked at, so that many at once are no way around. Behind a proxy all have its address.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._made: deque[tuple[float, str]] = deque()

    def begin(self, address: str) -> None:
        """Count one. Raises Refused if there are too many."""
        now = self._clock()
        while self._made and now - self._made[0][0] >= _SECONDS:
            self._made.popleft()
        own = [at for at, other in self._made if other == address]
        if len(own) >= _MOST_OF_AN_ADDRESS or len(self._made) >= _MOST:
            oldest = own[0] if len(own) >= _MOST_OF_AN_ADDRESS else self._made[0][0]
            wait = int(_SECONDS - (now - oldest)) + 1
            raise Refused(
                429, f"There were too many attempts to sign in; try again in {wait} s.", retry_after=str(wait)
            )
        self._made.append((now, address))

    def succeeded(self, address: str) -> None:
        """Take back the count of one that was good."""
        made = next((one for one in reversed(self._made) if one[1] == address), None)
        if made is not None:
            self._made.remove(made)
