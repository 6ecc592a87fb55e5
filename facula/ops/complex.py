"""Complex numbers: their parts, conjugates, and views of them as pairs of real numbers.

`conj` and `imag` of a conjugate are views whose forms say how memory is read; kernels that take
forms read through them, the others are given copies. Note [complex numbers].
"""

import math

from facula.backend.cpu import Kernel
from facula.dispatch import compile_pointwise, dtype_word, expanded, remember
from facula.form import Form, form_of
from facula.kernel import expr
from facula.kernel.expr import Expr, linearise
from facula.kernel.scalar import abs_, angle, conj, cos, eq, isnan, lt, sgn, sin, where
from facula.kernel.scalar import real as real_
from facula.meta import names
from facula.meta.dtype import COMPLEX_OF, REAL_OF
from facula.meta.geometry import restride_like
from facula.meta.shape import broadcast_shapes
from facula.op import FLOAT, SAME, composite, operation, pointwise, pointwise_of, registry
from facula.tensor import allocate, share

# --- parts ---------------------------------------------------------------------------------------


def _part(self, place, lazy):
    form = self.form
    made = form_of(REAL_OF[form.dtype], form.shape, tuple([2 * s for s in form.strides]))
    return share(self, made.with_lazy(lazy), place * made.itemsize)


@operation("real_part(Tensor(a) self) -> Tensor(a)")
def real_part(self):
    """The real parts of a complex tensor, a view."""
    return _part(self, 0, "")


@real_part.gradient
def _(g, self_form):
    return registry["convert"].function(g, self_form.dtype)


@operation("imag_part(Tensor(a) self) -> Tensor(a)")
def imag_part(self):
    """The imaginary parts of a complex tensor, a view."""
    return _part(self, 1, "neg" if self.form.lazy else "")


@imag_part.gradient
def _(g, self_form):
    return registry["convert"].function(g, self_form.dtype) * 1j


@composite("real(Tensor(a) self) -> Tensor(a)")
def real(self):
    """The real parts, a view; real tensors themselves.

    >>> import facula as torch
    >>> torch.real(torch.tensor([1 + 2j, 3j]))
    tensor([1., 0.])
    """
    return registry["real_part"].function(self) if self.form.dtype.is_complex else self


@composite("imag(Tensor(a) self) -> Tensor(a)")
def imag(self):
    """The imaginary parts, a view."""
    if not self.form.dtype.is_complex:
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return registry["imag_part"].function(self)


@operation("view_as_real(Tensor(a) self) -> Tensor(a)")
def view_as_real(self):
    """Complex numbers as a last dimension of two: real part, imaginary part."""
    form = self.form
    if not form.dtype.is_complex:
        raise RuntimeError("view_as_real is only supported for complex tensors")
    if form.lazy:
        raise RuntimeError(
            "view_as_real doesn't work on unresolved conjugated tensors.  To resolve the conjugate "
            "tensor so you can view it as real, use self.resolve_conj(); however, be warned that "
            "the resulting tensor will NOT alias the original."
        )
    strides = (*[2 * s for s in form.strides], 1)
    return share(self, form_of(REAL_OF[form.dtype], (*form.shape, 2), strides), 0)


@view_as_real.gradient
def _(g):
    return registry["view_as_complex"].function(g.resolve_neg().contiguous())


@operation("view_as_complex(Tensor(a) self) -> Tensor(a)")
def view_as_complex(self):
    """A last dimension of two as complex numbers."""
    form = self.form
    if form.kind not in ("f16", "f32", "f64"):
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a "
            f"tensor of scalar type: {dtype_word(form.dtype)}"
        )
    if not form.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if form.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if form.strides[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any(s % 2 for s in form.strides[:-1]):
        raise RuntimeError(
            "Tensor must have a stride divisible by 2 for all but last dimension"
        )
    if self.storage_offset() % 2:
        raise RuntimeError("Tensor must have a storage_offset divisible by 2")
    strides = tuple([s // 2 for s in form.strides[:-1]])
    return share(self, form_of(COMPLEX_OF[form.dtype], form.shape[:-1], strides), 0)


@view_as_complex.gradient
def _(g):
    return registry["view_as_real"].function(g.resolve_conj())


# --- conjugates ----------------------------------------------------------------------------------


@operation("conjugate_view(Tensor(a) self) -> Tensor(a)")
def conjugate_view(self):
    """The same memory, read as conjugates."""
    form = self.form
    return share(self, form.with_lazy("" if form.lazy else "conj"), 0)


@conjugate_view.gradient
def _(g):
    return g.conj()


@operation("negative_view(Tensor(a) self) -> Tensor(a)")
def negative_view(self):
    """The same memory, read as negatives."""
    form = self.form
    return share(self, form.with_lazy("" if form.lazy else "neg"), 0)


@negative_view.gradient
def _(g):
    return -g


@composite("conj(Tensor(a) self) -> Tensor(a)")
def conj_(self):
    """The complex conjugates, a view that shares memory; real tensors themselves.

    >>> import facula as torch
    >>> torch.tensor([1 + 2j]).conj()
    tensor([1.-2.j])
    """
    return registry["conjugate_view"].function(self) if self.form.dtype.is_complex else self


pointwise("conj_physical(Tensor self) -> Tensor", SAME, "The complex conjugates, computed.",
          {"complex": lambda x: conj(x), "floating": lambda x: x, "integral": lambda x: x},
          lambda g, y, x: g)
pointwise_of("conj_physical").complex_gradient = lambda g, y, x: conj(g)


@composite("resolve_conj(Tensor(a) self) -> Tensor(a)")
def resolve_conj(self):
    """A copy where the tensor is a conjugate view, else the tensor itself."""
    return self.clone() if self.form.lazy == "conj" else self


@composite("resolve_neg(Tensor(a) self) -> Tensor(a)")
def resolve_neg(self):
    """A copy where the tensor is a negative view, else the tensor itself."""
    return self.clone() if self.form.lazy == "neg" else self


@composite("adjoint(Tensor(a) self) -> Tensor(a)")
def adjoint(self):
    """The conjugates with the last two dimensions exchanged.

    self (*, m, n), result (*, n, m). Raises RuntimeError for one dimension.
    """
    if self.form.ndim == 1:
        raise RuntimeError(
            "tensor.adjoint() is only supported on matrices or batches of matrices. Got "
            f"{self.form.ndim}-D tensor."
        )
    return (self.transpose(-2, -1) if self.form.ndim else self).conj()


# --- angles and sizes ----------------------------------------------------------------------------

pointwise("angle(Tensor self) -> Tensor", FLOAT, "The angle to the positive real axis, in radians.",
          {"complex": lambda z: angle(z),
           "floating": lambda x: where(isnan(x), x, where(lt(x, 0), math.pi, 0))},
          lambda g, y, x: 0)
pointwise_of("angle").real_valued = True
pointwise_of("angle").complex_gradient = lambda g, y, z: where(
    eq(z, 0), 0, g * ((z * 1j) / (abs_(z) * abs_(z)))
)
pointwise_of("angle").inplace = False
pointwise("sgn(Tensor self) -> Tensor", SAME, "z / |z|, 0 for 0; the sign of real numbers.",
          lambda x: sgn(x), lambda g, y, x: 0)
# d(z / |z|) keeps what is at right angles to z: (g - sgn(z) Re(conj(g) sgn(z))) / |z|.
pointwise_of("sgn").complex_gradient = lambda g, y, z: where(
    eq(z, 0), 0, (g - y * real_(conj(g) * y)) / abs_(z)
)


# --- complex numbers of real ones ----------------------------------------------------------------

_made: dict[tuple[str, Form, Form], tuple[Kernel, tuple[int, ...], Form]] = {}


def _from_reals(name, formula, a, b):
    """One kernel from two real tensors to a complex one."""
    key = (name, a.form, b.form)
    found = _made.get(key)
    if found is None:
        kind = {"f16": "f32"}.get(a.form.kind, a.form.kind)
        shape = broadcast_shapes(a.form.shape, b.form.shape)
        alike = a.form.shape == b.form.shape
        laid = restride_like(shape, [expanded(one.form, shape) for one in (a, b)], alike)
        result = form_of(COMPLEX_OF[a.form.dtype], shape, laid)
        parts = formula(expr.input_(0, kind), expr.input_(1, kind))
        graph = linearise([Expr("pair", parts, expr.WHOLE[kind])])
        kernel, sizes = compile_pointwise(graph, [a.form, b.form], [result], (), shape)
        found = remember(_made, key, (kernel, sizes, result))
    kernel, sizes, result = found
    y = allocate(result)
    kernel(*sizes, a.address, b.address, y.address)
    return y


def _check_parts(name, a, b):
    allowed = ("f16", "f32", "f64") if name == "complex" else ("f32", "f64")
    if a.form.kind not in allowed or b.form.kind not in allowed:
        raise RuntimeError(
            "Expected both inputs to be Half, Float or Double tensors but got "
            f"{dtype_word(a.form.dtype)} and {dtype_word(b.form.dtype)}"
        )
    if a.form.dtype is not b.form.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {dtype_word(a.form.dtype)} but got scalar type "
            f"{dtype_word(b.form.dtype)} for second argument"
        )


@operation("complex(Tensor real, Tensor imag, *, Tensor(a!)? out=None) -> Tensor(a!)")
def complex_(real, imag):
    """Complex numbers from their parts.

    >>> import facula as torch
    >>> torch.complex(torch.tensor([1.0]), torch.tensor([2.0]))
    tensor([1.+2.j])
    """
    _check_parts("complex", real, imag)
    return _from_reals("complex", lambda a, b: (a, b), real, imag)


@complex_.gradient
def _(g, real_form, imag_form, needs):
    return (
        registry["real"].function(g).sum_to_size(real_form.shape) if needs[0] else None,
        registry["imag"].function(g).sum_to_size(imag_form.shape) if needs[1] else None,
    )


@operation("polar(Tensor abs, Tensor angle, *, Tensor(a!)? out=None) -> Tensor(a!)")
def polar(abs, angle):
    """Complex numbers from their sizes and angles, which are in radians."""
    _check_parts("polar", abs, angle)
    return _from_reals("polar", lambda a, b: (a * cos(b), a * sin(b)), abs, angle)


@polar.gradient
def _(g, y, abs_form, angle_form, needs):
    size = angle_ = None
    if needs[0]:
        unit = registry["sgn"].function(y)
        size = registry["real"].function(g.conj() * unit).sum_to_size(abs_form.shape)
    if needs[1]:
        turned = registry["real"].function(g.conj() * (y * 1j))
        angle_ = turned.sum_to_size(angle_form.shape)
    return size, angle_


for _one in (
    real_part, imag_part, view_as_real, view_as_complex, conjugate_view, negative_view,
):  # fmt: skip
    _one.conjugates = False
    _one.takes_lazy = True
    _one.namespace = "torch"
complex_.conjugates = polar.conjugates = False
for _one in (real_part, imag_part, conjugate_view, negative_view):
    _one.namespace, _one.method = "internal", False
for _name in ("real", "imag"):
    registry[_name].method = False
real_part.node_name, imag_part.node_name = "RealBackward0", "ImagBackward0"
conjugate_view.node_name, negative_view.node_name = "ConjBackward0", "NegViewBackward0"

# What the dimensions of results are called: a rule, or torch's name of the operation that has none
# (Note [named tensors]).
for _key in ("real", "conj", "resolve_conj", "resolve_neg"):
    registry[_key].names(names.same)
registry["imag"].names("view_as_real")
registry["sgn"].names("sgn")


@registry["adjoint"].names
def _(self):
    return names.exchanged(self, -1, -2) if len(self) > 1 else self

# PyTorch has these as functions only.
for _name in ("view_as_real", "view_as_complex"):
    registry[_name].method = False
