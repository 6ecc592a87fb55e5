"""torch.backends: libraries PyTorch may call, and whether they are there.

Products, convolutions and everything else are generated here, so none is; their switches are kept
for programs that set them.
"""

from facula.backends import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp, opt_einsum, quantized

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum", "quantized"]
