"""Drawing on a terminal, and plain lines anywhere else."""

import io
import re

import numpy as np
import pytest

from facula.cli.terminal import Terminal, average
from facula.cli.view import show_confusion


class Screen(io.StringIO):
    """A text stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()


def test_average_keeps_the_mean_and_the_place():
    image = np.zeros((28, 28))
    image[:14] = 200
    small = average(image, 5, 9)
    assert small.shape == (5, 9)
    assert small.mean() == pytest.approx(100)
    assert small[0, 0] == pytest.approx(200)
    assert small[2, 4] == pytest.approx(100)
    assert average(image, 56, 28)[27, 0] == pytest.approx(200)


def test_grid_on_a_terminal_uses_half_blocks_and_fits(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen()
    image = np.tile(np.arange(0, 252, 9, dtype=np.uint8), (28, 1))
    Terminal(screen).show_images([image] * 10, [f"class {place}" for place in range(10)])
    shown = lines(screen)
    assert max(map(len, shown)) <= 80
    assert sum("▀" in line for line in shown) == 14
    assert sum("class" in line for line in shown) == 2
    assert "38;5;16;48;5;16m" in screen.getvalue()


def test_grid_elsewhere_is_plain_text():
    stream = io.StringIO()
    image = np.full((28, 28), 255, np.uint8)
    Terminal(stream).show_images([image, image // 8], ["bright", "dark"])
    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().isascii()
    assert "@@@@" in stream.getvalue()


def test_many_classes_draw_two_rows():
    stream = io.StringIO()
    Terminal(stream).show_images([np.zeros((28, 28), np.uint8)] * 100, ["name"] * 100)
    assert stream.getvalue().count("name") == 10


def test_bar_redraws_itself_and_leaves_no_trace(monkeypatch):
    monkeypatch.setattr("facula.cli.terminal._REDRAW_SECONDS", 0)
    monkeypatch.setenv("COLUMNS", "60")
    screen = Screen()
    terminal = Terminal(screen)
    terminal.progress("epoch 1/3", 500, 1000, "loss 0.5")
    bar = lines(screen)[-1].removesuffix("\x1b[K")
    assert len(bar) <= 60
    assert abs(bar.count("━") - bar.count("─")) <= 1
    assert bar.endswith(" 50 %  loss 0.5")
    terminal.say("done")
    assert screen.getvalue().endswith("\r\x1b[Kdone\n")


def test_bar_is_cut_to_a_narrow_terminal(monkeypatch):
    monkeypatch.setattr("facula.cli.terminal._REDRAW_SECONDS", 0)
    monkeypatch.setenv("COLUMNS", "24")
    screen = Screen()
    Terminal(screen).progress("epoch 1/3", 500, 1000, "loss 0.5  1,000 images/s")
    assert len(lines(screen)[-1].removesuffix("\x1b[K")) <= 24


def test_progress_elsewhere_is_whole_lines(monkeypatch):
    monkeypatch.setattr("facula.cli.terminal._LOG_SECONDS", 0)
    stream = io.StringIO()
    Terminal(stream).progress("epoch 1/3", 500, 1000, "loss 0.5")
    assert stream.getvalue() == "epoch 1/3  50 %  loss 0.5\n"


def test_terminal_without_the_characters_is_plain():
    screen = Screen()
    screen.encoding = "ascii"
    assert not Terminal(screen).drawing
    assert Terminal(Screen()).drawing
    assert not Terminal(Screen(), plain=True).drawing


def test_confusion_table_of_few_and_list_of_many_classes():
    stream = io.StringIO()
    show_confusion([[9, 1], [0, 5]], ["cat", "dog"], Terminal(stream))
    assert stream.getvalue().splitlines()[2:] == [
        " 0 cat    9    1   90.0 %",
        " 1 dog    ·    5  100.0 %",
    ]
    stream = io.StringIO()
    matrix = np.eye(30, dtype=int)
    matrix[3, 4] = 7
    show_confusion(matrix.tolist(), [f"class {k}" for k in range(30)], Terminal(stream))
    assert "7  class 3 named class 4" in stream.getvalue()
