"""A network in training: its passes over the data, and the checkpoint of where it stands.

The checkpoint holds the weights, the optimizer's state and the global generator, which shuffles
and drops out. That is everything the next epoch depends on, so a run that was stopped and resumed
has the numbers of an unbroken one. The learning rate depends only on how far the run has come:
it may be resumed for more epochs than it was begun with.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import facula
from facula.cli.data import Prepared
from facula.cli.error import CommandError, first_line
from facula.cli.model import build_model, build_optimizer
from facula.cli.run import Checkpoint, Epoch, Settings, Subject
from facula.nn.functional import cross_entropy

# The learning rate falls to this share of where it began, and no further.
LEAST_RATE = 0.01

# Called after every batch: title of the pass, images done, images in all, what else to tell.
Report = Callable[[str, int, int, str], None]


@dataclass(slots=True)
class Score:
    """Loss and hits, summed over the batches of a pass."""

    loss: float = 0.0
    hits: int = 0
    images: int = 0

    def add(self, mean_loss: float, hits: int, images: int) -> None:
        """Counts one batch."""
        self.loss += mean_loss * images
        self.hits += hits
        self.images += images

    @property
    def mean_loss(self) -> float:
        """Loss of an image."""
        return self.loss / self.images

    @property
    def accuracy(self) -> float:
        """Share of the images classified rightly, from 0 to 1."""
        return self.hits / self.images


class Training:
    """One network, its optimizer and what they have achieved so far."""

    def __init__(self, settings: Settings, subject: Subject, prepared: Prepared) -> None:
        self.settings = settings
        self.subject = subject
        self.prepared = prepared
        self.history: tuple[Epoch, ...] = ()
        self.confusion: tuple[tuple[int, ...], ...] = ()
        facula.manual_seed(settings.seed)
        self.model = build_model(
            settings.model, len(subject.classes), subject.height, subject.width
        )
        self.optimizer = build_optimizer(settings.optimizer, self.model, settings.lr)

    def checkpoint(self, epochs: int) -> Checkpoint:
        """The present state, on the way to so many epochs."""
        return Checkpoint(
            settings=self.settings,
            subject=self.subject,
            epochs=epochs,
            history=self.history,
            confusion=self.confusion,
            model=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            rng=facula.get_rng_state(),
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Brings everything to the state of a checkpoint of this run."""
        self.history = checkpoint.history
        self.confusion = checkpoint.confusion
        try:
            self.model.load_state_dict(checkpoint.model)
            self.optimizer.load_state_dict(checkpoint.optimizer)
            facula.set_rng_state(checkpoint.rng)
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise CommandError(
                f"the checkpoint does not fit its own network: {first_line(error)}"
            ) from error

    def run_epoch(self, epochs: int, report: Report) -> Epoch:
        """Trains for one more epoch, tests, and returns the figures, also added to history."""
        number = len(self.history) + 1
        start = time.perf_counter()
        trained = self._train(f"epoch {number}/{epochs}", report)
        trained_seconds = time.perf_counter() - start
        tested, confusion = self._test(f"testing {number}/{epochs}", report)
        epoch = Epoch(
            epoch=number,
            lr=self._rate(number),
            loss=trained.mean_loss,
            accuracy=trained.accuracy,
            test_loss=tested.mean_loss,
            test_accuracy=tested.accuracy,
            seconds=time.perf_counter() - start,
            images_per_second=trained.images / trained_seconds,
        )
        self.history += (epoch,)
        self.confusion = tuple(tuple(row) for row in confusion.tolist())
        return epoch

    def _train(self, title: str, report: Report) -> Score:
        """One pass over the shuffled training images."""
        self.model.train()
        total = len(self.prepared.train)
        score = Score()
        start = time.perf_counter()
        for images, labels in self.prepared.training_batches(self.settings.batch_size):
            rate = self._rate(len(self.history) + score.images / total)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            output = self.model(images)
            loss = cross_entropy(output, labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            score.add(loss.item(), _hits(output, labels), len(labels))
            self._check(score)
            speed = score.images / (time.perf_counter() - start)
            told = f"loss {score.mean_loss:.4f}  {speed:,.0f} images/s"
            report(title, score.images, total, told)
        return score

    def _test(self, title: str, report: Report) -> tuple[Score, NDArray[np.int64]]:
        """One pass over the test images; the matrix counts (true class, named class)."""
        self.model.eval()
        classes = len(self.subject.classes)
        pairs = np.zeros(classes * classes, dtype=np.int64)
        score = Score()
        with facula.no_grad():
            for images, labels in self.prepared.test_batches():
                output = self.model(images)
                loss = cross_entropy(output, labels)
                score.add(loss.item(), _hits(output, labels), len(labels))
                places = labels.numpy() * classes + output.argmax(1).numpy()
                pairs += np.bincount(places, minlength=classes * classes)
                report(title, score.images, len(self.prepared.test), "")
        return score, pairs.reshape(classes, classes)

    def _rate(self, epochs: float) -> float:
        """The learning rate when so many epochs, whole and parts, are done: it falls smoothly."""
        return self.settings.lr * max(self.settings.decay**epochs, LEAST_RATE)

    def _check(self, score: Score) -> None:
        if not math.isfinite(score.loss):
            raise CommandError(
                f"the loss is no longer a number after {score.images:,} images of epoch"
                f" {len(self.history) + 1}; try a smaller --lr (it is {self.settings.lr:g})"
            )


def _hits(output: facula.Tensor, labels: facula.Tensor) -> int:
    """How many rows of the output are largest at their label."""
    return int((output.argmax(1) == labels).sum().item())
