"""Writes that every stage shares: the one mover of states, the file store, the security log."""

from core.services.files import open_file, store
from core.services.moving import Refused, move
from core.services.security import record_security_event

__all__ = ["Refused", "move", "open_file", "record_security_event", "store"]
