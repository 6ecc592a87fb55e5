"""`facula train`: trains a network on images, shows it happening, leaves a run folder.

After each epoch the folder is complete, so that stopping costs at most the epoch at hand.
"""

import shlex
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np

import facula
from facula.cli import chart, view
from facula.cli.data import Scale, fingerprint, load_data, prepare
from facula.cli.error import CommandError
from facula.cli.interrupt import Interrupt
from facula.cli.model import LEARNING_RATES
from facula.cli.run import RunFolder, Settings, Subject, run_name
from facula.cli.terminal import Terminal
from facula.cli.training import Training
from facula.vision.datasets import ImageData

EPOCHS = 3
MODEL = "cnn"
OPTIMIZER = "adam"
DECAY = 0.5
BATCH_SIZE = 64
SEED = 0

# A resumed run has these from its checkpoint.
_FIXED = ("size", "model", "optimizer", "lr", "decay", "batch_size", "seed", "out")


def train(options: Namespace) -> int:
    """Runs the command; returns its exit status."""
    chart.require()
    terminal = Terminal(sys.stdout, options.plain)
    if options.threads is not None:
        facula.set_num_threads(options.threads)
    begin = _begin if options.resume is None else _resume
    run, training, data, epochs = begin(options, terminal)
    _say_model(training, terminal)
    terminal.say(f"run folder: {run.path}")
    terminal.say()
    with Interrupt() as interrupt:
        # Before the first epoch: a folder that cannot be written is noticed now.
        run.save(training.checkpoint(epochs))
        run.write("samples.png", chart.samples(data))
        try:
            _run_epochs(run, training, epochs, terminal, interrupt)
        except KeyboardInterrupt:
            # Ends the line on which the terminal has echoed ^C.
            terminal.say()
            _say_stopped(run)
            return 130
    _say_finished(run, training, terminal)
    return 0


def _begin(options: Namespace, terminal: Terminal) -> tuple[RunFolder, Training, ImageData, int]:
    """A new run in a new folder."""
    settings = _settings(options)
    data = load_data(settings.data, settings.size, terminal)
    run = RunFolder.create(options.out, run_name(data.name, settings.model))
    view.show_data(data, terminal)
    subject = _subject(data)
    training = Training(settings, subject, prepare(data, _scale(subject)))
    return run, training, data, EPOCHS if options.epochs is None else options.epochs


def _resume(options: Namespace, terminal: Terminal) -> tuple[RunFolder, Training, ImageData, int]:
    """An earlier run, with its data read again and its state restored."""
    for name in _FIXED:
        if getattr(options, name) is not None:
            raise CommandError(
                f"--{name.replace('_', '-')} does not go with --resume: the run has it already"
            )
    run = RunFolder(Path(options.resume))
    checkpoint = run.load()
    done = len(checkpoint.history)
    epochs = checkpoint.epochs if options.epochs is None else options.epochs
    if epochs <= done:
        raise CommandError(
            f"{run.path}: has {done} epochs already, --epochs is their number in all:"
            f" give at least {done + 1}"
        )
    settings = checkpoint.settings
    if options.data is not None:
        settings = replace(settings, data=_absolute(options.data))
    data = load_data(settings.data, settings.size, terminal)
    if fingerprint(data) != checkpoint.subject.fingerprint:
        raise CommandError(f"{run.path}: its run was begun with other data than {data.name}")
    training = Training(settings, checkpoint.subject, prepare(data, _scale(checkpoint.subject)))
    training.restore(checkpoint)
    return run, training, data, epochs


def _run_epochs(
    run: RunFolder, training: Training, epochs: int, terminal: Terminal, interrupt: Interrupt
) -> None:
    """Trains up to the given number of epochs; after each the folder is complete."""

    def report(title: str, done: int, total: int, told: str) -> None:
        interrupt.check()
        terminal.progress(title, done, total, told)

    terminal.say(terminal.faint(view.EPOCH_HEADER))
    for epoch in training.history:
        terminal.say(terminal.faint(view.epoch_line(epoch, epochs)))
    while len(training.history) < epochs:
        terminal.start()
        epoch = training.run_epoch(epochs, report)
        terminal.say(view.epoch_line(epoch, epochs))
        run.save(training.checkpoint(epochs))
        run.write("curves.png", chart.curves(training.history))
        matrix = chart.confusion(training.confusion, training.subject.classes)
        run.write("confusion.png", matrix)


def _say_stopped(run: RunFolder) -> None:
    kept = len(run.load().history)
    print(
        f"stopped in epoch {kept + 1};"
        f" {f'epoch {kept} is kept' if kept else 'no epoch was finished'} in {run.path}\n"
        f"go on with: facula train --resume {shlex.quote(str(run.path))}",
        file=sys.stderr,
    )


def _say_finished(run: RunFolder, training: Training, terminal: Terminal) -> None:
    terminal.say()
    view.show_confusion(training.confusion, training.subject.classes, terminal)
    terminal.say()
    right = 100 * training.history[-1].test_accuracy
    terminal.say(f"{terminal.bold(f'{right:.2f} %')} of the test images are classified rightly")
    terminal.say(f"{run.path} holds {', '.join(sorted(path.name for path in run.path.iterdir()))}")
    terminal.say(f"use it with: facula predict {shlex.quote(str(run.path))} IMAGE...")


def _settings(options: Namespace) -> Settings:
    optimizer = options.optimizer or OPTIMIZER
    return Settings(
        data=None if options.data is None else _absolute(options.data),
        size=options.size,
        model=options.model or MODEL,
        optimizer=optimizer,
        lr=LEARNING_RATES[optimizer] if options.lr is None else options.lr,
        decay=DECAY if options.decay is None else options.decay,
        batch_size=BATCH_SIZE if options.batch_size is None else options.batch_size,
        seed=SEED if options.seed is None else options.seed,
    )


def _absolute(folder: str) -> str:
    """The path by which a resume finds the data from anywhere."""
    return str(Path(folder).resolve())


def _subject(data: ImageData) -> Subject:
    images = data.train.images
    scale = Scale.of(images)
    border = np.concatenate(
        [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1
    )
    height, width = data.size
    return Subject(
        classes=data.classes,
        height=height,
        width=width,
        mean=scale.mean,
        deviation=scale.deviation,
        background=float(border.mean()) / 255,
        fingerprint=fingerprint(data),
    )


def _scale(subject: Subject) -> Scale:
    return Scale(subject.mean, subject.deviation)


def _say_model(training: Training, terminal: Terminal) -> None:
    settings = training.settings
    size = sum(parameter.numel() for parameter in training.model.parameters())
    threads = facula.get_num_threads()
    terminal.say(
        f"{terminal.bold(settings.model)}: {size:,} parameters,"
        f" on {threads} thread{'' if threads == 1 else 's'}, seed {settings.seed}"
    )
    terminal.say(
        f"{settings.optimizer}: batches of {settings.batch_size}, lr {settings.lr:g},"
        f" times {settings.decay:g} over each epoch"
    )
