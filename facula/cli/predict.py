"""`facula predict`: names what pictures show, with a network that `facula train` left behind."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import facula
from facula.cli.data import Scale
from facula.cli.error import CommandError, first_line
from facula.cli.model import build_model
from facula.cli.run import Checkpoint, RunFolder, Subject
from facula.nn import Module
from facula.vision.error import DataError
from facula.vision.io import read_grey

_SHOWN = 3
# A difference between a picture's border and that of the training images worth a word.
_OTHER_GROUND = 0.5


def predict(options: Namespace) -> int:
    """Runs the command: a line a picture; 2 if one of them could not be read."""
    run = RunFolder(Path(options.run))
    checkpoint = run.load()
    if not checkpoint.history:
        raise CommandError(f"{run.path}: its run has not finished an epoch yet")
    model = _restore(run, checkpoint)
    subject = checkpoint.subject
    scale = Scale(subject.mean, subject.deviation)
    status = 0
    longest = max(len(name) for name in options.images)
    for name in options.images:
        try:
            image = read_grey(Path(name), subject.height, subject.width)
        except DataError as error:
            sys.stdout.flush()
            print(f"facula predict: {error}", file=sys.stderr)
            status = 2
            continue
        if options.invert:
            image = 255 - image
        with facula.no_grad():
            output = model(scale.apply(image[None]))
        shares = output.softmax(1)[0].tolist()
        print(f"{name:{longest}}  {_named(shares, subject.classes)}")
        _remark(name, image, subject)
    return status


def _restore(run: RunFolder, checkpoint: Checkpoint) -> Module:
    subject = checkpoint.subject
    model = build_model(
        checkpoint.settings.model, len(subject.classes), subject.height, subject.width
    )
    try:
        model.load_state_dict(checkpoint.model)
    except RuntimeError as error:
        raise CommandError(f"{run.path}: weights do not fit: {first_line(error)}") from error
    return model.eval()


def _named(shares: Sequence[float], classes: Sequence[str]) -> str:
    """The likeliest class and its probability, then the next two."""
    order = sorted(range(len(classes)), key=lambda label: -shares[label])[:_SHOWN]
    first, *others = (f"{classes[label]} {100 * shares[label]:.1f} %" for label in order)
    return f"{first}  ({', '.join(others)})"


def _remark(name: str, image: NDArray[np.uint8], subject: Subject) -> None:
    """Says so when the picture looks like a negative of the training images."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    ground = float(border.mean()) / 255
    if abs(ground - subject.background) > _OTHER_GROUND:
        sys.stdout.flush()
        here, there = ("bright", "dark") if ground > subject.background else ("dark", "bright")
        print(
            f"note: {name} is {here} at its border, the training images are {there} there;"
            " --invert exchanges black and white",
            file=sys.stderr,
        )
