"""A run folder: what a training leaves behind, and how it is found again.

Holds checkpoint.pt, config.json, metrics.csv and the pictures. Every file is written beside its
place and then moved there, so that a stop at any moment leaves whole files.
"""

import csv
import io
import json
import os
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import facula
from facula.cli.error import CommandError, first_line
from facula.cli.model import MODELS, OPTIMIZERS

CHECKPOINT = "checkpoint.pt"
_FORMAT = "facula train 1"


@dataclass(frozen=True, slots=True)
class Settings:
    """What determines a run's numbers, beside the number of epochs."""

    data: str | None
    size: int | None
    model: str
    optimizer: str
    lr: float
    decay: float
    batch_size: int
    seed: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What the network is about: the classes, and how an image becomes its input."""

    classes: tuple[str, ...]
    height: int
    width: int
    mean: float
    deviation: float
    background: float  # mean level at the border of the training images, from 0 to 1
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Epoch:
    """The figures of one finished epoch."""

    epoch: int
    lr: float  # at its end
    loss: float
    accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float
    images_per_second: float


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that a run needs to go on, or to be used."""

    settings: Settings
    subject: Subject
    epochs: int  # how many were asked for
    history: tuple[Epoch, ...]
    confusion: tuple[tuple[int, ...], ...]
    model: dict[str, facula.Tensor]
    optimizer: dict[str, object]
    rng: facula.Tensor

    def to_dict(self) -> dict[str, object]:
        """Plain containers and tensors only: any reader of PyTorch checkpoints can open them."""
        return {
            "format": _FORMAT,
            "settings": asdict(self.settings),
            "subject": asdict(self.subject),
            "epochs": self.epochs,
            "history": tuple(asdict(epoch) for epoch in self.history),
            "confusion": self.confusion,
            "model": self.model,
            "optimizer": self.optimizer,
            "rng": self.rng,
        }

    @classmethod
    def from_dict(cls, content: object) -> "Checkpoint":
        """The checkpoint with every entry checked; ValueError says what is wrong with it."""
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ValueError("it was not written by this version of facula train")
        settings = _from_dict(Settings, content.get("settings"))
        if settings.model not in MODELS or settings.optimizer not in OPTIMIZERS:
            raise ValueError(f"unknown model or optimizer: {settings.model}, {settings.optimizer}")
        history = _expect(content.get("history"), tuple, "history")
        return cls(
            settings=settings,
            subject=_from_dict(Subject, content.get("subject")),
            epochs=_expect(content.get("epochs"), int, "epochs"),
            history=tuple(_from_dict(Epoch, epoch) for epoch in history),
            confusion=_expect(content.get("confusion"), tuple, "confusion"),
            model=_expect(content.get("model"), dict, "model"),
            optimizer=_expect(content.get("optimizer"), dict, "optimizer"),
            rng=_expect(content.get("rng"), facula.Tensor, "rng"),
        )


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, out: str | None, name: str) -> "RunFolder":
        """A new, empty folder: `out`, or the next free runs/NAME-NUMBER."""
        try:
            return cls(_next_folder(Path("runs"), name) if out is None else _empty_folder(out))
        except OSError as error:
            where = f"runs/{name}" if out is None else f"--out {out}"
            raise CommandError(f"{where}: cannot make the folder: {first_line(error)}") from error

    def write(self, name: str, content: bytes) -> None:
        """Writes a file whole: first beside its place, then in a single step into it."""
        target = self.path / name
        temporary = self.path / f".{name}.{os.getpid()}"
        try:
            try:
                with temporary.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise CommandError(f"{target}: cannot write: {first_line(error)}") from error

    def save(self, checkpoint: Checkpoint) -> None:
        """Writes the checkpoint, and its settings and figures again as text."""
        buffer = io.BytesIO()
        facula.save(checkpoint.to_dict(), buffer)
        self.write(CHECKPOINT, buffer.getvalue())
        self.write("config.json", _config(checkpoint))
        self.write("metrics.csv", _metrics(checkpoint.history))

    def load(self) -> Checkpoint:
        """The checkpoint of an earlier run."""
        path = self.path / CHECKPOINT
        if not path.is_file():
            why = f"it has no {CHECKPOINT}" if self.path.is_dir() else "there is no such folder"
            raise CommandError(f"{self.path}: not a run folder: {why}")
        try:
            return Checkpoint.from_dict(facula.load(path))
        except Exception as error:
            # A damaged file can fail anywhere in the reader: zip, pickle, sizes, the checks above.
            raise CommandError(f"{path}: not a usable checkpoint: {first_line(error)}") from error


def run_name(data: str, model: str) -> str:
    """The first part of a run folder's name.

    >>> run_name("Fashion-MNIST sample", "cnn")
    'fashion-mnist-sample-cnn'
    """
    return re.sub(r"[^a-z0-9]+", "-", f"{data}-{model}".lower()).strip("-")


def _empty_folder(out: str) -> Path:
    path = Path(out)
    if path.exists() and not path.is_dir():
        raise CommandError(f"--out {out}: is a file, expected a folder")
    path.mkdir(parents=True, exist_ok=True)
    if any(path.iterdir()):
        has_run = (path / CHECKPOINT).is_file()
        otherwise = f", or go on with the run in it: --resume {out}" if has_run else ""
        raise CommandError(f"--out {out}: the folder is not empty; choose another{otherwise}")
    return path


def _next_folder(parent: Path, name: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = parent / f"{name}-{number}"
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        else:
            return path


def _metrics(history: tuple[Epoch, ...]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Epoch))
    for epoch in history:
        # repr of a float reads back to the same bits.
        writer.writerow(repr(value) for value in asdict(epoch).values())
    return text.getvalue().encode()


def _config(checkpoint: Checkpoint) -> bytes:
    content = {
        "facula": facula.version.facula,
        "epochs": checkpoint.epochs,
        **asdict(checkpoint.settings),
        **asdict(checkpoint.subject),
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "surrogateescape")


def _from_dict(cls, content):  # type: ignore[no-untyped-def]
    """The dataclass of plain values from its dict; ValueError if a value is missing or wrong."""
    _expect(content, dict, cls.__name__)
    values = (_expect(content.get(field.name), _kind(field), field.name) for field in fields(cls))
    return cls(*values)


def _kind(field):  # type: ignore[no-untyped-def]
    """What isinstance understands of a field's type."""
    return getattr(field.type, "__origin__", field.type)


def _expect(value, kind, name: str):  # type: ignore[no-untyped-def]
    if not isinstance(value, kind):
        expected = getattr(kind, "__name__", str(kind))
        raise ValueError(f"entry {name!r}: expected {expected}, got {type(value).__name__}")
    return value
