"""`facula predict`: pictures of any kind are named, unreadable ones cost one line each."""

import shutil

import numpy as np
import pytest
from PIL import Image


def bar(place: int, side: int = 8) -> Image.Image:
    """A picture of the class: a bright bar in one of four places."""
    image = np.full((8, 8), 30, np.uint8)
    image[2 * place] = 190
    return Image.fromarray(image).resize((side, side), Image.Resampling.BOX)


def test_names_the_class_with_its_probability_and_two_more(facula_command, bars_run, tmp_path):
    for place in range(4):
        bar(place).save(tmp_path / f"{place}.png")
    answer = facula_command("predict", bars_run, "0.png", "1.png", "2.png", "3.png")
    assert answer.status == 0
    assert answer.err == ""
    lines = answer.out.splitlines()
    assert [line.split()[:2] for line in lines] == [[f"{k}.png", f"{k}"] for k in range(4)]
    for line in lines:
        shares = [float(word) for word in line.split() if "." in word and "png" not in word]
        assert len(shares) == 3
        assert shares[0] > 50
        assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_any_size_and_mode(facula_command, bars_run, tmp_path, mode):
    bar(2, side=64).convert(mode).save(tmp_path / "picture.tif")
    assert " 2 " in facula_command("predict", bars_run, "picture.tif").out


def test_inverts_only_when_asked(facula_command, bars_run, tmp_path):
    Image.fromarray(255 - np.array(bar(1))).save(tmp_path / "ink.png")
    plain = facula_command("predict", bars_run, "ink.png")
    assert plain.err.startswith("note: ink.png is bright at its border")
    assert "--invert" in plain.err
    turned = facula_command("predict", bars_run, "--invert", "ink.png")
    assert turned.out.startswith("ink.png  1 ")
    assert turned.err == ""


def test_unreadable_picture_costs_one_line_and_the_others_are_named(
    facula_command, bars_run, tmp_path
):
    bar(3).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    answer = facula_command("predict", bars_run, "bad.png", "good.png")
    assert answer.status == 2
    assert answer.err == "facula predict: bad.png: not a picture in a format that Pillow knows\n"
    assert answer.out.startswith("good.png  3 ")
    answer = facula_command("predict", bars_run, "nothing.png")
    assert (
        answer.err == "facula predict: nothing.png: unreadable picture: No such file or directory\n"
    )


def test_wrong_run_folder(facula_command, bars_run, tmp_path):
    answer = facula_command("predict", tmp_path, "x.png")
    assert answer.status == 2
    assert answer.err == f"facula predict: {tmp_path}: not a run folder: it has no checkpoint.pt\n"
    shutil.copy(bars_run / "curves.png", tmp_path / "checkpoint.pt")
    answer = facula_command("predict", tmp_path, "x.png")
    assert answer.status == 2
    assert "checkpoint.pt: not a usable checkpoint" in answer.err
    assert answer.err.count("\n") == 1
