"""The kernel cache: what it keeps and trusts; no state of the disk stops a program."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import output, run, start

from facula.backend import llvm
from facula.backend.cache import KernelCache
from facula.backend.cpu import machine
from facula.kernel.expr import Graph, const, input_, linearise
from facula.kernel.library.sort import Sort
from facula.kernel.target import Target

PROGRAM = """
import facula as torch
from facula.backend.cpu import machine
x = torch.arange(5.0)
print((x * 2 + x).sum().item(), machine.cache.compiled, machine.cache.found)
"""


def answers(folder: Path) -> tuple[float, int, int]:
    total, compiled, found = run(PROGRAM, FACULA_CACHE=str(folder)).split()
    return float(total), int(compiled), int(found)


def entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.o"))


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    total, compiled, found = answers(tmp_path)
    assert (total, found) == (30.0, 0) and compiled == len(entries(tmp_path)) > 3
    assert answers(tmp_path) == (30.0, 0, compiled)


def damage_payload(path: Path, _: list[Path]) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut_off(path: Path, _: list[Path]) -> None:
    path.write_bytes(path.read_bytes()[:200])


def empty_out(path: Path, _: list[Path]) -> None:
    path.write_bytes(b"")


def replace_by_another(path: Path, others: list[Path]) -> None:
    path.write_bytes(next(o for o in others if o != path).read_bytes())


@pytest.mark.parametrize("harm", [damage_payload, cut_off, empty_out, replace_by_another])
def test_damaged_entries_are_built_again(
    tmp_path: Path, harm: Callable[[Path, list[Path]], None]
) -> None:
    _, compiled, _ = answers(tmp_path)
    before = {path: path.read_bytes() for path in entries(tmp_path)}
    victims = entries(tmp_path)[:2]
    for path in victims:
        harm(path, entries(tmp_path)[2:])
    assert answers(tmp_path) == (30.0, 2, compiled - 2)
    assert answers(tmp_path) == (30.0, 0, compiled)
    assert {path: path.read_bytes() for path in entries(tmp_path)} == before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    total, compiled, _ = answers(tmp_path / "file" / "cache")
    assert total == 30.0 and compiled > 0
    assert (tmp_path / "file").read_text() == "not a folder"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_that_may_only_be_read(tmp_path: Path) -> None:
    answers(tmp_path)
    victim = entries(tmp_path)[0]
    victim.write_bytes(b"damaged")
    victim.parent.chmod(0o500)
    try:
        assert answers(tmp_path)[:2] == (30.0, 1)
    finally:
        victim.parent.chmod(0o700)


def test_an_entry_that_is_a_folder(tmp_path: Path) -> None:
    cache = KernelCache(tmp_path)
    cache.path("abcd").mkdir(parents=True)
    assert cache.read("abcd") is None
    cache.write("abcd", b"payload")
    assert not cache.writable and not list(tmp_path.rglob("*.part"))
    cache.write("efgh", b"payload")
    assert cache.read("efgh") is None


def test_what_is_written_is_read_under_its_own_key_only(tmp_path: Path) -> None:
    cache = KernelCache(tmp_path)
    cache.write("abcd", b"payload")
    assert cache.read("abcd") == b"payload" and cache.found == 1
    assert cache.usage() == (1, len(b"payload") + 32)
    cache.path("abcd").rename(tmp_path / "ab" / "abef.o")
    assert cache.read("abef") is None and cache.usage() == (0, 0)
    assert cache.read("abcd") is None


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    processes = [start(PROGRAM, FACULA_CACHE=str(tmp_path)) for _ in range(2)]
    for process in processes:
        assert output(process).startswith("30.0 ")
    assert not list(tmp_path.rglob("*.part"))
    assert answers(tmp_path)[1] == 0


def test_a_kernel_is_not_taken_from_another_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.compile_plan(Sort("i8", True))  # with the first kernel comes the code of the threads
    monkeypatch.setattr(machine, "cache", KernelCache(tmp_path))
    plan = Sort("i16", True)
    machine._build(plan)
    assert (machine.cache.compiled, machine.cache.found) == (1, 0)
    monkeypatch.setattr(llvm, "host_target", lambda: Target(16, 16))
    machine._build(plan)
    assert (machine.cache.compiled, machine.cache.found) == (2, 0)
    machine._build(plan)
    assert (machine.cache.compiled, machine.cache.found) == (2, 1)


def test_graphs_that_differ_in_the_sign_of_zero_are_two() -> None:
    def graph(literal: float) -> Graph:
        return linearise([input_(0, "f64") + const(literal, "f64")])

    assert graph(0.0) != graph(-0.0) and graph(0.0) == graph(0.0)
    assert graph(float("nan")) == graph(float("nan"))
    assert len({graph(0.0), graph(-0.0), graph(0.0)}) == 2
