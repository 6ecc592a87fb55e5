"""Options and help: what is refused costs one line and exit status 2."""

import pytest
from bars import python_process

import facula


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--epoch", "3"], "unknown option --epoch, did you mean --epochs?"),
        (["train", "--learning"], "unknown option --learning"),
        (["train", "--epochz=3"], "unknown option --epochz, did you mean --epochs?"),
        (["train", "folder"], "unexpected argument 'folder'"),
        (["train", "--epochs", "0"], "--epochs: expected a whole number of at least 1, got '0'"),
        (["train", "--epochs", "x"], "--epochs: expected a whole number of at least 1, got 'x'"),
        (["train", "--lr", "-1"], "--lr: expected a number above 0, got '-1'"),
        (["train", "--lr", "nan"], "--lr: expected a number above 0, got 'nan'"),
        (["train", "--seed", "-1"], "--seed: expected a whole number of at least 0, got '-1'"),
        (["train", "--model", "vgg"], "--model: invalid choice: 'vgg'"),
        (["train", "--optimizer"], "--optimizer: expected one argument"),
        (["train", "--size", "7"], "--size: expected a whole number of at least 8"),
        (["predict"], "the following arguments are required: RUN, IMAGE"),
        (["predict", "run"], "the following arguments are required: IMAGE"),
        (["info", "--all"], "unknown option --all"),
        (["dance"], "invalid choice: 'dance'"),
        (["--loud"], "unknown option --loud"),
    ],
)
def test_wrong_command_line_is_one_line_and_status_2(facula_command, arguments, message):
    answer = facula_command(*arguments)
    assert answer.status == 2
    assert message in answer.err
    assert answer.err.startswith("facula")
    assert answer.err.count("\n") == 1
    assert answer.out == ""


def test_help_and_version(facula_command):
    assert "train a network on images" in facula_command().out
    assert "--resume RUN" in facula_command("train", "--help").out
    assert "--invert" in facula_command("predict", "--help").out
    assert facula_command("--version").out == f"facula {facula.version.facula}\n"


def test_python_m_facula_is_the_command(tmp_path):
    with python_process("-m", "facula", "train", "--dat", "x", cwd=tmp_path) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.startswith("facula train: unknown option --dat, did you mean --data?")


def test_info_tells_one_fact_a_line(facula_command):
    answer = facula_command("info")
    assert answer.status == 0
    titles = [line[:13].strip() for line in answer.out.splitlines()]
    assert titles == [
        "facula",
        "python",
        "packages",
        "processor",
        "features",
        "vectors",
        "threads",
        "kernel cache",
        "memory",
    ]
