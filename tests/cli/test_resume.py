"""Stopping and going on: a resumed run has the numbers of an unbroken one, bit for bit."""

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bars import bars_options, idx, python_process

import facula


def content(run: Path) -> dict[str, object]:
    return facula.load(run / "checkpoint.pt")


def assert_same(first: object, second: object) -> None:
    """Equal containers, and tensors equal in every bit."""
    if isinstance(first, facula.Tensor):
        assert first.dtype == second.dtype
        assert first.numpy().tobytes() == second.numpy().tobytes()
    elif isinstance(first, dict):
        assert list(first) == list(second)
        for key in first:
            if key not in ("seconds", "images_per_second"):
                assert_same(first[key], second[key])
    elif isinstance(first, list | tuple):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_same(one, other)
    else:
        assert first == second


def test_two_epochs_and_two_more_are_four(facula_command, bars_folder, bars_run):
    options = bars_options(bars_folder)
    assert facula_command(*options, "--epochs", 2, "--out", "run").status == 0
    answer = facula_command("train", "--resume", "run", "--epochs", 4)
    assert answer.status == 0
    assert_same(content(Path("run")), content(bars_run))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "rmsprop", "adagrad", "adadelta"])
def test_dropout_and_every_optimizer_go_on_where_they_were(facula_command, bars_folder, optimizer):
    options = ["train", "--data", bars_folder, "--model", "cnn", "--optimizer", optimizer]
    facula_command(*options, "--epochs", 2, "--out", "whole")
    facula_command(*options, "--epochs", 1, "--out", "parts")
    facula_command("train", "--resume", "parts", "--epochs", 2)
    assert_same(content(Path("parts")), content(Path("whole")))


def test_one_and_two_threads_give_the_same_run(facula_command, bars_folder):
    before = facula.get_num_threads()
    options = ["train", "--data", bars_folder, "--epochs", 2, "--batch-size", 50]
    try:
        for threads in (1, 2):
            assert facula_command(*options, "--threads", threads, "--out", threads).status == 0
    finally:
        facula.set_num_threads(before)
    assert_same(content(Path("1")), content(Path("2")))


def test_resume_finds_moved_data_and_notices_other_data(facula_command, bars_folder, tmp_path):
    moved = shutil.copytree(bars_folder, tmp_path / "moved")
    facula_command(*bars_options(moved), "--epochs", 1, "--out", "run")
    other = moved.rename(tmp_path / "elsewhere")
    answer = facula_command("train", "--resume", "run", "--epochs", 2)
    assert answer.status == 2
    assert f"--data {moved}: there is no such folder" in answer.err
    answer = facula_command("train", "--resume", "run", "--epochs", 2, "--data", other)
    assert answer.status == 0
    # From now on the run knows the new place.
    assert facula_command("train", "--resume", "run", "--epochs", 3).status == 0
    (other / "t10k-labels-idx1-ubyte").write_bytes(idx(np.zeros(40)))
    answer = facula_command("train", "--resume", "run", "--epochs", 4, "--data", other)
    assert answer.status == 2
    assert "was begun with other data" in answer.err


def test_wrong_resume_is_one_line(facula_command, bars_run, tmp_path):
    run = shutil.copytree(bars_run, tmp_path / "run")

    def refusal(*arguments: object) -> str:
        answer = facula_command("train", "--resume", *arguments)
        assert answer.status == 2
        assert answer.err.count("\n") == 1
        return answer.err

    assert "nowhere: not a run folder: there is no such folder" in refusal("nowhere")
    assert "not a run folder: it has no checkpoint.pt" in refusal(tmp_path)
    assert "has 4 epochs already" in refusal(run)
    assert "give at least 5" in refusal(run, "--epochs", 3)
    assert "--lr does not go with --resume" in refusal(run, "--lr", 1)
    assert "--batch-size does not go with --resume" in refusal(run, "--batch-size", 1)
    assert "--out does not go with --resume" in refusal(run, "--out", "x")

    checkpoint = run / "checkpoint.pt"
    whole = checkpoint.read_bytes()
    for damaged in (b"", b"hello", whole[:100], whole[: len(whole) // 2], whole[:-10]):
        checkpoint.write_bytes(damaged)
        assert "checkpoint.pt: not a usable checkpoint: " in refusal(run)


def test_foreign_checkpoint_is_one_line(facula_command, bars_run, tmp_path):
    def refusal(changed: object) -> str:
        facula.save(changed, tmp_path / "checkpoint.pt")
        answer = facula_command("train", "--resume", tmp_path, "--epochs", 9)
        assert answer.status == 2
        assert answer.err.count("\n") == 1
        return answer.err

    good = content(bars_run)
    assert "not written by this version of facula train" in refusal({"weight": facula.zeros(2)})
    assert "not written by this version of facula train" in refusal([1, 2])
    assert "entry 'epochs': expected int, got str" in refusal({**good, "epochs": "4"})
    assert "entry 'rng': expected Tensor" in refusal({**good, "rng": None})
    settings = {**good["settings"], "model": "vgg"}
    assert "unknown model or optimizer: vgg" in refusal({**good, "settings": settings})
    del settings["model"]
    assert "entry 'model': expected str" in refusal({**good, "settings": settings})
    assert "does not fit" in refusal({**good, "model": {"1.weight": facula.zeros(2)}})


# --- Ctrl-C ------------------------------------------------------------------------------------


def interrupt(run: Path, ready: Callable[[], bool], *options: object) -> list[str]:
    """Trains until it is ready, presses Ctrl-C and returns the lines of standard error."""
    with python_process("-m", "facula", *options, "--out", run, cwd=run.parent) as process:
        while not ready():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in out + err
    # No half-written file is left.
    assert not list(run.glob(".*"))
    return err.splitlines()


def test_ctrl_c_keeps_the_last_epoch_and_resume_goes_on(facula_command, bars_folder, tmp_path):
    run = tmp_path / "run"
    metrics = run / "metrics.csv"
    options = bars_options(bars_folder)
    first, second = interrupt(
        run,
        lambda: metrics.exists() and metrics.read_text().count("\n") > 2,
        *(*options, "--epochs", 100_000),
    )
    done = len(content(run)["history"])
    assert first == f"stopped in epoch {done + 1}; epoch {done} is kept in {run}"
    assert second == f"go on with: facula train --resume {run}"

    assert facula_command("train", "--resume", run, "--epochs", done + 1).status == 0
    assert facula_command(*options, "--epochs", done + 1, "--out", "whole").status == 0
    assert_same(content(run), content(Path("whole")))


def test_ctrl_c_before_the_first_epoch_can_be_resumed(facula_command, bars_folder, tmp_path):
    run = tmp_path / "run"
    # The embedded sample: an epoch of it is long enough to be interrupted.
    first, _ = interrupt(run, (run / "samples.png").exists, "train")
    assert first == f"stopped in epoch 1; no epoch was finished in {run}"
    assert content(run)["history"] == ()
    answer = facula_command("predict", run, "x.png")
    assert answer.status == 2
    assert "has not finished an epoch yet" in answer.err
