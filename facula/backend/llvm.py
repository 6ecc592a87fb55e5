"""Programs to machine code: prints LLVM IR as text, compiles it, links the object into the process.

The sole importer of llvmlite. Each kernel becomes an object file with one entry of the C signature
of METH_FASTCALL, which `cpu.py` turns into a Python built-in (see docs/notes/calling_kernels.md).
"""

import ctypes
import hashlib
import platform
import struct
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from facula.backend.processors import allows_tiles, available_threads, cache_sizes
from facula.kernel.program import Branch, Builder, Instruction, Loop, Program, Type, Value
from facula.kernel.target import Target
from facula.late import Late

if TYPE_CHECKING:
    import llvmlite
    import llvmlite.binding as llvm
else:
    llvmlite = Late("llvmlite")
    llvm = Late("llvmlite.binding")

LLVM_TYPE = {
    "i1": "i1", "i8": "i8", "u8": "i8", "i16": "i16", "u16": "i16", "i32": "i32", "u32": "i32",
    "i64": "i64", "u64": "i64", "f32": "float", "f64": "double", "ptr": "ptr", "bool": "i8",
    "f16": "half", "bf16": "i16",
}  # fmt: skip
# Below this many nanoseconds of work a kernel runs on the calling thread and keeps the GIL.
SERIAL_NANOSECONDS = 8_000

INTEGER_OPS = {name: name for name in ("add", "sub", "mul", "and", "or", "xor", "shl")}
FLOAT_OPS = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "remainder": "frem"}
FLOAT_INTRINSICS = {
    "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "roundeven",
    "abs": "fabs", "fma": "fma", "min": "minimum", "max": "maximum", "copysign": "copysign",
    "muladd": "fmuladd",
}  # fmt: skip
INTEGER_COMPARE = {"eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge"}
FLOAT_COMPARE = {"eq": "oeq", "ne": "une", "lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge"}


def type_text(type: Type) -> str:
    scalar = LLVM_TYPE[type.kind]
    return scalar if type.lanes == 1 else f"<{type.lanes} x {scalar}>"


def _scalar_literal(kind: str, literal: float | int) -> str:
    if kind == "f32":
        if literal == literal and abs(literal) != float("inf"):
            literal = ctypes.c_float(literal).value
        return f"0x{struct.unpack('<Q', struct.pack('<d', literal))[0]:016X}"
    if kind == "f64":
        return f"0x{struct.unpack('<Q', struct.pack('<d', literal))[0]:016X}"
    if kind == "i1":
        return "true" if literal else "false"
    if kind == "ptr":
        return "null"
    return str(int(literal))


class Printer:
    """Prints one builder's instructions as the body of an LLVM function."""

    def __init__(self, declarations: set[str]) -> None:
        self.lines: list[str] = []
        self.declarations = declarations
        self.label = "entry"
        self._fresh = 0

    def fresh(self, stem: str = "t") -> str:
        self._fresh += 1
        return f"%{stem}{self._fresh}"

    def ref(self, value: Value) -> str:
        """The operand text of a value, without its type."""
        if value.literal is None:
            return f"%v{value.number}"
        scalar = _scalar_literal(value.type.kind, value.literal)
        if value.type.lanes == 1:
            return scalar
        return f"splat ({LLVM_TYPE[value.type.kind]} {scalar})"

    def typed(self, value: Value) -> str:
        return f"{type_text(value.type)} {self.ref(value)}"

    def line(self, text: str) -> None:
        self.lines.append("  " + text)

    def let(self, text: str, stem: str = "t") -> str:
        name = self.fresh(stem)
        self.line(f"{name} = {text}")
        return name

    def start_block(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.label = label

    def intrinsic(self, name: str, result: str, arguments: Sequence[str]) -> None:
        self.declarations.add(f"declare {result} @{name}({', '.join(arguments)})")

    # --- structure -----------------------------------------------------------------------------

    def block(self, steps: Sequence[Instruction | Loop | Branch]) -> None:
        for step in steps:
            if isinstance(step, Instruction):
                getattr(self, "print_" + step.op, self.print_plain)(step)
            elif isinstance(step, Loop):
                self.loop(step)
            else:
                self.branch(step)

    def loop(self, loop: Loop) -> None:
        number = loop.index.number
        body, leave, before = f"body{number}", f"leave{number}", self.label
        start, stop = self.ref(loop.start), self.ref(loop.stop)
        enter = self.let(f"icmp slt i64 {start}, {stop}")
        self.line(f"br i1 {enter}, label %{body}, label %{leave}")
        self.start_block(body)
        place = len(self.lines)
        self.block(loop.body)
        latch = self.label
        following = self.let(f"add i64 {self.ref(loop.index)}, {self.ref(loop.step)}")
        again = self.let(f"icmp slt i64 {following}, {stop}")
        if loop.going is not None:
            again = self.let(f"and i1 {again}, {self.ref(loop.going)}")
        self.line(f"br i1 {again}, label %{body}, label %{leave}")
        sources = f"[ {start}, %{before} ], [ {following}, %{latch} ]"
        phis = [f"  {self.ref(loop.index)} = phi i64 {sources}"]
        for value, initial, after in zip(loop.carried, loop.initial, loop.following, strict=True):
            phis.append(
                f"  {self.ref(value)} = phi {type_text(value.type)} "
                f"[ {self.ref(initial)}, %{before} ], [ {self.ref(after)}, %{latch} ]"
            )
        self.lines[place:place] = phis
        self.start_block(leave)
        for value, initial, after in zip(loop.results, loop.initial, loop.following, strict=True):
            self.line(
                f"{self.ref(value)} = phi {type_text(value.type)} "
                f"[ {self.ref(initial)}, %{before} ], [ {self.ref(after)}, %{latch} ]"
            )

    def branch(self, branch: Branch) -> None:
        self._fresh += 1
        yes, no, end = (f"{stem}{self._fresh}" for stem in ("yes", "no", "end"))
        other = no if branch.otherwise else end
        self.line(f"br i1 {self.ref(branch.condition)}, label %{yes}, label %{other}")
        self.start_block(yes)
        self.block(branch.body)
        self.line(f"br label %{end}")
        if branch.otherwise:
            self.start_block(no)
            self.block(branch.otherwise)
            self.line(f"br label %{end}")
        self.start_block(end)

    # --- arithmetic ----------------------------------------------------------------------------

    def print_plain(self, step: Instruction) -> None:
        """Operations whose operands and result have one type."""
        assert step.result is not None
        type, text = step.result.type, type_text(step.result.type)
        operands = ", ".join(self.ref(a) for a in step.args)
        target = self.ref(step.result)
        if type.is_float:
            if step.op in FLOAT_OPS:
                self.line(f"{target} = {FLOAT_OPS[step.op]} {text} {operands}")
                return
            if step.op == "neg":
                self.line(f"{target} = fneg {text} {operands}")
                return
            # The order of -0 and 0 would cost instructions; torch leaves it open as well.
            flags = "nsz " if step.op in ("min", "max") else ""
            self.call_intrinsic(target, f"llvm.{FLOAT_INTRINSICS[step.op]}", step, flags)
            return
        if step.op in INTEGER_OPS:
            self.line(f"{target} = {INTEGER_OPS[step.op]} {text} {operands}")
        elif step.op == "neg":
            zero = "zeroinitializer" if type.lanes > 1 else "0"
            self.line(f"{target} = sub {text} {zero}, {operands}")
        elif step.op == "not":
            ones = "true" if type.kind == "i1" else "-1"
            other = ones if type.lanes == 1 else f"splat ({LLVM_TYPE[type.kind]} {ones})"
            self.line(f"{target} = xor {text} {operands}, {other}")
        elif step.op == "shr":
            self.line(f"{target} = {'ashr' if type.is_signed else 'lshr'} {text} {operands}")
        elif step.op in ("quotient", "remainder"):
            name = {"quotient": "div", "remainder": "rem"}[step.op]
            self.line(f"{target} = {'s' if type.is_signed else 'u'}{name} {text} {operands}")
        elif step.op in ("min", "max"):
            self.call_intrinsic(target, f"llvm.{'s' if type.is_signed else 'u'}{step.op}", step)
        elif step.op == "abs":
            if not type.is_signed:
                zero = "zeroinitializer" if type.lanes > 1 else "0"
                self.line(f"{target} = add {text} {operands}, {zero}")
                return
            name = f"llvm.abs.{self.suffix(type)}"
            self.intrinsic(name, text, (text, "i1"))
            self.line(f"{target} = call {text} @{name}({text} {operands}, i1 false)")
        elif step.op in ("ctpop", "ctlz", "cttz"):
            name = f"llvm.{step.op}.{self.suffix(type)}"
            extra = [] if step.op == "ctpop" else ["i1"]
            self.intrinsic(name, text, (text, *extra))
            tail = ", i1 false" if extra else ""
            self.line(f"{target} = call {text} @{name}({text} {operands}{tail})")
        elif step.op == "umulh":
            wide = f"i{2 * type.bits}" if type.lanes == 1 else f"<{type.lanes} x i{2 * type.bits}>"
            a, b = (self.let(f"zext {text} {self.ref(x)} to {wide}") for x in step.args)
            shift = str(type.bits) if type.lanes == 1 else f"splat (i{2 * type.bits} {type.bits})"
            product = self.let(f"mul {wide} {a}, {b}")
            high = self.let(f"lshr {wide} {product}, {shift}")
            self.line(f"{target} = trunc {wide} {high} to {text}")
        else:
            raise NotImplementedError(f"LLVM code generator: {step.op} on {type}")

    @staticmethod
    def suffix(type: Type) -> str:
        bits = f"f{type.bits}" if type.is_float else f"i{type.bits}"
        return bits if type.lanes == 1 else f"v{type.lanes}{bits}"

    def call_intrinsic(self, target: str, stem: str, step: Instruction, flags: str = "") -> None:
        assert step.result is not None
        text, name = type_text(step.result.type), f"{stem}.{self.suffix(step.result.type)}"
        self.intrinsic(name, text, [text] * len(step.args))
        arguments = ", ".join(self.typed(a) for a in step.args)
        self.line(f"{target} = call {flags}{text} @{name}({arguments})")

    def print_scale(self, step: Instruction) -> None:
        """x * 2^n for a float n that is an integer (or nan beside a nan), rounded once where there
        is an instruction for it; else in two steps, so that overflow and subnormal results come out
        right as well."""
        assert step.result is not None
        type, text = step.result.type, type_text(step.result.type)
        x, n = (self.ref(a) for a in step.args)
        target = self.ref(step.result)
        if fills_vectors(type):
            short = "ps" if type.kind == "f32" else "pd"
            mask = f"i{type.lanes}"
            name = f"llvm.x86.avx512.mask.scalef.{short}.512"
            self.intrinsic(name, text, (text, text, text, mask, "i32"))
            operands = f"{text} {x}, {text} {n}, {text} {x}, {mask} -1, i32 4"
            self.line(f"{target} = call {text} @{name}({operands})")
            return
        whole = type.of("i32" if type.kind == "f32" else "i64")
        bits = type_text(whole)
        mantissa, bias = (23, 127) if type.kind == "f32" else (52, 1023)
        power = self.let(f"fptosi {text} {n} to {bits}")
        half = self.let(f"ashr {bits} {power}, {self.constant(whole, 1)}")
        rest = self.let(f"sub {bits} {power}, {half}")
        for part in (half, rest):
            raised = self.let(f"add {bits} {part}, {self.constant(whole, bias)}")
            moved = self.let(f"shl {bits} {raised}, {self.constant(whole, mantissa)}")
            factor = self.let(f"bitcast {bits} {moved} to {text}")
            x = self.let(f"fmul {text} {x}, {factor}")
        self.line(f"{target} = fadd {text} {x}, {self.constant(type, -0.0)}")

    def print_ratio(self, step: Instruction) -> None:
        """x / d within 1 ulp, for d from 2^-60 to 2^60 and an x whose quotient is a normal number,
        0 or nan. Dividing f32 vectors takes AVX-512 16 cycles, this takes 5."""
        assert step.result is not None
        type, text = step.result.type, type_text(step.result.type)
        x, d = (self.ref(a) for a in step.args)
        target = self.ref(step.result)
        if type.kind != "f32" or not fills_vectors(type):
            self.line(f"{target} = fdiv {text} {x}, {d}")
            return
        name, fma = "llvm.x86.avx512.rcp14.ps.512", "llvm.fma.v16f32"
        self.intrinsic(name, text, (text, text, "i16"))
        self.intrinsic(fma, text, (text, text, text))
        one = self.constant(type, 1.0)
        guess = self.let(f"call {text} @{name}({text} {d}, {text} {d}, i16 -1)")
        minus = self.let(f"fneg {text} {d}")
        error = self.let(f"call {text} @{fma}({text} {minus}, {text} {guess}, {text} {one})")
        better = self.let(f"call {text} @{fma}({text} {guess}, {text} {error}, {text} {guess})")
        quotient = self.let(f"fmul {text} {x}, {better}")
        rest = self.let(f"call {text} @{fma}({text} {minus}, {text} {quotient}, {text} {x})")
        operands = f"{text} {better}, {text} {rest}, {text} {quotient}"
        self.line(f"{target} = call {text} @{fma}({operands})")

    def compare(self, step: Instruction) -> None:
        assert step.result is not None
        type = step.args[0].type
        if type.is_float:
            word = f"fcmp {FLOAT_COMPARE[step.op]}"
        else:
            sign = "" if step.op in ("eq", "ne") else "s" if type.is_signed else "u"
            word = f"icmp {sign}{step.op}"
        a, b = step.args
        operands = f"{self.ref(a)}, {self.ref(b)}"
        self.line(f"{self.ref(step.result)} = {word} {type_text(type)} {operands}")

    print_eq = print_ne = print_lt = print_le = print_gt = print_ge = compare

    def print_select(self, step: Instruction) -> None:
        assert step.result is not None
        operands = ", ".join(self.typed(a) for a in step.args)
        self.line(f"{self.ref(step.result)} = select {operands}")

    def print_cast(self, step: Instruction) -> None:
        assert step.result is not None
        value = step.args[0]
        source, target = value.type, step.result.type
        word = self.cast_word(source, target)
        operand = self.typed(value)
        if word == "narrow":
            # C's habit, which torch shows: through a 32-bit integer, keeping the low bits.
            middle = type_text(target.of("i32"))
            operand = f"{middle} {self.let(f'fptosi {operand} to {middle}')}"
            word = "trunc"
        if word == "fptoui":
            self.print_to_unsigned(step, operand)
        elif word == "copy":
            self.line(f"{self.ref(step.result)} = bitcast {operand} to {type_text(target)}")
        else:
            self.line(f"{self.ref(step.result)} = {word} {operand} to {type_text(target)}")

    def print_to_unsigned(self, step: Instruction, operand: str) -> None:
        """A float as u32 or u64, of a negative one the low bits: LLVM's own cast leaves it open."""
        assert step.result is not None
        source, target = step.args[0].type, step.result.type
        wide, text = type_text(target.of("i64")), type_text(source)
        if target.bits < 64:
            whole = self.let(f"fptosi {operand} to {wide}")
            self.line(f"{self.ref(step.result)} = trunc {wide} {whole} to {type_text(target)}")
            return
        half = self.constant(source, 2.0**63)
        large = self.let(f"fcmp oge {operand}, {half}")
        truth = type_text(source.of("i1"))
        nothing = self.constant(source, 0.0)
        taken = self.let(f"select {truth} {large}, {text} {half}, {text} {nothing}")
        rest = self.let(f"fsub {operand}, {taken}")
        whole = self.let(f"fptosi {text} {rest} to {wide}")
        top = self.constant(target, 1 << 63)
        added = self.let(f"select {truth} {large}, {wide} {top}, {wide} {self.constant(target, 0)}")
        self.line(f"{self.ref(step.result)} = xor {wide} {whole}, {added}")

    @staticmethod
    def cast_word(source: Type, target: Type) -> str:
        if source.is_float and target.is_float:
            return "fpext" if target.bits > source.bits else "fptrunc"
        if source.is_float:
            if target.bits < 32:
                return "narrow"
            return "fptosi" if target.is_signed else "fptoui"
        if target.is_float:
            return "sitofp" if source.is_signed else "uitofp"
        if target.bits == source.bits:
            return "copy"
        if target.bits < source.bits:
            return "trunc"
        return "sext" if source.is_signed else "zext"

    def print_bitcast(self, step: Instruction) -> None:
        assert step.result is not None
        wanted = type_text(step.result.type)
        self.line(f"{self.ref(step.result)} = bitcast {self.typed(step.args[0])} to {wanted}")

    # --- vectors -------------------------------------------------------------------------------

    def print_splat(self, step: Instruction) -> None:
        assert step.result is not None
        text, lanes = type_text(step.result.type), step.result.type.lanes
        one = self.let(f"insertelement {text} poison, {self.typed(step.args[0])}, i64 0")
        self.line(
            f"{self.ref(step.result)} = shufflevector {text} {one}, {text} poison, "
            f"<{lanes} x i32> zeroinitializer"
        )

    def print_any(self, step: Instruction) -> None:
        assert step.result is not None
        text = type_text(step.args[0].type)
        name = f"llvm.vector.reduce.or.v{step.args[0].type.lanes}i1"
        self.intrinsic(name, "i1", (text,))
        self.line(f"{self.ref(step.result)} = call i1 @{name}({self.typed(step.args[0])})")

    def print_iota(self, step: Instruction) -> None:
        assert step.result is not None
        type = step.result.type
        scalar = LLVM_TYPE[type.kind]
        numbers = ", ".join(f"{scalar} {_scalar_literal(type.kind, k)}" for k in range(type.lanes))
        zero = "0.0" if type.is_float else "0"
        operation = "fadd" if type.is_float else "or"
        self.line(
            f"{self.ref(step.result)} = {operation} {type_text(type)} <{numbers}>, "
            f"splat ({scalar} {zero})"
        )

    def print_shuffle(self, step: Instruction) -> None:
        assert step.result is not None
        text = type_text(step.args[0].type)
        other = self.ref(step.args[1]) if len(step.args) == 2 else "poison"
        lanes = ", ".join(f"i32 {k}" for k in step.extra)
        self.line(
            f"{self.ref(step.result)} = shufflevector {text} {self.ref(step.args[0])}, {text} "
            f"{other}, <{len(step.extra)} x i32> <{lanes}>"
        )

    def print_extract(self, step: Instruction) -> None:
        assert step.result is not None
        vector = self.typed(step.args[0])
        self.line(f"{self.ref(step.result)} = extractelement {vector}, i64 {step.extra}")

    def print_insert(self, step: Instruction) -> None:
        assert step.result is not None
        vector, scalar = step.args
        operands = f"{self.typed(vector)}, {self.typed(scalar)}"
        self.line(f"{self.ref(step.result)} = insertelement {operands}, i64 {step.extra}")

    # --- memory --------------------------------------------------------------------------------

    def print_pointer(self, step: Instruction) -> None:
        assert step.result is not None
        self.line(f"{self.ref(step.result)} = inttoptr {self.typed(step.args[0])} to ptr")

    def print_room(self, step: Instruction) -> None:
        assert step.result is not None
        count, kind = step.extra
        # Aligned by hand: a frame that LLVM aligns costs loops two registers.
        size = count * step.result.type.of(kind).bits // 8 + 63
        place = self.let(f"alloca [{size} x i8], align 16")
        address = self.let(f"ptrtoint ptr {place} to i64")
        aligned = self.let(f"and i64 {self.let(f'add i64 {address}, 63')}, -64")
        self.line(f"{self.ref(step.result)} = inttoptr i64 {aligned} to ptr")

    def print_offset(self, step: Instruction) -> None:
        assert step.result is not None
        self.line(f"{self.ref(step.result)} = {self.element(step)}")

    def element(self, step: Instruction) -> str:
        pointer, index = self.ref(step.args[0]), self.ref(step.args[1])
        return f"getelementptr {LLVM_TYPE[step.extra]}, ptr {pointer}, i64 {index}"

    def element_pointer(self, step: Instruction) -> str:
        index = step.args[1]
        return self.ref(step.args[0]) if index.literal == 0 else self.let(self.element(step))

    def align(self, kind: str) -> int:
        return {"i8": 1, "i16": 2, "half": 2, "i32": 4, "float": 4}.get(LLVM_TYPE[kind], 8)

    def print_load(self, step: Instruction) -> None:
        assert step.result is not None
        lanes, kind = step.result.type.lanes, step.extra
        pointer = self.element_pointer(step)
        scalar = LLVM_TYPE[kind]
        stored = scalar if lanes == 1 else f"<{lanes} x {scalar}>"
        if len(step.args) == 2:
            raw = self.let(f"load {stored}, ptr {pointer}, align {self.align(kind)}")
        elif lanes == 1:
            raw = self.guarded_load(stored, pointer, kind, step.args[2])
        else:
            suffix = self.memory_suffix(kind, lanes)
            name = f"llvm.masked.load.{suffix}.p0"
            self.intrinsic(name, stored, ("ptr", "i32", f"<{lanes} x i1>", stored))
            raw = self.let(
                f"call {stored} @{name}(ptr {pointer}, i32 {self.align(kind)}, "
                f"{self.typed(step.args[2])}, {stored} zeroinitializer)"
            )
        self.widen(step.result, raw, stored, kind)

    def guarded_load(self, stored: str, pointer: str, kind: str, mask: Value) -> str:
        self._fresh += 1
        before, yes, end = self.label, f"lyes{self._fresh}", f"lend{self._fresh}"
        self.line(f"br i1 {self.ref(mask)}, label %{yes}, label %{end}")
        self.start_block(yes)
        raw = self.let(f"load {stored}, ptr {pointer}, align {self.align(kind)}")
        self.line(f"br label %{end}")
        self.start_block(end)
        zero = "0.0" if stored in ("half", "float", "double") else "0"
        return self.let(f"phi {stored} [ {zero}, %{before} ], [ {raw}, %{yes} ]")

    def widen(self, result: Value, raw: str, stored: str, kind: str) -> None:
        """Stored form to register form: bools to i1, halves to f32."""
        target, lanes = self.ref(result), result.type.lanes
        if kind == "bool":
            zero = "zeroinitializer" if lanes > 1 else "0"
            self.line(f"{target} = icmp ne {stored} {raw}, {zero}")
        elif kind == "f16" and converts_halves():
            self.line(f"{target} = fpext {stored} {raw} to {type_text(result.type)}")
        elif kind == "f16":
            self.widen_half(result, raw, stored)
        elif kind == "bf16":
            wide = type_text(result.type.of("i32"))
            bits = self.let(f"zext {stored} {raw} to {wide}")
            shifted = self.let(f"shl {wide} {bits}, {self.constant(result.type.of('i32'), 16)}")
            self.line(f"{target} = bitcast {wide} {shifted} to {type_text(result.type)}")
        else:
            self.line(f"{target} = bitcast {stored} {raw} to {stored}")

    @staticmethod
    def constant(type: Type, literal: float) -> str:
        scalar = _scalar_literal(type.kind, literal)
        return scalar if type.lanes == 1 else f"splat ({LLVM_TYPE[type.kind]} {scalar})"

    def narrow(self, value: Value, kind: str) -> str:
        """Register form to stored form, as operand text; halves round to nearest even."""
        lanes = value.type.lanes
        scalar = LLVM_TYPE[kind]
        stored = scalar if lanes == 1 else f"<{lanes} x {scalar}>"
        if kind == "bool":
            return self.let(f"zext {self.typed(value)} to {stored}")
        if kind == "f16":
            if converts_halves():
                return self.let(f"fptrunc {self.typed(value)} to {stored}")
            return self.narrow_half(value, stored)
        if kind != "bf16":
            return self.ref(value)
        i32 = value.type.of("i32")
        wide = type_text(i32)
        bits = self.let(f"bitcast {self.typed(value)} to {wide}")
        high = self.let(f"lshr {wide} {bits}, {self.constant(i32, 16)}")
        odd = self.let(f"and {wide} {high}, {self.constant(i32, 1)}")
        bias = self.let(f"add {wide} {odd}, {self.constant(i32, 0x7FFF)}")
        rounded = self.let(f"add {wide} {bits}, {bias}")
        top = self.let(f"lshr {wide} {rounded}, {self.constant(i32, 16)}")
        nan = self.let(f"fcmp uno {self.typed(value)}, {self.ref(value)}")
        flags = "i1" if lanes == 1 else f"<{lanes} x i1>"
        quiet = self.constant(i32, 0x7FC0)
        chosen = self.let(f"select {flags} {nan}, {wide} {quiet}, {wide} {top}")
        return self.let(f"trunc {wide} {chosen} to {stored}")

    # Halves on processors without instructions for them, where LLVM calls a library that we lack.

    def widen_half(self, result: Value, raw: str, stored: str) -> None:
        """Exponent and mantissa moved to their places, the bias put right by a product, exactly."""
        i32 = result.type.of("i32")
        wide, text = type_text(i32), type_text(result.type)
        short = type_text(result.type.of("i16"))
        bits = self.let(f"zext {short} {self.let(f'bitcast {stored} {raw} to {short}')} to {wide}")
        size = self.let(f"and {wide} {bits}, {self.constant(i32, 0x7FFF)}")
        moved = self.let(f"shl {wide} {size}, {self.constant(i32, 13)}")
        number = self.let(f"bitcast {wide} {moved} to {text}")
        scaled = self.let(f"fmul {text} {number}, {self.constant(result.type, 2.0**112)}")
        finite = self.let(f"bitcast {text} {scaled} to {wide}")
        infinite = self.let(f"or {wide} {finite}, {self.constant(i32, 0x7F800000)}")
        flags = type_text(result.type.of("i1"))
        special = self.let(f"icmp uge {wide} {size}, {self.constant(i32, 0x7C00)}")
        chosen = self.let(f"select {flags} {special}, {wide} {infinite}, {wide} {finite}")
        sign = self.let(f"and {wide} {bits}, {self.constant(i32, 0x8000)}")
        place = self.let(f"shl {wide} {sign}, {self.constant(i32, 16)}")
        signed = self.let(f"or {wide} {chosen}, {place}")
        self.line(f"{self.ref(result)} = bitcast {wide} {signed} to {text}")

    def narrow_half(self, value: Value, stored: str) -> str:
        """Rounds to nearest even: subnormal results by adding 1/2, normal ones on their bits."""
        i32 = value.type.of("i32")
        wide, text, flags = type_text(i32), type_text(value.type), type_text(value.type.of("i1"))

        def step(operation: str, a: str, constant: int) -> str:
            return self.let(f"{operation} {wide} {a}, {self.constant(i32, constant)}")

        bits = self.let(f"bitcast {self.typed(value)} to {wide}")
        size = step("and", bits, 0x7FFFFFFF)
        number = self.let(f"bitcast {wide} {size} to {text}")
        half = self.let(f"fadd {text} {number}, {self.constant(value.type, 0.5)}")
        low = step("sub", self.let(f"bitcast {text} {half} to {wide}"), 0x3F000000)
        odd = step("and", step("lshr", size, 13), 1)
        rebiased = step("add", size, 0xFFF - (112 << 23))
        normal = step("lshr", self.let(f"add {wide} {rebiased}, {odd}"), 13)
        is_low = step("icmp ult", size, 113 << 23)
        chosen = self.let(f"select {flags} {is_low}, {wide} {low}, {wide} {normal}")
        is_large = step("icmp uge", size, 143 << 23)
        is_nan = step("icmp ugt", size, 0x7F800000)
        special = self.let(
            f"select {flags} {is_nan}, {wide} {self.constant(i32, 0x7E00)}, {wide} "
            f"{self.constant(i32, 0x7C00)}"
        )
        chosen = self.let(f"select {flags} {is_large}, {wide} {special}, {wide} {chosen}")
        sign = step("and", step("lshr", bits, 16), 0x8000)
        signed = self.let(f"or {wide} {chosen}, {sign}")
        short = type_text(value.type.of("i16"))
        bits = self.let(f"trunc {wide} {signed} to {short}")
        return self.let(f"bitcast {short} {bits} to {stored}")

    def memory_suffix(self, kind: str, lanes: int) -> str:
        scalar = LLVM_TYPE[kind]
        short = {"half": "f16", "float": "f32", "double": "f64"}.get(scalar, scalar)
        return f"v{lanes}{short}"

    def print_store(self, step: Instruction) -> None:
        value, kind = step.args[2], step.extra
        lanes = value.type.lanes
        scalar = LLVM_TYPE[kind]
        stored = scalar if lanes == 1 else f"<{lanes} x {scalar}>"
        if len(step.args) == 3:
            raw = self.narrow(value, kind)
            pointer = self.element_pointer(step)
            self.line(f"store {stored} {raw}, ptr {pointer}, align {self.align(kind)}")
            return
        mask = step.args[3]
        raw = self.narrow(value, kind)
        pointer = self.element_pointer(step)
        if lanes == 1:
            self._fresh += 1
            yes, end = f"syes{self._fresh}", f"send{self._fresh}"
            self.line(f"br i1 {self.ref(mask)}, label %{yes}, label %{end}")
            self.start_block(yes)
            self.line(f"store {stored} {raw}, ptr {pointer}, align {self.align(kind)}")
            self.line(f"br label %{end}")
            self.start_block(end)
            return
        name = f"llvm.masked.store.{self.memory_suffix(kind, lanes)}.p0"
        self.intrinsic(name, "void", (stored, "ptr", "i32", f"<{lanes} x i1>"))
        place = f"ptr {pointer}, i32 {self.align(kind)}"
        self.line(f"call void @{name}({stored} {raw}, {place}, {self.typed(mask)})")

    def lane_pointers(self, step: Instruction) -> str:
        return self.let(
            f"getelementptr {LLVM_TYPE[step.extra]}, ptr {self.ref(step.args[0])}, "
            f"{self.typed(step.args[1])}"
        )

    def print_gather(self, step: Instruction) -> None:
        assert step.result is not None
        lanes, kind = step.result.type.lanes, step.extra
        stored = f"<{lanes} x {LLVM_TYPE[kind]}>"
        pointers = self.lane_pointers(step)
        every = f"<{lanes} x i1> splat (i1 true)"
        mask = self.typed(step.args[2]) if len(step.args) == 3 else every
        name = f"llvm.masked.gather.{self.memory_suffix(kind, lanes)}.v{lanes}p0"
        self.intrinsic(name, stored, (f"<{lanes} x ptr>", "i32", f"<{lanes} x i1>", stored))
        raw = self.let(
            f"call {stored} @{name}(<{lanes} x ptr> {pointers}, i32 {self.align(kind)}, {mask}, "
            f"{stored} zeroinitializer)"
        )
        self.widen(step.result, raw, stored, kind)

    def print_scatter(self, step: Instruction) -> None:
        value, kind = step.args[2], step.extra
        lanes = value.type.lanes
        stored = f"<{lanes} x {LLVM_TYPE[kind]}>"
        pointers = self.lane_pointers(step)
        every = f"<{lanes} x i1> splat (i1 true)"
        mask = self.typed(step.args[3]) if len(step.args) == 4 else every
        raw = self.narrow(value, kind)
        name = f"llvm.masked.scatter.{self.memory_suffix(kind, lanes)}.v{lanes}p0"
        self.intrinsic(name, "void", (stored, f"<{lanes} x ptr>", "i32", f"<{lanes} x i1>"))
        place = f"<{lanes} x ptr> {pointers}, i32 {self.align(kind)}"
        self.line(f"call void @{name}({stored} {raw}, {place}, {mask})")

    def print_prefetch(self, step: Instruction) -> None:
        self.intrinsic("llvm.prefetch.p0", "void", ("ptr", "i32", "i32", "i32"))
        pointer = self.element_pointer(step)
        self.line(f"call void @llvm.prefetch.p0(ptr {pointer}, i32 0, i32 3, i32 1)")

    # --- matrix tiles --------------------------------------------------------------------------

    def print_tiles_ready(self, step: Instruction) -> None:
        """All eight tiles with 16 rows of 64 bytes: palette 1, widths at byte 16, rows at 48.

        Setting their shape takes 50 ns, seeing that it stands none.
        """
        shape = [1, *[0] * 15, *[64, 0] * 8, *[0] * 16, *[16] * 8, *[0] * 8]
        numbers = ", ".join(f"i8 {byte}" for byte in shape)
        self.declarations.add(f"@tile_shape = private constant [64 x i8] [{numbers}], align 64")
        found = self.let("alloca [64 x i8], align 16")
        self.call_tiles("sttilecfg", f"ptr {found}")
        words = "<16 x i32>"
        stands = self.let(f"load {words}, ptr {found}, align 16")
        wanted = self.let(f"load {words}, ptr @tile_shape, align 64")
        differ = self.let(f"icmp ne {words} {stands}, {wanted}")
        self.intrinsic("llvm.vector.reduce.or.v16i1", "i1", ("<16 x i1>",))
        some = self.let(f"call i1 @llvm.vector.reduce.or.v16i1(<16 x i1> {differ})")
        shaping, end = self.fresh("shaping").lstrip("%"), self.fresh("shaped").lstrip("%")
        self.line(f"br i1 {some}, label %{shaping}, label %{end}")
        self.start_block(shaping)
        self.call_tiles("ldtilecfg", "ptr @tile_shape")
        self.line(f"br label %{end}")
        self.start_block(end)

    def print_tile_zero(self, step: Instruction) -> None:
        self.call_tiles("tilezero", f"i8 {step.extra}")

    def print_tile_load(self, step: Instruction) -> None:
        place = ", ".join(self.typed(a) for a in step.args)
        self.call_tiles("tileloadd64", f"i8 {step.extra}, {place}")

    def print_tile_store(self, step: Instruction) -> None:
        place = ", ".join(self.typed(a) for a in step.args)
        self.call_tiles("tilestored64", f"i8 {step.extra}, {place}")

    def print_tile_multiply(self, step: Instruction) -> None:
        self.call_tiles("tdpbf16ps", ", ".join(f"i8 {tile}" for tile in step.extra))

    def call_tiles(self, name: str, arguments: str) -> None:
        types = [argument.split()[0] for argument in arguments.split(", ") if argument]
        # Tiles are numbered by constants.
        immediate = [f"{kind} immarg" if kind == "i8" else kind for kind in types]
        self.intrinsic(f"llvm.x86.{name}", "void", immediate)
        self.line(f"call void @llvm.x86.{name}({arguments})")


def module_text(program: Program, symbol: str) -> str:
    """The LLVM IR of a kernel: its body, and the entry that CPython calls."""
    declarations = {
        "declare i64 @PyLong_AsLongLong(ptr)",
        "declare double @PyFloat_AsDouble(ptr)",
        "declare ptr @PyLong_FromLongLong(i64)",
        "declare ptr @PyErr_Occurred()",
        "declare ptr @PyErr_Format(ptr, ptr, ...)",
        "declare void @facula_run(ptr, ptr, i64, i64)",
    }
    count = len(program.parameters)
    body = _function_body(program, program.body, declarations)
    body += ["  ret void"]
    lines = [f"define internal void @{symbol}_body(i64 %v{program.body.first.number}, "
             f"i64 %v{program.body.last.number}, i64 %v{program.body.worker.number}, "
             "ptr %arguments) #0 {",
             *body, "}", ""]  # fmt: skip
    lines += [f"define ptr @{symbol}(ptr %self, ptr %objects, i64 %given) #0 {{", "entry:",
              f"  %right = icmp eq i64 %given, {count}",
              "  br i1 %right, label %read, label %wrong", "wrong:",
              "  %type = load ptr, ptr @facula_type_error",
              f"  call ptr (ptr, ptr, ...) @PyErr_Format(ptr %type, ptr @{symbol}_text, i64 "
              f"{count}, i64 %given)",
              "  ret ptr null", "read:",
              f"  %arguments = alloca [{count + 1} x i64], align 8"]  # fmt: skip
    for k, parameter in enumerate(program.parameters):
        kind = "double" if parameter.kind == "f64" else "i64"
        reader = "PyFloat_AsDouble" if kind == "double" else "PyLong_AsLongLong"
        lines += [f"  %o{k} = getelementptr ptr, ptr %objects, i64 {k}",
                  f"  %p{k} = load ptr, ptr %o{k}",
                  f"  %a{k} = call {kind} @{reader}(ptr %p{k})",
                  f"  %s{k} = getelementptr i64, ptr %arguments, i64 {k}",
                  f"  store {kind} %a{k}, ptr %s{k}, align 8"]  # fmt: skip
    lines += ["  %error = call ptr @PyErr_Occurred()",
              "  %failed = icmp ne ptr %error, null",
              "  br i1 %failed, label %bad, label %go", "bad:", "  ret ptr null", "go:",
              f"  %code = call i64 @{symbol}_call(ptr %arguments)",
              "  %result = call ptr @PyLong_FromLongLong(i64 %code)",
              "  ret ptr %result", "}", ""]  # fmt: skip
    # What other generated code calls: the arguments as words, and one more for the status.
    lines += [f"define i64 @{symbol}_call(ptr %arguments) #0 {{", "entry:",
              f"  %status = getelementptr i64, ptr %arguments, i64 {count}",
              "  store i64 0, ptr %status, align 8",
              f"  %units = call i64 @{symbol}_units(ptr %arguments)",
              f"  %cost = call i64 @{symbol}_cost(ptr %arguments)",
              "  %work = mul i64 %units, %cost",
              f"  %small = icmp slt i64 %work, {SERIAL_NANOSECONDS}",
              "  br i1 %small, label %alone, label %together", "alone:",
              f"  call void @{symbol}_body(i64 0, i64 %units, i64 0, ptr %arguments)",
              "  br label %done", "together:",
              f"  call void @facula_run(ptr @{symbol}_body, ptr %arguments, i64 %units, i64 %work)",
              "  br label %done", "done:",
              "  %code = load i64, ptr %status, align 8",
              "  ret i64 %code", "}", ""]  # fmt: skip
    for index, name in enumerate(("units", "cost")):
        text = _function_body(program, program.units, declarations)
        outcome = program.units.outcome[index]
        value = str(outcome.literal) if outcome.literal is not None else f"%v{outcome.number}"
        lines.append(f"define internal i64 @{symbol}_{name}(ptr %arguments) #1 {{")
        lines += [*text, f"  ret i64 {value}", "}", ""]
    message = "kernel takes %zd arguments, got %zd"
    head = [
        f'@{symbol}_text = private constant [{len(message) + 1} x i8] c"{message}\\00"',
        "@facula_type_error = external global ptr",
    ]
    attributes = [
        'attributes #0 = { nounwind "prefer-vector-width"="512" "min-legal-vector-width"="512" }',
        "attributes #1 = { nounwind alwaysinline }",
    ]
    return "\n".join([*head, *sorted(declarations), "", *lines, *attributes, ""])


def _function_body(program: Program, builder: Builder, declarations: set[str]) -> list[str]:
    printer = Printer(declarations)
    printer.lines.append("entry:")
    for k, parameter in enumerate(program.parameters):
        value = builder.parameters[parameter.name]
        slot = printer.let(f"getelementptr i64, ptr %arguments, i64 {k}")
        printer.line(f"{printer.ref(value)} = load {type_text(value.type)}, ptr {slot}, align 8")
    status = f"getelementptr i64, ptr %arguments, i64 {len(program.parameters)}"
    printer.line(f"{printer.ref(builder.status)} = {status}")
    printer.block(builder.instructions)
    return printer.lines


# --- compiling and linking ---------------------------------------------------------------------


@cache
def _machine() -> "llvm.TargetMachine":
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    # Programs come in the order in which they should run. LLVM's scheduler, where address registers
    # are short, hoists a tile's loads and spills its sums: 80 instead of 200 GFLOP/s (Zen 5).
    llvm.set_option("facula", "-enable-misched=false")
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        jit=True,
    )


@cache
def host_identity() -> str:
    """Everything about compiler and processor that decides what an object file looks like."""
    features = llvm.get_host_cpu_features().flatten()
    digest = hashlib.sha256(features.encode()).hexdigest()[:16]
    host = f"{llvm.get_process_triple()} {llvm.get_host_cpu_name()}"
    return f"llvmlite {llvmlite.__version__} {host} {digest}"


@cache
def host_features() -> frozenset[str]:
    """Names of the processor features LLVM found, such as avx2, avx512f, amx-bf16."""
    return frozenset(name for name, present in llvm.get_host_cpu_features().items() if present)


def converts_halves() -> bool:
    """Whether the processor has instructions that convert f16, as all but old x86 ones do."""
    return platform.machine() not in ("x86_64", "AMD64") or "f16c" in host_features()


def fills_vectors(type: Type) -> bool:
    """Whether a type is one register of 64 bytes, which AVX-512 has instructions of its own for."""
    return type.lanes * type.bits == 512 and "avx512f" in host_features()


@cache
def host_target() -> Target:
    """The host in the terms lowerings understand."""
    features = host_features()
    vector_bytes = 64 if "avx512f" in features else 32 if "avx2" in features else 16
    l1_bytes, l2_bytes = cache_sizes()
    return Target(
        vector_bytes=vector_bytes,
        registers=32 if "avx512f" in features else 16,
        l1_bytes=l1_bytes or 32 << 10,
        l2_bytes=l2_bytes or 1 << 20,
        tiles="amx-bf16" in features and allows_tiles(),
        cores=available_threads(),
    )


def host_processor() -> str:
    return llvm.get_host_cpu_name()


def compile_text(text: str) -> bytes:
    """LLVM IR to an object file for this host."""
    machine = _machine()
    module = llvm.parse_assembly(text)
    module.verify()
    return machine.emit_object(module)


def assembly(text: str) -> str:
    """The machine code of IR text, for reading (FACULA_DEBUG=asm)."""
    return _machine().emit_assembly(llvm.parse_assembly(text))


@cache
def _engine() -> "llvm.ExecutionEngine":
    machine = _machine()
    empty = llvm.parse_assembly("")
    return llvm.create_mcjit_compiler(empty, machine)


def define_symbol(name: str, address: int) -> None:
    """Lets linked objects call `name` at `address`."""
    llvm.add_symbol(name, address)


def link(image: bytes, symbol: str) -> int:
    """Loads an object file into the process; returns the address of `symbol`."""
    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(image))
    engine.finalize_object()
    address = engine.get_function_address(symbol)
    if not address:
        raise RuntimeError(f"object file lacks {symbol}")
    return address


def link_address(symbol: str) -> int:
    """Address of another symbol of an object that `link` has loaded."""
    return _engine().get_function_address(symbol)
