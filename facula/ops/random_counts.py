"""Random counts: Poisson and binomial numbers, the same as PyTorch's after the same seed."""

from facula.dispatch import dtype_word
from facula.generator import Generator, default_generator, kernel_of
from facula.kernel.library.random_counts import Binomial, Poisson
from facula.meta.shape import broadcast_shapes
from facula.op import operation, registry
from facula.tensor import empty


def _source(name, generator):
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise TypeError(
            f"{name}(): argument 'generator' must be torch._C.Generator, not "
            f"{type(generator).__name__}"
        )
    return generator


@operation("poisson(Tensor self, Generator? generator=None) -> Tensor")
def poisson(self, generator=None):
    """A Poisson number for each rate.

    >>> import facula as torch
    >>> g = torch.Generator().manual_seed(0)
    >>> torch.poisson(torch.full((4,), 3.0), g).dtype
    torch.float32
    """
    if not self.form.dtype.is_floating_point:
        raise NotImplementedError(
            f"\"poisson_cpu\" not implemented for '{dtype_word(self.form.dtype)}'"
        )
    source, rates = _source("poisson", generator), self.contiguous()
    y = empty(self.form.dtype, self.form.shape)
    if y.form.numel:
        kernel = kernel_of(Poisson, y.form.kind)
        if source.run(kernel, y.address, y.form.numel, rates.address):
            raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    return y


@poisson.gradient
def _(g):
    return registry["zeros_like"].function(g)


@operation("binomial(Tensor count, Tensor prob, Generator? generator=None) -> Tensor")
def binomial(count, prob, generator=None):
    """How many of `count` trials succeed, each with chance `prob`: a number for each element.

    >>> import facula as torch
    >>> torch.binomial(torch.tensor([5.0, 5.0]), torch.tensor([0.0, 1.0]))
    tensor([0., 5.])
    """
    for name, one in (("count", count), ("prob", prob)):
        if not one.form.dtype.is_floating_point:
            raise ValueError(
                f"binomial only supports floating-point dtypes for {name}, got: "
                f"{dtype_word(one.form.dtype)}"
            )
    if count.form.dtype is not prob.form.dtype:
        raise RuntimeError(
            f"Found dtype {dtype_word(count.form.dtype)} but expected "
            f"{dtype_word(prob.form.dtype)}"
        )
    if count.form.kind not in ("f32", "f64"):
        raise NotImplementedError(
            f"\"binomial_cpu\" not implemented for '{dtype_word(count.form.dtype)}'"
        )
    shape = broadcast_shapes(count.form.shape, prob.form.shape)
    source = _source("binomial", generator)
    trials, chances = count.expand(shape).contiguous(), prob.expand(shape).contiguous()
    y = empty(count.form.dtype, shape)
    if y.form.numel:
        kernel = kernel_of(Binomial, y.form.kind)
        source.run(kernel, y.address, y.form.numel, trials.address, chances.address)
    return y


@binomial.gradient
def _(g, count_form, prob_form):
    return g.new_zeros(count_form.shape), g.new_zeros(prob_form.shape)


for _name in ("poisson", "binomial"):
    registry[_name].method = False
