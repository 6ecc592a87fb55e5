"""`facula train`: what a run leaves behind, and what it refuses to begin."""

import csv
import errno
import gzip
import json
import shutil

import numpy as np
import pytest
from bars import bars, bars_options, idx, python_process
from PIL import Image

import facula


def test_run_folder_is_complete(bars_run):
    assert sorted(path.name for path in bars_run.iterdir()) == [
        "checkpoint.pt",
        "config.json",
        "confusion.png",
        "curves.png",
        "metrics.csv",
        "samples.png",
    ]
    for name in ("confusion", "curves", "samples"):
        with Image.open(bars_run / f"{name}.png") as picture:
            assert min(picture.size) > 200
    with (bars_run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert float(rows[-1]["test_accuracy"]) == 1.0
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    config = json.loads((bars_run / "config.json").read_text())
    assert config["model"] == "mlp"
    assert config["classes"] == ["0", "1", "2", "3"]


def test_checkpoint_holds_only_tensors_and_plain_values(bars_run):
    content = facula.load(bars_run / "checkpoint.pt", weights_only=True)
    assert content["epochs"] == len(content["history"]) == 4
    assert np.trace(np.array(content["confusion"])) == 40


def test_output_into_a_file_is_plain_lines(facula_command, bars_folder):
    answer = facula_command(*bars_options(bars_folder), "--epochs", 2)
    assert answer.status == 0
    assert answer.err == ""
    assert "\x1b" not in answer.out
    assert "\r" not in answer.out
    assert "200 training and 40 test images, 8x8 grey, 4 classes" in answer.out
    assert "    2/2 " in answer.out
    assert "of the test images are classified rightly" in answer.out


def test_run_folders_are_numbered_and_never_overwritten(facula_command, bars_folder, tmp_path):
    for _ in range(2):
        assert facula_command(*bars_options(bars_folder), "--epochs", 1).status == 0
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert [name[-6:] for name in names] == ["-mlp-1", "-mlp-2"]

    before = {path: path.read_bytes() for path in (tmp_path / "runs" / names[0]).iterdir()}
    answer = facula_command(*bars_options(bars_folder), "--out", tmp_path / "runs" / names[0])
    assert answer.status == 2
    assert "the folder is not empty; choose another, or go on with the run" in answer.err
    assert {path: path.read_bytes() for path in (tmp_path / "runs" / names[0]).iterdir()} == before


def test_every_model_and_optimizer_trains(facula_command, bars_folder):
    for model, optimizer in (
        ("cnn", "sgd"),
        ("mlp", "adam"),
        ("linear", "adamw"),
        ("linear", "rmsprop"),
        ("linear", "adagrad"),
        ("linear", "adadelta"),
    ):
        answer = facula_command(
            *("train", "--data", bars_folder, "--epochs", 1, "--batch-size", 20),
            *("--model", model, "--optimizer", optimizer, "--seed", 3),
        )
        assert answer.status == 0, answer.err


def test_folder_of_pictures(facula_command, tmp_path):
    images, labels = bars(60, seed=1)
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = tmp_path / "pictures" / f"kind {label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{place}.png")
    answer = facula_command(
        *("train", "--data", "pictures", "--size", 12, "--model", "linear", "--epochs", 1)
    )
    assert answer.status == 0
    assert "48 training and 12 test images, 12x12 grey, 4 classes" in answer.out
    assert "note: no test folder: every fifth picture" in answer.out
    assert "kind 3" in answer.out


def test_same_seed_same_numbers(facula_command, bars_folder, tmp_path):
    losses = []
    for seed in (5, 5, 6):
        facula_command(*bars_options(bars_folder), "--epochs", 1, "--seed", seed)
    for number in (1, 2, 3):
        [run] = tmp_path.glob(f"runs/*-{number}")
        losses.append((run / "metrics.csv").read_text().split(",")[9])
    assert losses[0] == losses[1] != losses[2]


# --- refusals ----------------------------------------------------------------------------------


def assert_refused(answer, *words: object) -> None:
    """One line on standard error, in the command's name, holding the words."""
    assert answer.status == 2
    assert answer.err.startswith("facula train: ")
    assert answer.err.count("\n") == 1
    for word in words:
        assert str(word) in answer.err


def test_truncated_data_file(facula_command, bars_folder, tmp_path):
    broken = shutil.copytree(bars_folder, tmp_path / "broken")
    file = broken / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:1000])
    assert_refused(facula_command("train", "--data", broken), file, "cut off")
    assert not (tmp_path / "runs").exists()


def test_truncated_gzipped_and_foreign_data_file(facula_command, bars_folder, tmp_path):
    broken = shutil.copytree(bars_folder, tmp_path / "broken")
    file = broken / "t10k-labels-idx1-ubyte"
    file.write_bytes(gzip.compress(file.read_bytes())[:-9])
    assert_refused(facula_command("train", "--data", broken), file, "cut off")
    file.write_text("<!doctype html>")
    assert_refused(facula_command("train", "--data", broken), file, "not an idx file")


def test_unreadable_picture(facula_command, tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        Image.new("L", (9, 9)).save(tmp_path / "data" / name / "0.png")
        Image.new("L", (9, 9)).save(tmp_path / "data" / name / "1.png")
    (tmp_path / "data" / "dog" / "2.png").write_text("")
    answer = facula_command("train", "--data", "data")
    assert_refused(answer, "dog/2.png", "not a picture in a format that Pillow knows")


def test_folders_that_are_no_data(facula_command, tmp_path, bars_folder):
    assert_refused(facula_command("train", "--data", "nowhere"), "nowhere", "no such folder")
    (tmp_path / "file").write_text("")
    assert_refused(facula_command("train", "--data", "file"), "file", "expected a folder")
    (tmp_path / "empty").mkdir()
    assert_refused(facula_command("train", "--data", "empty"), "empty", "expected idx files")
    answer = facula_command("train", "--data", bars_folder, "--size", 20)
    assert_refused(answer, "--size is for folders of pictures")
    assert_refused(facula_command("train", "--size", 20), "embedded sample is 28x28")


def test_images_too_small_and_a_single_class(facula_command, tmp_path):
    images, labels = bars(20, seed=0)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(images[:, :7]))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(labels))
    assert_refused(facula_command("train", "--data", "."), "images of 7x8, expected at least 8x8")
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(labels * 0))
    assert_refused(facula_command("train", "--data", "."), "all images are of the one class 0")


def test_output_folder_that_cannot_be_made(facula_command, bars_folder, tmp_path):
    (tmp_path / "file").write_text("mine")
    answer = facula_command(*bars_options(bars_folder), "--out", "file")
    assert_refused(answer, "--out file: is a file, expected a folder")
    answer = facula_command(*bars_options(bars_folder), "--out", "file/run")
    assert_refused(answer, "--out file/run: cannot make the folder: Not a directory")
    (tmp_path / "runs").write_text("mine")
    answer = facula_command(*bars_options(bars_folder))
    assert_refused(answer, "runs/", "cannot make the folder")


def test_output_folder_that_cannot_be_written(facula_command, bars_folder, tmp_path, monkeypatch):
    def refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    answer = facula_command(*bars_options(bars_folder), "--out", "out")
    assert_refused(answer, "out/checkpoint.pt: cannot write: No space left on device")
    assert list((tmp_path / "out").iterdir()) == []


def test_loss_that_overflows_keeps_the_run_and_says_why(facula_command, bars_folder):
    answer = facula_command(*bars_options(bars_folder)[:5], "--lr", "1e30", "--epochs", 1)
    assert_refused(answer, "the loss is no longer a number", "try a smaller --lr (it is 1e+30)")


@pytest.mark.parametrize(("module", "package"), [("matplotlib", "matplotlib"), ("PIL", "Pillow")])
def test_missing_extra_is_said_before_training(bars_folder, tmp_path, module, package):
    program = (
        f"import sys; sys.modules[{module!r}] = None; from facula.cli.main import main;"
        f" sys.exit(main({bars_options(bars_folder)!r}))"
    )
    with python_process("-c", program, cwd=tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert err.startswith(f"facula train: {package} is needed")
    assert "pip install 'facula[cli]'" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
