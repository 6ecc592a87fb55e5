"""Small programs about gradients; facula and torch must answer alike (see tests/ops/twin.py)."""

# ruff: noqa: E501

X = "x = torch.tensor([1., 2., 3.], requires_grad=True)"
M = "x = torch.arange(6.).reshape(2, 3).clone().requires_grad_()"

ENGINE = [
    f"{X}; {text}"
    for text in (
        "(x * x).sum().backward(); x.grad",
        "y = (x * x).sum(); y.backward(); y.backward()",
        "y = (x * x).sum(); y.backward(retain_graph=True); y.backward(); x.grad",
        "y = (x + x).sum(); y.backward(); y.backward(); x.grad",
        "y = x.exp().sum(); y.backward(); y.backward()",
        "(x * x).backward()",
        "(x * x).backward(torch.ones(3)); x.grad",
        "(x * x).backward(torch.ones(2))",
        "(x * x).backward(gradient=torch.tensor([1., 0., 2.])); x.grad",
        "x.sum().detach().backward()",
        "torch.ones(1).backward()",
        "x.backward(torch.ones(3)); x.grad",
        "x.sum().backward(); x.sum().backward(); x.grad",
        "x.sum().backward(); x.grad.zero_(); x.sum().backward(); x.grad",
        "x.grad = torch.ones(3); x.sum().backward(); x.grad",
        "x.grad = None; x.sum().backward(); x.grad",
        "x.grad = torch.ones(2)",
        "x.grad = 3",
        "x.grad = torch.ones(3).double()",
        "torch.autograd.grad((x * x).sum(), x)",
        "torch.autograd.grad((x * x).sum(), [x])",
        "torch.autograd.grad([x.sum(), (x * x).sum()], x)",
        "torch.autograd.grad(x * x, x, torch.ones(3))",
        "torch.autograd.grad(x * x, x)",
        "torch.autograd.grad((x * x).sum(), x); x.grad",
        "y = torch.ones(1, requires_grad=True); torch.autograd.grad(x.sum(), y)",
        "y = torch.ones(1, requires_grad=True); torch.autograd.grad(x.sum(), [x, y], allow_unused=True)",
        "y = torch.ones(1, requires_grad=True); torch.autograd.grad(x.sum(), [x, y], materialize_grads=True)",
        "y = torch.ones(1); torch.autograd.grad(x.sum(), y)",
        "y = x * 2; z = (y * y).sum(); torch.autograd.grad(z, y)",
        "y = x * 2; z = (y * y).sum(); torch.autograd.grad(z, [x, y])",
        "y = x * x; g = torch.autograd.grad(y.sum(), x, create_graph=True)[0]; g.sum().backward(); x.grad",
        "g = torch.autograd.grad((x ** 3).sum(), x, create_graph=True)[0]; torch.autograd.grad(g.sum(), x, create_graph=True)[0]",
        "g = torch.autograd.grad((x ** 3).sum(), x, create_graph=True)[0]; h = torch.autograd.grad(g.sum(), x, create_graph=True)[0]; torch.autograd.grad(h.sum(), x)",
        "(x ** 3).sum().backward(create_graph=True); x.grad",
        "y = (x * x).sum(); g, = torch.autograd.grad(y, x, retain_graph=True); y.backward(); x.grad",
        "torch.autograd.grad(x.sum(), x, torch.tensor(2.))",
        "torch.autograd.backward([x.sum(), (x * x).sum()]); x.grad",
        "torch.autograd.backward(x * x, torch.ones(3)); x.grad",
        "torch.autograd.backward([x.sum()], inputs=[])",
        "y = torch.ones(3, requires_grad=True); (x * y).sum().backward(inputs=[y]); (x.grad, y.grad)",
        "y = x * 2; (y * y).sum().backward(inputs=y); y.grad",
        "torch.autograd.grad((x.sum(), x.prod()), x, (torch.tensor(1.), torch.tensor(3.)))",
        "y = x * 2; y.retain_grad(); (y * y).sum().backward(); (y.grad, y.retains_grad, x.retains_grad)",
        "y = x * 2; (y * y).sum().backward(); y.is_leaf",
        "y = x.detach().requires_grad_(); y.retain_grad(); y.sum().backward(); y.grad",
        "torch.ones(1).retain_grad()",
        "y = x * 2; h = y.register_hook(lambda g: g * 10); y.sum().backward(); x.grad",
        "y = x * 2; h = y.register_hook(lambda g: g * 10); h.remove(); y.sum().backward(); x.grad",
        "h = x.register_hook(lambda g: g + 1); x.sum().backward(); x.grad",
        "h = x.register_hook(lambda g: None); x.sum().backward(); x.grad",
        "seen = []; h = x.register_hook(lambda g: seen.append(g.clone())); (x * x).sum().backward(); seen",
        "y = x * 2; h = y.register_hook(lambda g: g[:2]); y.sum().backward()",
        "y = x * 2; h = y.register_hook(lambda g: 3); y.sum().backward()",
        "torch.ones(1).register_hook(print)",
        "y = x * 2; a = y.register_hook(lambda g: g + 1); b = y.register_hook(lambda g: g * 3); y.sum().backward(); x.grad",
        "y = x * 2; y.retain_grad(); h = y.register_hook(lambda g: g * 3); y.sum().backward(); (y.grad, x.grad)",
        "y = x * 2; h = y.register_hook(lambda g: g * 3); y.retain_grad(); y.sum().backward(); (y.grad, x.grad)",
        "seen = []; h = x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.clone())); x.sum().backward(); x.sum().backward(); seen",
        "(x * 2).register_post_accumulate_grad_hook(print)",
        "y = (x * 2).exp(); seen = []; h = y.grad_fn.register_hook(lambda i, o: seen.append((len(i), len(o)))); y.sum().backward(); seen",
        "y = x.exp(); h = y.grad_fn.register_prehook(lambda o: (o[0] * 5,)); y.sum().backward(); x.grad",
        "y = x * 2; h = y.register_hook(lambda g: g * g); torch.autograd.grad(y.sum(), x)",
        "y = x * 2; h = y.register_hook(lambda g: g * 7); torch.autograd.grad(y.sum(), y)",
        "x.grad_fn",
        "(x * 2).grad_fn.name()",
        "(x + 1).grad_fn.name()",
        "x.sum().grad_fn.name()",
        "x.view(3, 1).grad_fn.name()",
        "(x @ x).grad_fn.name()",
        "x.exp().grad_fn.next_functions[0][0].name()",
        "(x * 2).sum().grad_fn.next_functions[0][1]",
        "x.is_leaf, (x * 2).is_leaf, torch.ones(1).is_leaf, x.detach().is_leaf",
        "x.requires_grad, (x * 2).requires_grad, x.detach().requires_grad, (x > 1).requires_grad, x.long().requires_grad, x.argmax().requires_grad",
        "(x * 2).requires_grad_(False)",
        "(x * 2).requires_grad_(True).requires_grad",
        "(x * 2).requires_grad = False",
        "torch.ones(2).long().requires_grad_()",
        "torch.ones(2).requires_grad_().requires_grad_(False).requires_grad",
        "y = x * 2; y.detach_(); y.requires_grad",
        "x.max(0)[1].requires_grad",
        "x.sort()[1].requires_grad, x.sort()[0].requires_grad",
        "x.data.requires_grad",
        "x.data[0] = 9.; x",
        "y = x * x; x.data[0] = 9.; y.sum().backward(); x.grad",
        "y = x.detach(); y[0] = 7.; x",
        "x.data = torch.zeros(2); x",
        "(x.half() * 2).float().sum().backward(); x.grad",
        "(x * torch.tensor([1, 2, 3])).sum().backward(); x.grad",
        "(x.double() * x).sum().backward(); x.grad.dtype",
        "(x * x.mean()).sum().backward(); x.grad",
        "y = x; y = y * 1.5 + x; y = y * x; y.sum().backward(); x.grad",
        "y = x.expand(4, 3); y.sum().backward(); x.grad",
        "(x[0] * x[1] * x[2]).backward(); x.grad",
        "a, b = x[:1], x[1:]; (a * b).sum().backward(); x.grad",
        "a, b, c = x.unbind(); (a * b).backward(); x.grad",
        "torch.stack(x.split(1)).prod().backward(); x.grad",
        "torch.where(x > 1.5, x, x * x).sum().backward(); x.grad",
        "x.max().backward(); x.grad",
        "x.new_tensor([1., 1.]).requires_grad",
        "y = torch.tensor([3., 3., 1.], requires_grad=True); y.max().backward(); y.grad",
        "y = torch.tensor([3., 3., 1.], requires_grad=True); y.amax().backward(); y.grad",
        "y = torch.tensor([3., 3., 1.], requires_grad=True); y.max(0)[0].backward(); y.grad",
        "y = torch.tensor([0., 2., 0.], requires_grad=True); y.prod().backward(); y.grad",
        "y = torch.tensor([0., 2., 3.], requires_grad=True); y.cumprod(0).sum().backward(); y.grad",
        "y = torch.zeros(3, requires_grad=True); y.norm().backward(); y.grad",
        "y = torch.zeros(3, requires_grad=True); y.std().backward(); y.grad",
        "y = torch.tensor([2., 2., 1.], requires_grad=True); y.sort()[0].sum().backward(); y.grad",
        "y = torch.tensor([-1., 0., 1.], requires_grad=True); y.norm(1).backward(); y.grad",
        "y = torch.tensor([-2., 0., 2.], requires_grad=True); y.norm(float('inf')).backward(); y.grad",
    )
]

ALIASING = [
    f"{X}; {text}"
    for text in (
        "y = x + 0; y.backward(torch.ones(3)); a = x.grad; a.add_(1); x.grad",
        "y = torch.ones(3, requires_grad=True); (x + y).sum().backward(); x.grad.add_(5); y.grad",
        "y = torch.ones(3, requires_grad=True); g = torch.ones(3); (x + y).backward(g); x.grad.add_(5); (y.grad, g)",
        "g = torch.ones(3); x.backward(g); x.grad.add_(1); g",
        "y = torch.ones(3, requires_grad=True); z = (x + y); z.backward(torch.ones(3)); z2 = (x + y); z2.backward(torch.ones(3)); (x.grad, y.grad)",
        "y = torch.ones(3, requires_grad=True); g = torch.ones(3); (x + y).backward(g); (x + y).backward(g); (x.grad, y.grad, g)",
        "a = (x + 1); b = a + 2; a.retain_grad(); b.backward(torch.ones(3)); x.grad.add_(9); a.grad",
        "a = (x + 1); b = a + 2; a.retain_grad(); b.retain_grad(); b.backward(torch.ones(3)); x.grad.add_(9); a.grad.add_(100); (b.grad, x.grad)",
        "seen = []; a = x + 1; h = a.register_hook(seen.append); (a + 2).backward(torch.ones(3)); x.grad.add_(9); seen",
        "a = x + 1; r = torch.autograd.grad(a, [a, x], torch.ones(3)); r[0].add_(5); r[1]",
        "g = torch.ones(3); r = torch.autograd.grad(x + 1, x, g)[0]; r.add_(1); g",
        "x.sum().backward(); g = x.grad; x.sum().backward(); g",
        "y = x * 1; (y + y).backward(torch.ones(3)); x.grad",
        "g = torch.ones(3); (x + x).backward(g); (x.grad, g)",
        "y = torch.zeros(3, requires_grad=True); s = x + y; (s + s).backward(torch.ones(3)); x.grad.add_(1); (x.grad, y.grad)",
        "g = torch.ones(2, 3).t()[:, 0]; x.backward(g); x.grad.stride()",
        "(x.expand(2, 3)).backward(torch.ones(2, 3)); x.grad",
        "x.sum().backward(); x.grad.stride(), x.grad.is_contiguous()",
        "x.sum().backward(create_graph=True); x.grad.requires_grad",
        "x.grad = torch.zeros(3); g = x.grad; (x * 2).sum().backward(); g is x.grad",
    )
]

INPLACE = [
    f"{M}; {text}"
    for text in (
        "y = torch.arange(6.).reshape(2, 3).requires_grad_(); y[0].add_(1)",
        "x += 1",
        "x.add_(1)",
        "x[0] = 1.",
        "x.view(-1)[0] = 1.",
        "x[0].add_(1)",
        "x.zero_()",
        "x.fill_(1)",
        "x.copy_(torch.ones(3))",
        "x.t().mul_(2)",
        "x.detach().zero_(); x",
        "x.data.zero_(); x",
        "x[0, 0].fill_(1)",
        "x[[0]] = 1.",
        "x.index_add_(0, torch.tensor([0]), torch.ones(1, 3))",
        "x.resize_(3)",
        "x.masked_fill_(x > 1, 0.)",
        "x.unbind()[0].zero_()",
        "x.split(1)[0].zero_()",
        "x.chunk(2)[0].add_(1)",
        "y = x * 1; y.unbind()[0].zero_()",
        "y = x * 1; y.split(1)[0].zero_()",
        "y = x * 1; a, b = y.chunk(2); a.add_(1)",
        "y = x * 1; y += 1; y.sum().backward(); x.grad",
        "y = x * x; y.mul_(2); y.sum().backward(); x.grad",
        "y = x.exp(); y.add_(1); y.sum().backward()",
        "y = x.exp(); y.mul_(2); y.sum().backward()",
        "y = x.sigmoid(); y.zero_(); y.sum().backward()",
        "y = x * 1; z = y * y; y.add_(1); z.sum().backward()",
        "y = x * 1; z = y * y; y[0] = 0.; z.sum().backward()",
        "y = x * 1; z = y + y; y[0] = 0.; z.sum().backward(); x.grad",
        "y = x * 1; z = y[0] * y[1]; y[0].add_(1); z.sum().backward()",
        "w = torch.ones(3); z = x * w; w.add_(1); z.sum().backward()",
        "w = torch.ones(3); z = x * w; w.data.add_(1); z.sum().backward(); x.grad",
        "w = torch.ones(3, 2); z = x @ w; w[0] = 5.; z.sum().backward()",
        "y = x * 1; y[0] = 5.; y.sum().backward(); x.grad",
        "y = x * 1; v = y.view(-1); y.mul_(2); v.sum().backward(); x.grad",
        "y = x * 1; v = y.view(-1); v.mul_(2); y.sum().backward(); x.grad",
        "y = x * 1; v = y[0]; v.mul_(2); (v.grad_fn.name(), y.grad_fn.name())",
        "y = x * 1; v = y.t(); v[0] = 3.; (y.grad_fn.name(), v.requires_grad, y)",
        "y = torch.zeros(2, 3); y[0] = x[1]; (y.requires_grad, y.is_leaf)",
        "y = torch.zeros(2, 3); v = y[0]; v.copy_(x[1]); (y.requires_grad, v.requires_grad)",
        "y = torch.zeros(2, 3); v = y[0]; y.copy_(x); v.requires_grad",
        "y = torch.zeros(2, 3); v = y[1]; y.copy_(x); v.sum().backward(); x.grad",
        "y = torch.zeros(2, 3); v = y[1]; v += x[0]; (y * y).sum().backward(); x.grad",
        "y = torch.zeros(2, 3); y.add_(x); y.sum().backward(); x.grad",
        "y = torch.zeros(2, 3, dtype=torch.int64); y.add_(x)",
        "y = torch.zeros(3); y.add_(x)",
        "y = torch.zeros(2, 3); torch.add(x, x, out=y)",
        "with torch.no_grad(): x.add_(1); x",
        "with torch.no_grad(): x[0] = 9.; x",
        "with torch.no_grad(): x.t()[0].zero_(); x",
        "z = x * x; torch.no_grad().__enter__(); x.add_(1); torch.set_grad_enabled(True); z.sum().backward()",
        "y = x * 1; y._version",
        "y = x * 1; y.add_(1); v = y[0]; v.add_(1); (y._version, v._version)",
        "y = x * 1; y.detach().add_(1); y._version",
        "y = x * 1; z = y.exp(); y.add_(1); z.sum().backward(); x.grad",
        "y = x * 1; z = y.detach(); w = y * y; z.add_(1); w.sum().backward()",
        "y = x * 1; y[:, 1:] = y[:, :2].clone(); y.sum().backward(); x.grad",
        "y = x * 1; y[y > 2] = 0.; y.sum().backward(); x.grad",
        "y = x * 1; y[0], y[1] = y[1].clone(), y[0].clone(); (y * y).sum().backward(); x.grad",
        "y = x * 1; (y.view(6)[2:4]).view(1, 2).mul_(10); y.sum().backward(); x.grad",
        "y = (x * 1).t(); y[0].mul_(3); y.sum().backward(); x.grad",
        "y = x.clone(); v = y.diagonal(); v.mul_(0); y.sum().backward(); x.grad",
        "y = x.expand(2, 2, 3); y.add_(1)",
        "y = (x * 1).expand(2, 2, 3); y.add_(1)",
        "y = x * 1; y.add_(y); y.sum().backward(); x.grad",
        "y = x * 1; y.div_(y + 1); y.sum().backward(); x.grad",
        "y = x * 1; y.pow_(2) if hasattr(y, 'pow_') else y; y.sum().backward(); x.grad",
        "y = x * 1; y.requires_grad_(False)",
        "y = torch.ones(2, 3); y.requires_grad_(); z = y * 2; z[0] = 0.; z.sum().backward(); y.grad",
        "y = x * 1; z = y[0]; del y; z.mul_(2); z.sum().backward(); x.grad",
        "y = x * 1; v = y[0]; w = v[1:]; w.zero_(); (v.sum() + y.sum()).backward(); x.grad",
        "y = x * 1; y.clamp_(1, 3) if hasattr(y, 'clamp_') else y; y.shape",
        "y = x * 1; y.set_(x) if False else y.shape",
    )
]

MODES = [
    f"{X}; {text}"
    for text in (
        "with torch.no_grad(): y = x * 2; (y.requires_grad, y.is_leaf, y.grad_fn)",
        "with torch.no_grad(): y = torch.ones(1, requires_grad=True); y.requires_grad",
        "torch.no_grad()(lambda: x * 2)().requires_grad",
        "torch.no_grad(lambda: x * 2)().requires_grad",
        "torch.inference_mode()(lambda: x * 2)().requires_grad",
        "torch.enable_grad()(lambda: x * 2)().requires_grad",
        "f = torch.no_grad()(lambda: torch.is_grad_enabled()); (f(), torch.is_grad_enabled())",
        "torch.is_grad_enabled()",
        "with torch.no_grad(): a = torch.is_grad_enabled(); (a, torch.is_grad_enabled())",
        "with torch.set_grad_enabled(False): y = x * 2; (y.requires_grad, torch.is_grad_enabled())",
        "with torch.inference_mode(): y = x * 2; (y.requires_grad, torch.is_inference_mode_enabled())",
        "with torch.inference_mode(): a = torch.is_inference_mode_enabled(); a",
        "with torch.inference_mode(False): y = x * 2; y.requires_grad",
        "torch.set_grad_enabled(False); y = (x * 2).requires_grad; torch.set_grad_enabled(True); y",
        "f = torch.set_grad_enabled(False)(lambda: torch.is_grad_enabled()); (f(), torch.is_grad_enabled())",
        "with torch.no_grad():\n  with torch.enable_grad():\n    y = x * 2\n  z = x * 2; (y.requires_grad, z.requires_grad)",
        "with torch.autograd.no_grad(): y = x * 2; y.requires_grad",
        "with torch.autograd.set_grad_enabled(True): y = x * 2; y.requires_grad",
        "@torch.no_grad()\ndef f(v):\n  '''doc'''\n  return v * 2; (f.__name__, f.__doc__, f(x).requires_grad)",
        "@torch.no_grad()\ndef f(v):\n  yield (v * 2).requires_grad\n  yield (v * 2).requires_grad; (list(f(x)), torch.is_grad_enabled())",
        "@torch.no_grad()\ndef f(v):\n  yield torch.is_grad_enabled(); g = f(x); a = next(g); (a, torch.is_grad_enabled())",
        "with torch.no_grad(): z = x.detach().clone().requires_grad_(); z.is_leaf",
        "y = x * 2; torch.set_grad_enabled(False); z = y.sum(); torch.set_grad_enabled(True); z.requires_grad",
    )
]

DOUBLE = """class Double(torch.autograd.Function):
  @staticmethod
  def forward(ctx, x, k=2):
    ctx.save_for_backward(x)
    ctx.k = k
    return x * k
  @staticmethod
  def backward(ctx, g):
    x, = ctx.saved_tensors
    return g * ctx.k + 0 * x, None"""
SQUARE = """class Square(torch.autograd.Function):
  @staticmethod
  def forward(x):
    return x * x
  @staticmethod
  def setup_context(ctx, inputs, output):
    ctx.save_for_backward(*inputs)
  @staticmethod
  def backward(ctx, g):
    x, = ctx.saved_tensors
    return 2 * g * x"""
TWO = """class Two(torch.autograd.Function):
  @staticmethod
  def forward(ctx, x, y):
    ctx.save_for_backward(x, y)
    i = (x > y).long()
    ctx.mark_non_differentiable(i)
    return x * y, x + y, i
  @staticmethod
  def backward(ctx, a, b, c):
    x, y = ctx.saved_tensors
    return a * y + b, (a * x + b) if ctx.needs_input_grad[1] else None"""
DIRTY = """class Dirty(torch.autograd.Function):
  @staticmethod
  def forward(ctx, x):
    ctx.mark_dirty(x)
    x.mul_(3)
    return x
  @staticmethod
  def backward(ctx, g):
    return g * 3"""
NONE = """class Seen(torch.autograd.Function):
  @staticmethod
  def forward(ctx, x):
    ctx.set_materialize_grads(False)
    return x * 1, x * 2
  @staticmethod
  def backward(ctx, a, b):
    return torch.full((3,), 1. if a is None else 2.) + (5. if b is None else 6.)"""
BAD = """class Bad(torch.autograd.Function):
  @staticmethod
  def forward(ctx, x, y):
    return x * y
  @staticmethod
  def backward(ctx, g):
    return g"""
SAME = """class Same(torch.autograd.Function):
  @staticmethod
  def forward(ctx, x):
    return x
  @staticmethod
  def backward(ctx, g):
    return -g"""
ONCE = """class Once(torch.autograd.Function):
  @staticmethod
  def forward(ctx, x):
    ctx.save_for_backward(x)
    return x * x
  @staticmethod
  @torch.autograd.function.once_differentiable
  def backward(ctx, g):
    x, = ctx.saved_tensors
    return 2 * g * x"""

FUNCTION = [
    f"{X}; {body}; {text}"
    for body, texts in (
        (
            DOUBLE,
            (
                "y = Double.apply(x); y.sum().backward(); x.grad",
                "Double.apply(x, 5).sum().backward(); x.grad",
                "y = Double.apply(x); (y.requires_grad, y.is_leaf, y.grad_fn.name(), type(y.grad_fn).__name__)",
                "Double.apply(x.detach()).requires_grad",
                "with torch.no_grad(): y = Double.apply(x); y.requires_grad",
                "y = Double.apply(x).sum(); y.backward(); y.backward()",
                "y = Double.apply(x).sum(); y.backward(retain_graph=True); y.backward(); x.grad",
                "z = x * 1; y = Double.apply(z); z.add_(1); y.sum().backward()",
                "Double.apply(x).grad_fn.next_functions[0][0].name()",
                "torch.autograd.gradcheck(Double.apply, (x.detach().double().requires_grad_(),))",
                "Double.apply()",
                "Double.apply(x).detach().sum()",
                "Double.apply(x, 3)",
            ),
        ),
        (
            SQUARE,
            (
                "Square.apply(x).sum().backward(); x.grad",
                "g, = torch.autograd.grad(Square.apply(x).sum(), x, create_graph=True); g.sum().backward(); x.grad",
                "torch.autograd.gradgradcheck(Square.apply, (x.detach().double().requires_grad_(),))",
            ),
        ),
        (
            TWO,
            (
                "a, b, i = Two.apply(x, x * 2); (a + b).sum().backward(); (x.grad, i.requires_grad)",
                "a, b, i = Two.apply(x, torch.ones(3)); b.sum().backward(); x.grad",
                "a, b, i = Two.apply(x, torch.ones(3)); a.sum().backward(); x.grad",
                "a, b, i = Two.apply(x, x); (i, a.requires_grad, b.grad_fn is a.grad_fn)",
                "y = torch.ones(3, requires_grad=True); a, b, i = Two.apply(x, y); a.prod().backward(); (x.grad, y.grad)",
            ),
        ),
        (
            DIRTY,
            (
                "z = x * 1; y = Dirty.apply(z); y.sum().backward(); (x.grad, y is z)",
                "z = x * 1; y = Dirty.apply(z); z.sum().backward(); x.grad",
                "Dirty.apply(x)",
            ),
        ),
        (
            NONE,
            (
                "a, b = Seen.apply(x); a.sum().backward(); x.grad",
                "a, b = Seen.apply(x); (a + b).sum().backward(); x.grad",
            ),
        ),
        (BAD, ("y = torch.ones(3, requires_grad=True); Bad.apply(x, y).sum().backward()",)),
        (
            SAME,
            (
                "y = Same.apply(x); (y is x, y.data_ptr() == x.data_ptr())",
                "Same.apply(x).sum().backward(); x.grad",
                "z = x * 1; y = Same.apply(z); (y * 2).sum().backward(); x.grad",
            ),
        ),
        (
            ONCE,
            (
                "Once.apply(x).sum().backward(); x.grad",
                "g, = torch.autograd.grad(Once.apply(x).sum(), x, create_graph=True); g.sum().backward()",
            ),
        ),
        ("class Empty(torch.autograd.Function): pass", ("Empty.apply(x)",)),
    )
    for text in texts
]
