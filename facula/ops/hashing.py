"""A number for the contents of a tensor: the exclusive or of its elements' bits."""

from facula.dispatch import dtype_word
from facula.meta import dtype as dtypes
from facula.meta.shape import wrap_dims
from facula.op import SAME, composite, reduction, registry

reduction("xor_sum(Tensor self, int[1]? dim=None, bool keepdim=False) -> Tensor", SAME,
          "The exclusive or of the bits.", map=lambda x: x, combine=lambda a, b: a ^ b, unit=0)


@composite(
    "hash_tensor(Tensor self, int[1] dim=[], *, bool keepdim=False, int mode=0, "
    "Tensor(a!)? out=None) -> Tensor"
)
def hash_tensor(self, dim=(), *, keepdim=False, mode=0):
    """The exclusive or of all elements' bits along `dim`, floats as float64 and others as int64.

    >>> import facula as torch
    >>> torch.hash_tensor(torch.tensor([1, 2, 4]))
    tensor(7, dtype=torch.uint64)
    """
    if mode != 0:
        raise RuntimeError(f"Unknown hash_tensor mode: {mode}")
    kind = self.form.dtype
    if not self.form.numel and dim in ((), []):
        raise RuntimeError(
            "hash_tensor: Expected reduction dim to be specified for input.numel() == 0. Specify "
            "the reduction dim with the 'dim' argument."
        )
    dim = None if dim in ((), []) else dim
    for d in wrap_dims(dim, self.form.ndim) if self.form.ndim else ():
        if not self.form.shape[d]:
            raise IndexError(f"hash_tensor: Expected reduction dim {d} to have non-zero size.")
    if kind.is_complex:
        raise NotImplementedError(f"\"xor_sum_cpu\" not implemented for '{dtype_word(kind)}'")
    if kind.is_floating_point:
        bits = self.detach().to(dtypes.float64).view(dtypes.int64)
    else:
        bits = self.to(dtypes.int64)
    return registry["xor_sum"].function(bits, dim, keepdim).view(dtypes.uint64)


registry["xor_sum"].namespace, registry["xor_sum"].method = "private", False
