"""The command line of `facula`: options, help texts, exit statuses.

0: done; 2: one line on standard error says what cannot be done; 130: stopped by Ctrl-C.
"""

import argparse
import difflib
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import facula
from facula.cli import train as training
from facula.cli.error import CommandError
from facula.cli.info import info
from facula.cli.model import LEARNING_RATES, MODELS, OPTIMIZERS
from facula.cli.predict import predict
from facula.vision.error import DataError

_TRAIN = """Trains a network to classify images, on the embedded sample of Fashion-MNIST or on your
own images. The run folder receives checkpoint.pt, config.json, metrics.csv, samples.png, curves.png
and confusion.png. Ctrl-C keeps the last finished epoch; --resume goes on from it."""

_DATA = """a folder of MNIST-style idx files, plain or gzipped (train-images-idx3-ubyte ...), or of
pictures, one sub-folder a class; train/ and test/ or val/ in it are honoured, otherwise every fifth
image is held out; pictures become grey"""

_PREDICT = """Names the class of each picture, with its probability. Pictures of any kind and size
are made grey and brought to the size of the training images; black and white stay as they are
unless --invert is given. Transparent parts count as white."""


class Parser(argparse.ArgumentParser):
    """Answers a wrong command line with one line and exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Ends the program."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)\n")

    def reject(self, unknown: Sequence[str]) -> NoReturn:
        """Ends the program, naming the first thing that is not understood."""
        name = unknown[0].split("=")[0]
        if not name.startswith("-"):
            self.error(f"unexpected argument {name!r}")
        known = [option for action in self._actions for option in action.option_strings]
        close = difflib.get_close_matches(name, known, n=1)
        self.error(f"unknown option {name}" + (f", did you mean {close[0]}?" if close else ""))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A class name that the terminal's encoding lacks is no reason to stop.
            stream.reconfigure(errors="replace")
    parser, commands = _parsers()
    try:
        options, unknown = parser.parse_known_args(arguments)
        if unknown:
            commands.get(options.command, parser).reject(unknown)
        if options.command is None:
            parser.print_help()
            return 0
        return options.run_command(options)
    except (CommandError, DataError) as error:
        sys.stdout.flush()
        text = " ".join(str(error).split())
        print(f"facula {options.command}: {text}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nfacula {options.command}: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output, such as `head`, has gone; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parsers() -> tuple[Parser, dict[str, Parser]]:
    parser = Parser(
        prog="facula",
        description="Deep learning in pure Python: train a network on images and use it.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"facula {facula.version.facula}")
    added = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands: dict[str, Parser] = {}

    def command(
        name: str, run: Callable[[argparse.Namespace], int], brief: str, text: str
    ) -> Parser:
        commands[name] = added.add_parser(name, help=brief, description=text, allow_abbrev=False)
        commands[name].set_defaults(run_command=run)
        return commands[name]

    _add_train_options(command("train", training.train, "train a network on images", _TRAIN))
    _add_predict_options(command("predict", predict, "name what pictures show", _PREDICT))
    command("info", info, "show version, processor, threads, cache, memory", info.__doc__ or "")
    return parser, commands


def _add_train_options(parser: Parser) -> None:
    rates = ", ".join(f"{name} {rate:g}" for name, rate in LEARNING_RATES.items())
    add = parser.add_argument
    add("--data", metavar="FOLDER", help=_DATA)
    add("--size", type=_whole(8), metavar="N", help="pictures become N x N pixels (default 28)")
    add("--model", choices=list(MODELS), help=f"the network (default {training.MODEL})")
    add(
        "--epochs",
        type=_whole(1),
        metavar="N",
        help=f"passes over the training images, with --resume in all (default {training.EPOCHS})",
    )
    add("--batch-size", type=_whole(1), metavar="N", help=f"default {training.BATCH_SIZE}")
    add(
        "--optimizer",
        choices=list(OPTIMIZERS),
        help=f"default {training.OPTIMIZER}; sgd has Nesterov momentum 0.9",
    )
    add("--lr", type=_positive, metavar="X", help=f"learning rate (default {rates})")
    add(
        "--decay",
        type=_positive,
        metavar="X",
        help="what the learning rate falls to, smoothly, in each epoch, until a hundredth is left"
        f" (default {training.DECAY})",
    )
    add(
        "--seed",
        type=_whole(0),
        metavar="N",
        help=f"same seed, same numbers (default {training.SEED})",
    )
    add("--out", metavar="RUN", help="the run folder, new or empty (default runs/NAME-NUMBER)")
    add("--resume", metavar="RUN", help="go on with the run in this folder")
    add("--threads", type=_whole(1), metavar="N", help="default: what the machine allows")
    add("--plain", action="store_true", help="print lines only, as into a file")


def _add_predict_options(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", help="the folder of a run")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="a picture file")
    parser.add_argument(
        "--invert", action="store_true", help="exchange black and white, as for ink on paper"
    )


def _whole(least: int) -> Callable[[str], int]:
    """A reader of whole numbers from `least` on."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {least}, got {text!r}"
            )
        return value

    return read


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value
