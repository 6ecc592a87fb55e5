"""The thread pool: Python threads that wait inside generated code, without the GIL, for work.

`facula_run(body, arguments, units, work)` is what every kernel entry calls for long work. Workers
and caller have shares of the units, drawn block by block, then take from each other's; since units
are independent, who runs which changes no bit. The caller closes the job when none is left and
waits only for workers that joined it, never for one still asleep. Before it begins, it sees to it
that no worker queues behind it on its own processor. Note [fork join].
"""

import ctypes
import os
import platform
import sys
import threading
from collections.abc import Callable

SPINS = 3000
# Jobs shorter than this do not wake workers that sleep, but seldom.
SHORT_NANOSECONDS = 20_000
# A thread's share is cut into eight blocks at most, none shorter than this.
BLOCK_NANOSECONDS = 8_000
FUTEX_WAIT_PRIVATE, FUTEX_WAKE_PRIVATE = 128, 129
SYS_FUTEX = {"x86_64": 202, "aarch64": 98}
SYS_GETTID = {"x86_64": 186, "aarch64": 178}
SYS_SCHED_SETAFFINITY = {"x86_64": 203, "aarch64": 122}

# Indices of the shared state's 64-bit words. A job is described on one cache line, which changes
# hands once; words that others write sit on lines of their own.
EPOCH, FUNCTION, ARGUMENTS, UNITS, BLOCKS, SHARES, PARTS, OPEN = range(8)
SLEEPERS, STOP, ACTIVE, BUSY, SHORT_JOBS = 8, 16, 24, 32, 33
LINE = 64
# The processors workers may use, a bit each; then for each of the first workers its processor, its
# thread and, on a line of its own, what is left of its share: first block, and last << 32.
ALLOWED, ALLOWED_WORDS = 40, 16
SEATS, SEATED, SEAT_WORDS = ALLOWED + ALLOWED_WORDS, 64, 16
PROCESSOR, THREAD, TICKET = 0, 1, 8
WORDS = SEATS + SEATED * SEAT_WORDS


def pool_text() -> str:
    """LLVM IR of the pool: `facula_run` for callers and `facula_worker` for the waiting threads."""
    linux = sys.platform == "linux" and platform.machine() in SYS_FUTEX
    pause = "call void @llvm.x86.sse2.pause()" if platform.machine() == "x86_64" else ""
    number = SYS_FUTEX.get(platform.machine(), 0)
    if linux:
        doze = f"""
  %low = trunc i64 %seen to i32
  call i64 (i64, ...) @syscall(i64 {number}, ptr %epoch.p, i64 {FUTEX_WAIT_PRIVATE}, i32 %low,
    ptr null, ptr null, i64 0)"""
        rouse = f"""
  call i64 (i64, ...) @syscall(i64 {number}, ptr %epoch.p, i64 {FUTEX_WAKE_PRIVATE},
    i32 1073741824, ptr null, ptr null, i64 0)"""
        outside = f"declare i64 @syscall(i64, ...)\ndeclare i32 @sched_getcpu()\n{_seats_text()}"
        seat = "\n  call void @seat(ptr %state, i64 %worker)"
        part = "\n  call void @part(ptr %state, i64 %parts)"
    else:
        doze, rouse = "\n  call i32 @usleep(i32 50)", ""
        outside = "declare i32 @usleep(i32)"
        seat = part = ""

    def words(**named: int) -> str:
        return "\n".join(
            f"  %{name}.p = getelementptr i64, ptr %state, i64 {index}"
            for name, index in named.items()
        )

    return f"""
{outside}
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare i32 @sched_yield()
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
{"declare void @llvm.x86.sse2.pause()" if pause else ""}
@facula_state = external global [{WORDS} x i64]

define internal void @blocks(ptr %state, i64 %worker) {{
start:
{words(function=FUNCTION, arguments=ARGUMENTS, units=UNITS, blocks=BLOCKS, shares=SHARES)}
  %body = load ptr, ptr %function.p
  %arguments = load ptr, ptr %arguments.p
  %units = load i64, ptr %units.p
  %blocks = load i64, ptr %blocks.p
  %shares = load i64, ptr %shares.p
  br label %begin
begin:
  ; Its own share first, from the front; then what is left of the others', from their ends.
  %turn = phi i64 [ 0, %start ], [ %turn.next, %done ]
  %number = add i64 %worker, %turn
  %share = urem i64 %number, %shares
  %share.next = add i64 %share, 1
  %low.part = mul i64 %share, %blocks
  %low = udiv i64 %low.part, %shares
  %lines = mul i64 %share, {SEAT_WORDS}
  %at = add i64 %lines, {SEATS + TICKET}
  %ticket.p = getelementptr i64, ptr %state, i64 %at
  %own = icmp eq i64 %turn, 0
  %step = select i1 %own, i64 1, i64 {-(1 << 32)}
  br label %draw
draw:
  %ticket = atomicrmw add ptr %ticket.p, i64 %step monotonic
  %front = trunc i64 %ticket to i32
  %from = sext i32 %front to i64
  %to = ashr i64 %ticket, 32
  %left = icmp slt i64 %from, %to
  br i1 %left, label %work, label %done
work:
  %end = sub i64 %to, 1
  %drawn = select i1 %own, i64 %from, i64 %end
  %mine = add i64 %low, %drawn
  %next = add i64 %mine, 1
  %a = mul i64 %mine, %units
  %b = mul i64 %next, %units
  %first = sdiv i64 %a, %blocks
  %last = sdiv i64 %b, %blocks
  call void %body(i64 %first, i64 %last, i64 %worker, ptr %arguments)
  br label %draw
done:
  %turn.next = add i64 %turn, 1
  %more = icmp slt i64 %turn.next, %shares
  br i1 %more, label %begin, label %out
out:
  ret void
}}

define void @facula_worker(ptr %state, i64 %worker) {{
start:
{words(epoch=EPOCH, sleepers=SLEEPERS, stop=STOP, open=OPEN, active=ACTIVE, parts=PARTS)}
  ; A thread that comes this far only after the end was called would wait for ever.
  %began = load atomic i64, ptr %epoch.p acquire, align 8
  %stop.before = load atomic i64, ptr %stop.p seq_cst, align 8
  %over = icmp ne i64 %stop.before, 0
  br i1 %over, label %end, label %wait
wait:
  %seen = phi i64 [ %began, %start ], [ %epoch, %leave ]{seat}
  br label %spin
spin:
  %turn = phi i64 [ 0, %wait ], [ %turn.next, %still ], [ 0, %wake ]
  %epoch = load atomic i64, ptr %epoch.p acquire, align 8
  {pause}
  %turn.next = add i64 %turn, 1
  %news = icmp ne i64 %epoch, %seen
  br i1 %news, label %job, label %still
still:
  %more = icmp slt i64 %turn.next, {SPINS}
  br i1 %more, label %spin, label %sleep
sleep:
  %s0 = atomicrmw add ptr %sleepers.p, i64 1 seq_cst
  %again = load atomic i64, ptr %epoch.p seq_cst, align 8
  %late = icmp ne i64 %again, %seen
  br i1 %late, label %wake, label %doze
doze:{doze}
  br label %wake
wake:{seat}
  %s1 = atomicrmw sub ptr %sleepers.p, i64 1 seq_cst
  br label %spin
job:
  %stop = load atomic i64, ptr %stop.p acquire, align 8
  %ended = icmp ne i64 %stop, 0
  br i1 %ended, label %end, label %join
join:
  ; First be counted, then look: from here on the job seen open stays until this worker leaves.
  ; What it reads of the job (number of parts, body, blocks) must be read after that.
  %j0 = atomicrmw add ptr %active.p, i64 1 seq_cst
  %open = load atomic i64, ptr %open.p seq_cst, align 8
  %is.open = icmp ne i64 %open, 0
  br i1 %is.open, label %admit, label %leave
admit:
  %parts = load atomic i64, ptr %parts.p acquire, align 8
  %wanted = icmp slt i64 %worker, %parts
  br i1 %wanted, label %take, label %leave
take:
  call void @blocks(ptr %state, i64 %worker)
  br label %leave
leave:
  %l0 = atomicrmw sub ptr %active.p, i64 1 seq_cst
  br label %wait
end:
  ret void
}}

define void @facula_stop(ptr %state) {{
{words(epoch=EPOCH, stop=STOP, parts=PARTS)}
  store atomic i64 1, ptr %parts.p seq_cst, align 8
  store atomic i64 1, ptr %stop.p seq_cst, align 8
  %e = atomicrmw add ptr %epoch.p, i64 1 seq_cst{rouse}
  ret void
}}

define void @facula_run(ptr %body, ptr %arguments, i64 %units, i64 %work) {{
start:
  %thread = call ptr @PyEval_SaveThread()
  %state = getelementptr i64, ptr @facula_state, i64 0
{
        words(
            epoch=EPOCH,
            function=FUNCTION,
            arguments=ARGUMENTS,
            units=UNITS,
            blocks=BLOCKS,
            sleepers=SLEEPERS,
            open=OPEN,
            active=ACTIVE,
            shares=SHARES,
            busy=BUSY,
            short=SHORT_JOBS,
            parts=PARTS,
        )
    }
  %parts = load atomic i64, ptr %parts.p acquire, align 8
  %several = icmp sgt i64 %parts, 1
  %divisible = icmp sgt i64 %units, 1
  %split = and i1 %several, %divisible
  br i1 %split, label %judge, label %alone
judge:
  ; Waking a worker costs as much as a short job: only every eighth one pays for that.
  %short = icmp slt i64 %work, {SHORT_NANOSECONDS}
  %dozing = load atomic i64, ptr %sleepers.p monotonic, align 8
  %sleepy = icmp sgt i64 %dozing, 0
  %doubtful = and i1 %short, %sleepy
  br i1 %doubtful, label %tally, label %ask
tally:
  %jobs = atomicrmw add ptr %short.p, i64 1 monotonic
  %eighth = and i64 %jobs, 7
  %skip = icmp ne i64 %eighth, 7
  br i1 %skip, label %alone, label %ask
ask:
  %pair = cmpxchg ptr %busy.p, i64 0, i64 1 seq_cst seq_cst
  %mine = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %mine, label %publish, label %alone
alone:
  call void %body(i64 0, i64 %units, i64 0, ptr %arguments)
  br label %end
publish:
  store ptr %body, ptr %function.p
  store ptr %arguments, ptr %arguments.p
  store i64 %units, ptr %units.p
  ; Few long blocks: what one thread takes from another's share lies in the other's cache.
  %each = sdiv i64 %work, %parts
  %spans = sdiv i64 %each, {BLOCK_NANOSECONDS}
  %most = call i64 @llvm.smin.i64(i64 %spans, i64 8)
  %several.blocks = call i64 @llvm.smax.i64(i64 %most, i64 1)
  %wish = mul i64 %parts, %several.blocks
  %fewer = icmp slt i64 %units, %wish
  %blocks = select i1 %fewer, i64 %units, i64 %wish
  store i64 %blocks, ptr %blocks.p
  %crowd = icmp sgt i64 %parts, {SEATED}
  %shares = select i1 %crowd, i64 {SEATED}, i64 %parts
  store i64 %shares, ptr %shares.p
  br label %deal
deal:
  %share = phi i64 [ 0, %publish ], [ %share.next, %deal ]
  %share.next = add i64 %share, 1
  %begin.part = mul i64 %share, %blocks
  %end.part = mul i64 %share.next, %blocks
  %begin = udiv i64 %begin.part, %shares
  %finish = udiv i64 %end.part, %shares
  %size = sub i64 %finish, %begin
  %ticket = shl i64 %size, 32
  %lines = mul i64 %share, {SEAT_WORDS}
  %at = add i64 %lines, {SEATS + TICKET}
  %ticket.p = getelementptr i64, ptr %state, i64 %at
  store atomic i64 %ticket, ptr %ticket.p monotonic, align 8
  %undealt = icmp slt i64 %share.next, %shares
  br i1 %undealt, label %deal, label %announce
announce:{part}
  store atomic i64 1, ptr %open.p seq_cst, align 8
  %e = atomicrmw add ptr %epoch.p, i64 1 seq_cst
  %asleep = load atomic i64, ptr %sleepers.p seq_cst, align 8
  %must = icmp sgt i64 %asleep, 0
  br i1 %must, label %rouse, label %own
rouse:{rouse}
  br label %own
own:
  call void @blocks(ptr %state, i64 0)
  store atomic i64 0, ptr %open.p seq_cst, align 8
  br label %close
close:
  %round = phi i64 [ 0, %own ], [ %round.next, %patient ], [ %round.next, %yield ]
  %busy = load atomic i64, ptr %active.p seq_cst, align 8
  {pause}
  %round.next = add i64 %round, 1
  %free = icmp eq i64 %busy, 0
  br i1 %free, label %closed, label %patient
patient:
  %long = and i64 %round.next, 4095
  %tired = icmp eq i64 %long, 0
  br i1 %tired, label %yield, label %close
yield:
  call i32 @sched_yield()
  br label %close
closed:
  store atomic i64 0, ptr %busy.p seq_cst, align 8
  br label %end
end:
  call void @PyEval_RestoreThread(ptr %thread)
  ret void
}}
"""


def _seats_text() -> str:
    """LLVM IR: a worker says where it runs (`seat`), a caller moves the others away (`part`).

    A caller that finds a worker on the processor it runs on itself knows that the worker waits
    there, in line or asleep. That the system will not carry it over to an idle processor is the
    rule in virtual machines, where a halted processor does not count as idle.
    """
    machine = platform.machine()
    gettid, setaffinity = SYS_GETTID[machine], SYS_SCHED_SETAFFINITY[machine]
    words = ALLOWED_WORDS
    return f"""
define internal ptr @seat_of(ptr %state, i64 %worker) alwaysinline {{
  %lines = mul i64 %worker, {SEAT_WORDS}
  %at = add i64 %lines, {SEATS}
  %seat = getelementptr i64, ptr %state, i64 %at
  ret ptr %seat
}}

define internal void @seat(ptr %state, i64 %worker) noinline {{
  %known = icmp slt i64 %worker, {SEATED}
  br i1 %known, label %sit, label %out
sit:
  %seat = call ptr @seat_of(ptr %state, i64 %worker)
  %thread.p = getelementptr i64, ptr %seat, i64 {THREAD}
  %thread = load i64, ptr %thread.p
  %new = icmp eq i64 %thread, 0
  br i1 %new, label %introduce, label %place
introduce:
  %id = call i64 (i64, ...) @syscall(i64 {gettid})
  store atomic i64 %id, ptr %thread.p release, align 8
  br label %place
place:
  %processor = call i32 @sched_getcpu()
  %wide = sext i32 %processor to i64
  %known.place = load atomic i64, ptr %seat monotonic, align 8
  %stays = icmp eq i64 %known.place, %wide
  br i1 %stays, label %out, label %tell
tell:
  store atomic i64 %wide, ptr %seat release, align 8
  br label %out
out:
  ret void
}}

define internal void @part(ptr %state, i64 %parts) noinline {{
start:
  %mask = alloca [{words} x i64], align 8
  %processor = call i32 @sched_getcpu()
  %here = sext i32 %processor to i64
  %many = icmp sgt i64 %parts, {SEATED}
  %last = select i1 %many, i64 {SEATED}, i64 %parts
  br label %look
look:
  %worker = phi i64 [ 1, %start ], [ %next, %on ]
  %seat = call ptr @seat_of(ptr %state, i64 %worker)
  %there = load atomic i64, ptr %seat acquire, align 8
  %thread.p = getelementptr i64, ptr %seat, i64 {THREAD}
  %thread = load atomic i64, ptr %thread.p acquire, align 8
  %same = icmp eq i64 %there, %here
  %alive = icmp ne i64 %thread, 0
  %move = and i1 %same, %alive
  br i1 %move, label %copy, label %on
copy:
  %k = phi i64 [ 0, %look ], [ %k.next, %copy ]
  %any = phi i64 [ 0, %look ], [ %any.next, %copy ]
  %place = add i64 %k, {ALLOWED}
  %allowed.p = getelementptr i64, ptr %state, i64 %place
  %allowed = load i64, ptr %allowed.p
  %word = lshr i64 %here, 6
  %bit = and i64 %here, 63
  %hit = icmp eq i64 %word, %k
  %one = shl i64 1, %bit
  %mine = select i1 %hit, i64 %one, i64 0
  %others = xor i64 %mine, -1
  %rest = and i64 %allowed, %others
  %mask.p = getelementptr i64, ptr %mask, i64 %k
  store i64 %rest, ptr %mask.p
  %any.next = or i64 %any, %rest
  %k.next = add i64 %k, 1
  %more = icmp slt i64 %k.next, {words}
  br i1 %more, label %copy, label %decide
decide:
  %possible = icmp ne i64 %any.next, 0
  br i1 %possible, label %send, label %on
send:
  ; Advice: where the system refuses, the worker stays and comes later.
  call i64 (i64, ...) @syscall(i64 {setaffinity}, i64 %thread, i64 {words * 8}, ptr %mask)
  store atomic i64 -1, ptr %seat release, align 8
  br label %on
on:
  %next = add i64 %worker, 1
  %again = icmp slt i64 %next, %last
  br i1 %again, label %look, label %out
out:
  ret void
}}
"""


def allowed(parts: int) -> list[int]:
    """Words of a bit mask: the processors of this process, none if there are fewer than `parts`."""
    words = [0] * ALLOWED_WORDS
    processors = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if 1 < parts <= len(processors) and max(processors) < 64 * ALLOWED_WORDS:
        for processor in processors:
            words[processor // 64] |= 1 << processor % 64
    return [word - (1 << 64) if word >> 63 else word for word in words]


class Pool:
    """The workers of this process. `resize` sets how many threads take part, the caller included.

    `limit` bounds the worker numbers that kernels see. It never changes, so that scratch measured
    by it is large enough whatever another thread asks for before the kernel runs; of more threads
    than that, so many work.
    """

    def __init__(self, parts: int, limit: int) -> None:
        self._room = (ctypes.c_int64 * (WORDS + LINE // 8))()
        start = -(-ctypes.addressof(self._room) // LINE) * LINE
        self.state = (ctypes.c_int64 * WORDS).from_address(start)
        self.parts = parts
        self.limit = max(parts, limit)
        self.threads: list[threading.Thread] = []
        self._worker: Callable[[int, int], None] | None = None
        self._release: Callable[[int], None] | None = None

    @property
    def address(self) -> int:
        return ctypes.addressof(self.state)

    def start(self, worker_address: int, stop_address: int) -> None:
        """Starts the workers; called once the pool's code is linked."""
        self._worker = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(worker_address)
        self._release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(stop_address)
        self.resize(self.parts)
        # Workers must leave generated code before the interpreter takes it and their memory apart.
        threading._register_atexit(self.stop)  # type: ignore[attr-defined]

    def resize(self, parts: int) -> None:
        """From the next job on `parts` threads work. If starting them fails, nothing changed."""
        working = min(parts, self.limit)
        if self._worker is not None:
            while len(self.threads) < working - 1:
                index = len(self.threads) + 1
                thread = threading.Thread(
                    target=self._worker,
                    args=(self.address, index),
                    name=f"facula-{index}",
                    daemon=True,
                )
                thread.start()
                self.threads.append(thread)
            for k, word in enumerate(allowed(working)):
                self.state[ALLOWED + k] = word
            self.state[PARTS] = working
        self.parts = parts

    def forget(self) -> None:
        """In the child of a fork, which has its parent's memory but not its threads: new ones."""
        ctypes.memset(self.state, 0, ctypes.sizeof(self.state))
        self.threads = []
        self.resize(self.parts)

    def stop(self) -> None:
        """Ends the workers and waits for them; kernels called from now on run on their caller."""
        if self._release is None:
            return
        self._release(self.address)
        for thread in self.threads:
            thread.join()
        self.threads = []
