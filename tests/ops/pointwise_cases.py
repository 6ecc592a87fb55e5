"""Pointwise cases that torch judges: special values, dtypes, errors, graphs."""

X = "x = torch.tensor([0., -0., 1., -1., 0.5, -2.5, 3., 1e30, math.inf, -math.inf, math.nan])"
Y = "x = torch.tensor([-2.5, -0.5, 0., 0.5, 1., 3.5])"
P = (
    "v = torch.tensor([0., -0., 1., -1., 2., -2.5, math.inf, -math.inf, math.nan]); "
    "a = v.repeat(9); b = v.repeat_interleave(9)"
)
INTS = "i = torch.tensor([5, -5, 7, -7, 0, 1])"
U = "u = torch.tensor([0, 1, 7, 200], dtype=torch.uint8)"
B = "b = torch.tensor([True, False, True])"
F = "F = torch.nn.functional"
BYTES = (
    "i = torch.tensor([6, -6, 7, -7, -128, 127], dtype=torch.int8); "
    "j = torch.tensor([4, 4, -4, -4, 3, -1], dtype=torch.int8)"
)
LEAF = "w = torch.tensor([0.5, 1.5, 2.5], requires_grad=True)"


def gradient(call: str, at: str = "[-2.5, -0.5, 0., 0.5, 1., 3.5]") -> str:
    """The gradient of one operation at points where kinks may lie."""
    leaf = f"x = torch.tensor({at}, requires_grad=True)"
    return f"{F}; {leaf}; {call}.sum().backward(); x.grad"


def pair(call: str, at: str = "[0., 1., -1., 2., 0.5]") -> str:
    """Both gradients of an operation on all pairs of some numbers, ties among them."""
    first = f"v = torch.tensor({at}); a = v.repeat(5).requires_grad_()"
    second = "b = v.repeat_interleave(5).requires_grad_()"
    return f"{first}; {second}; {call}.sum().backward(); [a.grad, b.grad]"


VALUES = [
    f"{X}; {call}"
    for call in (
        "x.abs()", "x.acos()", "x.acosh()", "x.asin()", "x.asinh()", "x.atan()", "x.atanh()",
        "x.ceil()", "x.cos()", "x.cosh()", "x.erf()", "x.erfc()", "x.erfinv()", "x.exp()",
        "x.exp2()", "x.expm1()", "x.floor()", "x.frac()", "x.isfinite()", "x.isinf()", "x.isnan()",
        "torch.isposinf(x)", "torch.isneginf(x)", "torch.isreal(x)", "x.lgamma()", "x.log()",
        "x.log10()", "x.log1p()", "x.log2()", "x.logit()", "x.logit(0.1)", "x.nan_to_num()",
        "x.nan_to_num(1., 2., 3.)", "x.half().nan_to_num()", "x.double().nan_to_num(posinf=1e308)",
        "x.neg()", "x.reciprocal()", "x.round()", "x.rsqrt()", "x.sgn()", "x.sigmoid()", "x.sign()",
        "torch.signbit(x)", "x.sin()", "x.sqrt()", "x.square()", "x.tan()", "x.tanh()", "x.trunc()",
        "x.logical_not()", "x.relu()", "x ** 2", "x ** 0.5", "x ** -1", "x ** 3", "x ** 0",
        "x ** 2.5", "2 ** x", "x // 2", "x % 2", "x % -2", "x.fmod(2)", "torch.fmod(x, -2)",
        "x / 0", "1 / x", "x.clamp(-1, 1)", "x.clamp(min=math.nan)", "x.clamp(2, -2)",
        "torch.clip(x, 0)", "x.clamp_min(0)", "x.clamp_max(0.5)", "-x", "+x", "abs(x)",
        "torch.xlogy(x, x)", "torch.xlogy(0, x)", "torch.xlogy(x, 2)", "x.absolute()",
        "torch.arctan(x)", "x.fix()", "x.negative()", "x.rad2deg()", "x.deg2rad()",
        "torch.polygamma(0, x[2:5])", "torch.polygamma(1, x[4:5])", "x.sinc()",
    )
] + [
    f"{P}; {call}"
    for call in (
        "torch.maximum(a, b)", "torch.minimum(a, b)", "torch.fmax(a, b)", "torch.fmin(a, b)",
        "torch.atan2(a, b)", "torch.hypot(a, b)", "torch.logaddexp(a, b)", "torch.logaddexp2(a, b)",
        "torch.copysign(a, b)", "torch.pow(a, b)", "a % b", "a // b", "torch.fmod(a, b)",
        "torch.div(a, b, rounding_mode='trunc')", "torch.div(a, b, rounding_mode='floor')",
        "a == b", "a <= b", "torch.ne(a, b)", "torch.isclose(a, b)",
        "torch.isclose(a, b, equal_nan=True)", "torch.isclose(a, b, rtol=0, atol=0)",
        "torch.heaviside(a, b)", "torch.ldexp(a, b)", "torch.logical_xor(a, b)",
        "torch.xlogy(a, b)", "torch.lerp(a, b, 0.3)", "torch.lerp(a, b, b)",
        "torch.where(a > b, a, b)", "torch.where(a > b, 1, b)", "torch.where(a > b, 1, 2)",
        "torch.float_power(a, b)", "torch.clamp(a, b, b)", "torch.addcmul(a, b, b, value=2)",
        "torch.addcdiv(a, a, b, value=-1)",
    )
]  # fmt: skip

ACTIVATIONS = [
    f"{F}; {Y}; {call}"
    for call in (
        "F.celu(x, 2.)", "F.elu(x, 0.5)", "F.elu(x, -1.)", "F.gelu(x)",
        "F.gelu(x, approximate='tanh')", "F.glu(x)", "F.hardshrink(x)", "F.hardshrink(x, 1.)",
        "F.hardsigmoid(x)", "F.hardswish(x)", "F.hardtanh(x)", "F.hardtanh(x, -0.5, 2.)",
        "F.leaky_relu(x, 0.2)", "F.logsigmoid(x)", "F.mish(x)", "F.prelu(x, torch.tensor([0.3]))",
        "F.relu(x)", "F.relu6(x * 3)", "F.selu(x)", "F.sigmoid(x)", "F.silu(x)", "F.softplus(x)",
        "F.softplus(x, 3, 1)", "F.softshrink(x)", "F.softshrink(x, 1.)", "F.softsign(x)",
        "F.tanh(x)", "F.tanhshrink(x)", "F.threshold(x, 0.5, -7.)", "torch.celu(x)",
        "torch.selu(x)", "torch.relu(x)", "torch.prelu(x, x[:1])", "F.relu(x, inplace=True); x",
        "F.elu(x, inplace=True); x", "F.leaky_relu(x, inplace=True); x",
        "F.silu(x, inplace=True); x", "F.hardtanh(x, inplace=True); x", "F.relu_(x); x",
        "F.celu(x, inplace=True); x", "F.threshold(x, 0., 1., inplace=True); x",
        "F.prelu(x.reshape(2, 3), torch.tensor([0.1, 0.2, 0.3]))",
        "F.prelu(x.reshape(1, 3, 2), torch.tensor([0.1, 0.2, 0.3]))",
        "F.prelu(x.reshape(2, 3), torch.tensor([0.1, 0.2]))", "F.glu(x.reshape(2, 3), 0)",
        "F.glu(x.reshape(2, 3))", "F.glu(torch.tensor(1.))", "F.gelu(x, approximate='x')",
        "F.softshrink(x, -1.)", "F.hardtanh(x, 1., 0.)", "F.silu(torch.tensor([1]))",
        "F.gelu(torch.tensor([1]))", "F.leaky_relu(torch.tensor([1]))", "F.elu(torch.tensor([1]))",
        "F.relu(torch.tensor([True]))", "F.relu(torch.tensor([-1, 2]))",
        "F.relu6(torch.tensor([-1, 9]))", "F.softplus(torch.tensor([1]))",
        "F.hardtanh(torch.tensor([-3, 0, 3]))", "F.relu6(torch.tensor([True]))",
        "F.mish(torch.tensor([1]))", "F.hardswish(torch.tensor([1]))",
        "F.softshrink(torch.tensor([1]))", "F.threshold(torch.tensor([1, 5]), 2, 9)",
        "F.gelu(x.half())", "F.silu(x.bfloat16())", "F.softplus(x.half())", "F.mish(x.double())",
    )
]  # fmt: skip

GRADIENTS = [
    gradient(call)
    for call in (
        "x.abs()", "x.ceil()", "x.clamp(-0.5, 1.)", "x.clamp(min=0.5)", "x.clamp(max=0.)",
        "x.clamp(0.5, -0.5)", "x.frac()", "x.relu()", "x.round()", "x.sign()", "x.sgn()",
        "x.trunc()", "x.floor()", "x.sqrt()", "x.rsqrt()", "x.log()", "x.reciprocal()", "x.logit()",
        "x.logit(0.3)", "x.nan_to_num()", "x.acos()", "x.atanh()", "x ** 2", "x ** 0", "x ** 0.5",
        "x ** -1", "x ** 3", "x ** 1.5", "2 ** x", "0 ** x", "x.square()",
        "x.pow(torch.tensor(2.))", "x.lgamma()[4:]", "x.digamma()[4:]", "x.sinc()",
        "x.erfinv()[1:4]", "x.fmod(2)", "(x % 0.75)", "x.div(0.75, rounding_mode='floor')",
        "torch.div(x, 2, rounding_mode='trunc')", "F.celu(x, 2.)", "F.elu(x, 0.5)", "F.gelu(x)",
        "F.gelu(x, approximate='tanh')", "F.glu(x)", "F.hardshrink(x)", "F.hardsigmoid(x * 1.2)",
        "F.hardswish(x * 1.2)", "F.hardtanh(x)", "F.leaky_relu(x)", "F.logsigmoid(x)", "F.mish(x)",
        "F.relu6(x * 2)", "F.selu(x)", "F.silu(x)", "F.softplus(x)", "F.softplus(x, 3, 1)",
        "F.softshrink(x)", "F.softsign(x)", "F.tanhshrink(x)", "F.threshold(x, 0.5, 2.)",
        "F.prelu(x, torch.tensor([0.25]))", "torch.where(x > 0, x, 0)", "torch.where(x > 0, 2., x)",
        "torch.copysign(x, -1)", "torch.xlogy(x, 2)", "torch.float_power(x, 2)",
        "torch.lerp(x, x * 2, 0.25)", "torch.rsub(x, 1, alpha=3)", "x.exp2()", "(x + x.detach())",
        "torch.add(x, x, alpha=3)", "(x / x.detach())", "(1 - x)", "(2 / x)",
        "torch.round(x, decimals=1)", "x.positive()", "x.deg2rad()", "torch.ldexp(x, x.detach())",
    )
] + [
    pair(call)
    for call in (
        "torch.maximum(a, b)", "torch.minimum(a, b)", "torch.fmax(a, b)", "torch.fmin(a, b)",
        "torch.atan2(a, b)", "torch.hypot(a, b)", "torch.pow(a, b)", "torch.copysign(a, b)",
        "torch.xlogy(a, b)", "torch.fmod(a, b)", "torch.remainder(a, b)", "torch.clamp(a, b)",
        "torch.clamp(a, max=b)", "torch.clamp(a, b, b)", "torch.clamp(a, b, a)", "torch.div(a, b)",
        "torch.logaddexp(a, b)", "torch.where(a > b, a, b)", "torch.lerp(a, b, 0.7)",
        "torch.addcmul(a, a, b)", "torch.addcdiv(a, a, b)",
    )
] + [
    pair("torch.maximum(a, b)", "[0., 1., math.nan, math.inf, -math.inf]"),
    pair("torch.logaddexp(a, b)", "[0., 1., -1., 50., -50.]"),
    gradient("x.relu()", "[math.nan, math.inf, -math.inf]"),
    gradient("F.hardtanh(x)", "[-math.inf, math.inf, 1., -1.]"),
    gradient("F.hardswish(x)", "[math.inf, 3., -3.]"),
    gradient("x.square()", "[math.inf, 0., -0.]"),
]  # fmt: skip

DTYPES = [
    f"{INTS}; {U}; {B}; {call}"
    for call in (
        "i + 1.5", "i + True", "u + 1", "u + 300", "u + -1", "b + b", "b + 1", "b * 2.5", "b * b",
        "i / 2", "u / u", "b / b", "i // 2", "i // -2", "i % 3", "i % -3", "i.fmod(3)",
        "i.fmod(-3)", "i ** 2", "i ** 2.0", "i ** 0.5", "2 ** i.abs()", "2.5 ** i", "b ** 2",
        "u ** 3", "i.exp()", "b.sin()", "u.sqrt()", "i.sigmoid()", "i.abs()", "i.sign()",
        "b.sign()", "u.neg()", "-i", "~i", "~b", "~u", "i & 6", "i | 8", "i ^ 3", "i << 2",
        "i >> 1", "i << 70", "i >> 70", "i << -1", "i >> -1", "u << 1", "u >> 1", "b & b", "b | ~b",
        "b ^ b", "i.square()", "b.square()", "i.clamp(-2, 2)", "i.clamp(0.5)", "u.clamp(3)",
        "i.clamp(torch.tensor(-1.5), torch.tensor(2.5))", "i.relu()", "i.floor()", "i.round()",
        "i.trunc()", "i.isnan()", "i.isinf()", "i.isfinite()", "i.logical_not()", "u.logical_not()",
        "i.logical_and(u[:1])", "i.maximum(u[:1])", "i.eq(5)", "i > 2.5", "b == 1", "u < -1",
        "i.float_power(2)", "b.float_power(b)", "i.div(2, rounding_mode='floor')",
        "i.div(2, rounding_mode='trunc')", "i.div(-2.5, rounding_mode='trunc')", "i.half() * 2.5",
        "i.half() + torch.tensor(1., dtype=torch.float64)", "i.bfloat16() + i.half()",
        "i.float() + i.double()", "i.int() + i.short()", "i.char() * u[:1]",
        "torch.tensor(1) + torch.tensor(1, dtype=torch.int8)", "i.short() + torch.tensor(5)",
        "i.short() + torch.tensor(5.5)", "torch.where(b, 1, 2.5)", "torch.where(b, i[:3], 2.5)",
        "torch.where(b, u[:3], i[:3])", "i.nan_to_num()", "torch.xlogy(i, i)", "torch.atan2(i, i)",
        "torch.copysign(i, -1)", "torch.ldexp(i, i)", "i.erf()", "i.logit()", "i.deg2rad()",
        "torch.isclose(i, i + 1, atol=1)", "torch.heaviside(i, i + 7)", "i.addcmul(i, i, value=2)",
        "torch.rsub(i, 1)", "torch.rsub(i, 2, alpha=3)", "i.sub(2, alpha=2)",
        "torch.subtract(i, 1)", "i.multiply(2)", "i.divide(4)", "i.true_divide(4)", "i.greater(2)",
        "i.less_equal(u[:1])", "i.not_equal(5)", "torch.add(i, i, alpha=2)",
        "torch.add(b, b, alpha=2)", "torch.equal(i, i)", "torch.equal(i, u)",
        "torch.allclose(i, i)", "i.double().allclose(i + 1e-9)",
    )
] + [
    f"{BYTES}; {call}"
    for call in (
        "i // j", "i % j", "torch.fmod(i, j)",
        "torch.div(i, j, rounding_mode='trunc')", "i * j", "i - j",
        "i ** j.abs()", "i ** j", "i << 1", "i.abs()", "-i",
    )
]  # fmt: skip

ERRORS = [
    f"{INTS}; {U}; {B}; f = torch.ones(3); {call}"
    for call in (
        "-b", "b - b", "f - b", "1 - b", "b - 1", "torch.rsub(b, 1)", "+b", "b.abs()", "b.relu()",
        "b.floor()", "b // b", "b % b", "b ** b", "b << b", "b >> b", "i << 1.5", "f << 1", "f & f",
        "f | 1", "f ^ f", "~f", "i // 0", "i % 0", "i.fmod(0)", "i.div(0, rounding_mode='trunc')",
        "i.div(0, rounding_mode='floor')", "i / 0", "i ** -1", "torch.add(i, i, alpha=0.5)",
        "torch.sub(i, i, alpha=0.5)", "f.div(2, rounding_mode='x')", "f.clamp()",
        "torch.hypot(i, i)", "torch.logaddexp(i, i)", "i.frac()", "torch.round(i, decimals=1)",
        "torch.lerp(i, i, 0.5)", "torch.lerp(f, f.double(), 0.5)", "torch.heaviside(f, f.double())",
        "torch.isclose(f, f.double())", "torch.isclose(f, f, rtol=-1)",
        "torch.isclose(f, f, atol=-1)", "torch.where(f, f, f)", "f + torch.ones(4)",
        "f.add_(torch.ones(2, 3))", "i[:3].add_(f)", "b.add_(1)", "i[:3].div_(2)", "b.exp_()",
        "i.exp_()", "f.expand(2, 3).add_(1)", "i[:3].mul_(1.5)",
        "torch.add(f, f, out=torch.ones(3, dtype=torch.int64))",
        "torch.sqrt(i, out=torch.empty(6, dtype=torch.int32))", "torch.addcdiv(i, i, i)",
        "torch.exp(f, out=torch.empty(2))", "torch.exp(f, out=f)", "torch.polygamma(-1, f)",
        "f.float_power_(2)", "f.double().float_power_(2)",
    )
]  # fmt: skip

GRAPHS = [
    f"{LEAF}; {call}"
    for call in (
        "type((w + 1).grad_fn).__name__", "type((w * w).grad_fn).__name__",
        "type((w / 2).grad_fn).__name__", "type((w ** 2).grad_fn).__name__",
        "type((w ** w).grad_fn).__name__", "type(w.square().grad_fn).__name__",
        "type(w.exp().grad_fn).__name__", "type(w.clamp_min(0).grad_fn).__name__",
        "type(w.sigmoid().grad_fn).__name__", "type(torch.nn.functional.gelu(w).grad_fn).__name__",
        "type(torch.where(w > 1, w, 0).grad_fn).__name__", "type(torch.round(w).grad_fn).__name__",
        "type(w.neg().grad_fn).__name__", "type(torch.nn.functional.relu6(w).grad_fn).__name__",
        "type(torch.nn.functional.leaky_relu(w).grad_fn).__name__",
        "type(w.nan_to_num().grad_fn).__name__", "(w > 1).requires_grad", "w.sign().requires_grad",
        "(w.detach() * 2).requires_grad", "w.isnan().requires_grad",
        "y = w * 2; y.exp_().sum().backward(); w.grad",
        "y = w * 2; y.pow_(3).sum().backward(); w.grad",
        "y = w * 2; y.clamp_(0, 2).sum().backward(); w.grad",
        "y = w * 2; y.sin_().sum().backward(); w.grad",
        "y = w * 2; y.add_(w).mul_(w).sum().backward(); w.grad",
        "y = w * 2; y.div_(w); y.sum().backward(); w.grad", "w.add_(1)",
        "y = w.exp(); y.add_(1); y.sum().backward()",
        "y = w.sin(); y.add_(1); y.sum().backward(); w.grad",
        "y = w * 3; z = y * y; y.add_(1); z.sum().backward()",
        "(w.half() * 2).sum().backward(); w.grad",
        "(w * torch.ones(2, 3)).sum().backward(); w.grad",
        "(w.double() * w).sum().backward(); w.grad", "(w[:, None] * w).sum().backward(); w.grad",
        "torch.exp(w, out=torch.empty(3))", "(w * torch.tensor(2)).sum().backward(); w.grad",
        "g, = torch.autograd.grad((w**3).sum(), w, create_graph=True); g.sum().backward(); w.grad",
        "g, = torch.autograd.grad(w.exp().sum(), w, create_graph=True); g.sum().backward(); w.grad",
        "g, = torch.autograd.grad((w * 2).sum(), w, create_graph=True); g",
        "torch.nn.functional.silu(w * 1, inplace=True).sum().backward(); w.grad",
        "torch.nn.functional.relu(w * 1, inplace=True).sum().backward(); w.grad",
        "torch.nn.functional.elu(w - 1, inplace=True).sum().backward(); w.grad",
    )
]  # fmt: skip

LIKE_TORCH = [*VALUES, *ACTIVATIONS, *GRADIENTS, *DTYPES, *ERRORS, *GRAPHS]
