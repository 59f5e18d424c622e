"""Which key each server of the simulated machine has, at which address, and which of them open one account in truth."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from seedance_mcp.store.accounts import Account, say_same

from .simulation_market import SELLERS
from .simulation_rules import Violation

if TYPE_CHECKING:
    from .simulation_process import Process
    from .simulation_world import World


class Reach(NamedTuple):
    """A key and the address that it is used at."""

    key: str
    place: str


FIRST = Reach("a", "https://x")
_NEW_KEY = Reach("r", "https://x")
_KINDS = (
    (FIRST,),
    (FIRST, Reach("b", "https://x")),
    (FIRST, Reach("a", "https://y")),
    (FIRST, _NEW_KEY, Reach("b", "https://x")),
)


class Accounts:
    """
    The accounts of one world.

    Two worlds in five know one only. In the others each server that starts has any of theirs: another key, another
    address, or a new key of the first account, which nobody knows until a person says so.
    """

    def __init__(self, world: World) -> None:
        # Random numbers of its own: a world with one account plays the same with or without all this.
        self.random = random.Random(f"accounts of {world.seed}")
        self._world = world
        self.all = _KINDS[max(0, 3 - world.seed % 5)]
        self.said = False

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return len(self.all) > 1

    def one(self) -> Reach:
        """The key and the address of a server that starts."""
        return self.random.choice(self.all)

    def asked(self, number: int) -> str | None:
        """
        The digest of what is asked by the request of this number, which can be put in two ways.

        None as with earlier versions, and where there is one account only.
        """
        way = self.random.randrange(3) if self.several else 0
        return f"asked {number} {way}" if way else None

    def really(self, reach: Reach) -> Reach:
        """The account in truth."""
        return FIRST if reach == _NEW_KEY else reach

    def started(self, process: Process) -> None:
        """A server runs with a key: now and then a person says what it opens."""
        if process.reach == _NEW_KEY and not self.said and self.random.random() < 0.2:
            self.say(process)

    def say(self, process: Process) -> None:
        """A person says, truthfully, that the new key opens the account of the first."""
        self._world.did("said to be the same account", process, "")
        for seller in SELLERS:
            now = Account(provider=seller, fingerprint=_NEW_KEY.key, address=_NEW_KEY.place)
            process.store.write_now(partial(say_same, earlier=FIRST.key, now=now, at=self._world.wall))
        self.said = True

    def may_ask(self, job_id: str, reach: Reach) -> None:
        """I16: only the account that bought, at its address, asks about a job, judges it and fetches it."""
        intent = self._world.intents[job_id]
        bought = Reach(intent.account, intent.base_url or "")
        if bought != reach and not (self.said and self.really(bought) == self.really(reach)):
            raise Violation("I16", f"{reach} asks about what {bought} bought", job_id)

    def all_present(self, present: list[Process]) -> list[Process]:
        """See to it that for every job somebody runs who may ask about it; one key of two for an account is enough."""
        here = {process.reach for process in present}
        wanted = [reach for reach in self.all if reach != FIRST or _NEW_KEY not in self.all]
        found = [*present, *(self._world.start(reach) for reach in wanted if reach not in here)]
        for process in found:
            if process.reach == _NEW_KEY and not self.said:
                self.say(process)
        return found
