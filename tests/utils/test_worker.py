"""Thread workers: order, errors, their own state, and that they end."""

import gc
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import facula
from facula.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info


class Numbers(Dataset[int]):
    """Gives its indices, through a function of them."""

    def __init__(self, count: int, function: Callable[[int], Any] = int):
        self.count = count
        self.function = function

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        return self.function(index)


class Stream(IterableDataset[int]):
    def __init__(self, start: int, stop: int):
        self.start, self.stop = start, stop

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.stop))


def values(loader: Any) -> list[Any]:
    return [batch.tolist() if hasattr(batch, "tolist") else batch for batch in loader]


def wait_until(claim: Callable[[], bool]) -> None:
    for _ in range(1000):
        if claim():
            return
        time.sleep(0.005)
    pytest.fail("waited too long")


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("facula-data")]


@pytest.fixture(autouse=True)
def no_worker_is_left() -> Iterator[None]:
    yield
    gc.collect()
    wait_until(lambda: not workers())


# --- order -------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_workers", [1, 2, 5])
@pytest.mark.parametrize("prefetch_factor", [None, 1, 4])
def test_batches_come_in_order(num_workers: int, prefetch_factor: int | None) -> None:
    def slow(index: int) -> int:
        time.sleep(random.Random(index).random() * 0.002)
        return index

    options: dict[str, Any] = {"num_workers": num_workers, "prefetch_factor": prefetch_factor}
    loader = DataLoader(Numbers(23, slow), batch_size=2, **options)
    assert values(loader) == values(DataLoader(range(23), batch_size=2))


def test_order_of_completion() -> None:
    """The first worker waits until the second has done its part."""
    second_is_done = threading.Event()

    def function(index: int) -> int:
        if index == 0:
            assert second_is_done.wait(5)
        if index == 3:
            second_is_done.set()
        return index

    loader = DataLoader(
        Numbers(4, function), batch_size=None, num_workers=2, in_order=False, prefetch_factor=2
    )
    result = values(loader)
    assert sorted(result) == [0, 1, 2, 3]
    assert result.index(0) > result.index(3)


def test_no_more_is_fetched_than_asked_for() -> None:
    fetched: list[int] = []
    loader = DataLoader(Numbers(50, fetched.append), batch_size=None, num_workers=2)
    iterator = iter(loader)
    wait_until(lambda: len(fetched) == 4)
    next(iterator)
    wait_until(lambda: len(fetched) == 5)
    time.sleep(0.02)
    assert len(fetched) == 5


def test_streams_are_read_by_every_worker() -> None:
    loader = DataLoader(Stream(0, 5), batch_size=2, num_workers=2)
    assert values(loader) == [[0, 1], [0, 1], [2, 3], [2, 3], [4], [4]]
    loader = DataLoader(Stream(0, 5), batch_size=2, num_workers=2, drop_last=True)
    assert values(loader) == [[0, 1], [0, 1], [2, 3], [2, 3]]


def test_streams_divided_by_an_init_function() -> None:
    """The usual recipe: each worker narrows its own copy of the dataset."""

    def narrow(worker: int) -> None:
        info = get_worker_info()
        info.dataset.start, info.dataset.stop = (0, 4) if worker == 0 else (4, 6)

    stream = Stream(0, 6)
    loader = DataLoader(stream, batch_size=2, num_workers=2, worker_init_fn=narrow)
    assert values(loader) == values(loader) == [[0, 1], [4, 5], [2, 3]]
    assert (stream.start, stream.stop) == (0, 6)


# --- what a worker knows -----------------------------------------------------------------------


def test_worker_info() -> None:
    facula.manual_seed(0)
    loader = DataLoader(Numbers(4, lambda index: get_worker_info()), batch_size=None, num_workers=2)
    infos = list(loader)
    assert [(info.id, info.num_workers) for info in infos] == [(0, 2), (1, 2), (0, 2), (1, 2)]
    assert [info.seed for info in infos[:2]] == [900450186894289455, 900450186894289456]
    assert infos[0].worker_method == "thread"
    assert infos[0].dataset is infos[2].dataset is not infos[1].dataset
    assert get_worker_info() is None


def test_workers_have_generators_of_their_own() -> None:
    def draw(index: int) -> tuple[float, ...]:
        rng = get_worker_info().rng
        torch_number = facula.rand(1, generator=rng.torch_generator).item()
        return rng.random_generator.random(), rng.numpy_generator.random(), torch_number

    def epoch() -> list[Any]:
        facula.manual_seed(1)
        return values(DataLoader(Numbers(6, draw), batch_size=None, num_workers=2))

    first = epoch()
    assert first == epoch()
    assert len({number for row in first for number in row}) == 18


def test_init_function_runs_once_a_worker() -> None:
    seen: list[tuple[int, int]] = []

    def remember(worker: int) -> None:
        seen.append((worker, get_worker_info().id))

    loader = DataLoader(range(9), num_workers=3, worker_init_fn=remember, persistent_workers=True)
    list(loader)
    list(loader)
    assert sorted(seen) == [(0, 0), (1, 1), (2, 2)]


# --- errors ------------------------------------------------------------------------------------


def fail(index: int) -> int:
    if index == 4:
        raise ValueError("bad index four")
    return index


def test_error_has_the_workers_traceback() -> None:
    with pytest.raises(
        ValueError, match="Caught ValueError in DataLoader worker thread 0."
    ) as caught:
        list(DataLoader(Numbers(6, fail), num_workers=2))
    text = str(caught.value)
    assert "Original Traceback (most recent call last):" in text
    assert "in fail" in text
    assert "ValueError: bad index four" in text
    assert str(caught.value.__cause__) == "bad index four"


def test_iteration_goes_on_after_an_error() -> None:
    iterator = iter(DataLoader(Numbers(6, fail), num_workers=2))
    result: list[Any] = []
    for _ in range(8):
        try:
            result.append(next(iterator).item())
        except (ValueError, StopIteration) as error:
            result.append(type(error))
    assert result == [0, 1, 2, 3, ValueError, 5, StopIteration, StopIteration]


def test_key_error_shows_its_lines() -> None:
    with pytest.raises(KeyError) as caught:
        list(DataLoader(Numbers(1, {}.__getitem__), num_workers=1))
    assert "Caught KeyError in DataLoader worker thread 0.\nOriginal Traceback" in str(caught.value)


def test_error_that_takes_no_message() -> None:
    def function(index: int) -> int:
        raise UnicodeDecodeError("utf8", b"x", 0, 1, "no")

    with pytest.raises(RuntimeError, match="Caught UnicodeDecodeError in DataLoader worker"):
        list(DataLoader(Numbers(1, function), num_workers=1))


def test_end_of_iteration_in_a_dataset_is_an_error() -> None:
    def function(index: int) -> int:
        raise StopIteration

    with pytest.raises(RuntimeError, match="Caught StopIteration in DataLoader worker thread 0."):
        list(DataLoader(Numbers(2, function), num_workers=1))


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_error_in_the_init_function(error: type[BaseException]) -> None:
    def refuse(worker: int) -> None:
        raise error("not me")

    with pytest.raises(error, match=f"Caught {error.__name__} in DataLoader worker thread 0."):
        list(DataLoader(range(3), num_workers=1, worker_init_fn=refuse))


def test_error_in_a_stream() -> None:
    class Broken(IterableDataset[int]):
        def __iter__(self) -> Iterator[int]:
            yield 1
            raise OSError("disk gone")

    with pytest.raises(OSError, match="Caught OSError in DataLoader worker thread 0."):
        list(DataLoader(Broken(), batch_size=None, num_workers=1))


def test_timeout() -> None:
    release = threading.Event()
    loader = DataLoader(Numbers(2, lambda index: release.wait(5)), num_workers=1, timeout=0.05)
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.05 seconds"):
        next(iter(loader))
    release.set()


# --- beginning and end -------------------------------------------------------------------------


def test_workers_end_with_the_epoch() -> None:
    loader = DataLoader(range(4), num_workers=2)
    assert len(values(loader)) == 4
    assert not workers()


def test_workers_end_when_the_loop_is_left() -> None:
    for _ in DataLoader(range(100), num_workers=2):
        break
    wait_until(lambda: not workers())


def test_persistent_workers_stay() -> None:
    loader = DataLoader(range(6), batch_size=2, num_workers=2, persistent_workers=True)
    first = values(loader)
    threads = workers()
    assert len(threads) == 2
    assert values(loader) == first == [[0, 1], [2, 3], [4, 5]]
    assert workers() == threads


def test_persistent_workers_forget_an_unfinished_epoch() -> None:
    loader = DataLoader(range(50), batch_size=5, num_workers=2, persistent_workers=True)
    for _ in range(3):
        iterator = iter(loader)
        assert next(iterator).tolist() == [0, 1, 2, 3, 4]
    assert len(values(loader)) == 10


def test_persistent_streams_begin_again() -> None:
    loader = DataLoader(Stream(0, 3), num_workers=1, persistent_workers=True, batch_size=None)
    assert values(loader) == values(loader) == [0, 1, 2]


def test_process_ends_while_a_worker_is_busy(tmp_path: Any) -> None:
    import subprocess
    import sys

    program = (
        "import time\n"
        "from facula.utils.data import DataLoader\n"
        "loader = DataLoader(range(9), num_workers=2, collate_fn=lambda b: time.sleep(0.05))\n"
        "iterator = iter(loader)\n"
        "next(iterator)\n"
        "print('end')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("end\n", "")
