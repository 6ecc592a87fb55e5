"""The embedded sample: complete, balanced, and exactly the file that was packed."""

import hashlib

import pytest

from facula.vision.datasets import fashion_sample
from facula.vision.error import DataError


def test_sample_is_complete_and_balanced():
    data = fashion_sample.load_fashion_sample()
    assert data.train.counts(10) == [1000] * 10
    assert data.test.counts(10) == [200] * 10
    assert data.size == (28, 28)
    digest = hashlib.sha256(data.train.images.tobytes() + data.test.images.tobytes())
    assert digest.hexdigest().startswith("abbb5ca2b99383f1")


def test_missing_sample_is_named(monkeypatch):
    monkeypatch.setattr(fashion_sample, "SAMPLE_FILE", "nothing.xz")
    with pytest.raises(DataError, match=r"nothing\.xz: No such file .* install facula again"):
        fashion_sample.load_fashion_sample()


def test_foreign_sample_is_named(monkeypatch):
    monkeypatch.setattr(fashion_sample, "SAMPLE_FILE", "fashion_mnist_LICENSE")
    with pytest.raises(DataError, match="install facula again"):
        fashion_sample.load_fashion_sample()
