"""Training with less to write: `Trainer`, its history, callbacks, early stopping, checkpoints. Never required."""

from .callbacks import Callback
from .checkpoints import Checkpoints
from .early_stopping import EarlyStopping
from .history import History
from .metrics import accuracy
from .trainer import Trainer

__all__ = ["Callback", "Checkpoints", "EarlyStopping", "History", "Trainer", "accuracy"]
