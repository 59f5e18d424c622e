"""Video services that exist only on this machine: their dialects, a ledger that holds the truth, faults on command."""

from __future__ import annotations

from .faults import Fault
from .ledger import Call, Ledger, Task
from .server import DIALECTS, Emulator
from .world import Behaviour, Dialect, World

__all__ = ["DIALECTS", "Behaviour", "Call", "Dialect", "Emulator", "Fault", "Ledger", "Task", "World"]
