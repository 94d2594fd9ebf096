"""The stack's one table: a frozen class for each kind of row, with its key, its fields and its conditional writes.

No key is written out elsewhere, nor the name of an attribute. A row of an older version may lack fields, which then
have their defaults, and may have more, which are passed over.
"""

from handlers.ledger.arrivals import Arrival
from handlers.ledger.datasets import Dataset
from handlers.ledger.drops import Drop
from handlers.ledger.endpoints import Deployment, Scaling, Serving
from handlers.ledger.events import Event, EventStatus
from handlers.ledger.features import Features
from handlers.ledger.rows import Ledger
from handlers.ledger.runs import Run, RunStatus
from handlers.ledger.standby import Standby
from handlers.ledger.tokens import Token
from handlers.ledger.turns import Pending, Turn
from handlers.ledger.work import Work

__all__ = [
    "Arrival",
    "Dataset",
    "Deployment",
    "Drop",
    "Event",
    "EventStatus",
    "Features",
    "Ledger",
    "Pending",
    "Run",
    "RunStatus",
    "Scaling",
    "Serving",
    "Standby",
    "Token",
    "Turn",
    "Work",
]
