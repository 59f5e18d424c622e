"""What a process does with the jobs of its database. In one file all do everything; on several machines they may differ."""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """
    Who does what.

    `WHOLE`: reserves, buys and looks after open jobs; each process, unless it is told otherwise. `REPLICA`: reserves, waits
    and answers, and may be killed at any time. `WORKER`: as `WHOLE`, and buys what replicas have reserved.
    """

    WHOLE = "whole"
    REPLICA = "replica"
    WORKER = "worker"

    @property
    def buys(self) -> bool:
        """Whether it buys what it reserves, and looks after open jobs."""
        return self is not Role.REPLICA
