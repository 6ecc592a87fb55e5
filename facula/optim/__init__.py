"""Optimizers and learning-rate schedulers.

`optimizer.py` holds what all optimizers share; each other file is one method: its arguments, its
update as a scalar formula, and a `step` that hands the formula to one kernel over all parameters.
"""

from facula.optim import lr_scheduler
from facula.optim.adadelta import Adadelta
from facula.optim.adagrad import Adagrad
from facula.optim.adam import Adam
from facula.optim.adamw import AdamW
from facula.optim.optimizer import Optimizer
from facula.optim.rmsprop import RMSprop
from facula.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "lr_scheduler",
]
