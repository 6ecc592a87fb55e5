"""A small collection of images and a way to run the command in this process."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from bars import bars, bars_options, idx

from facula.cli.main import main


class Answer(NamedTuple):
    """What a command gave back."""

    status: int
    out: str
    err: str


@pytest.fixture
def facula_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """Runs the command line, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Answer:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = stop.code
        return Answer(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def bars_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """idx files with 200 training and 40 test images of bars."""
    folder = tmp_path_factory.mktemp("bars")
    for role, count in (("train", 200), ("t10k", 40)):
        images, labels = bars(count, seed=count)
        (folder / f"{role}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{role}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


@pytest.fixture(scope="session")
def bars_run(bars_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of four epochs over the bars; tests must not change it."""
    out = tmp_path_factory.mktemp("run") / "bars"
    status = main([*bars_options(bars_folder), "--epochs", "4", "--out", str(out)])
    assert status == 0
    return out
