"""Pooling over windows at pseudo-random places (Graham, "Fractional max-pooling", arXiv 1412.6071).

A number u in [0, 1) a plane and axis gives the starts of its windows: trunc((i + u) a) - trunc(u a)
for i = 0, 1, ..., the last one flush with the end, a = (size - window) / (windows - 1).
"""

from facula.dispatch import dtype_word
from facula.meta import dtype as dtypes
from facula.op import composite, registry

AXES = {2: ("height", "width"), 3: ("time", "height", "width")}


def _sizes(name, argument, value, rank):
    sizes = (value,) * rank if isinstance(value, int) else tuple(value)
    sizes = sizes * rank if len(sizes) == 1 else sizes
    if len(sizes) != rank:
        many = "tuple of Ints" if rank == 2 else "tuple of three Ints"
        raise RuntimeError(f"{name}: {argument} must either be a single Int or {many}")
    return sizes


def _starts(samples, size, window, count):
    """(N, C, count) starts of windows along an axis, for (N, C) samples."""
    zeros = registry["zeros"].function
    last = zeros((*samples.form.shape, 1), dtype=dtypes.int64) + (size - window)
    if count == 1:
        return last
    # All in the samples' dtype, as torch rounds.
    step = zeros((), dtype=samples.form.dtype) + (size - window)
    step = step / (count - 1)
    numbers = registry["arange"].function(count - 1, dtype=samples.form.dtype)
    u = samples.unsqueeze(-1)
    starts = ((numbers + u) * step).to(dtypes.int64) - (u * step).to(dtypes.int64)
    return registry["cat"].function([starts, last], -1)


def _check(name, self, kernel, output, samples, rank):
    shape = tuple(self.form.shape)
    if len(shape) not in (rank + 1, rank + 2) or 0 in shape[-rank - 1 :]:
        raise RuntimeError(
            f"{name}: Expected {rank + 1}D or {rank + 2}D (batch mode) tensor with optional 0 dim "
            f"batch size for input, but got: {list(shape)}"
        )
    if not self.form.dtype.is_floating_point:
        raise NotImplementedError(
            f"\"{name}_out_frame\" not implemented for '{dtype_word(self.form.dtype)}'"
        )
    if samples.form.dtype is not self.form.dtype:
        raise RuntimeError("Expect _random_samples to have the same dtype as input")
    if samples.form.ndim != 3:
        raise RuntimeError(f"Expect _random_samples to have 3 dimensions, got {samples.form.ndim}")
    n, c = (1 if len(shape) == rank + 1 else shape[0]), shape[-rank - 1]
    if samples.form.shape[0] < n:
        raise RuntimeError("Expect _random_samples.size(0) no less then input batch size.")
    if samples.form.shape[1] != c:
        raise RuntimeError("Expect _random_samples.size(1) equals to input channel size.")
    if samples.form.shape[2] != rank:
        raise RuntimeError(
            f"Expect _random_samples.size(2) equals to {rank} got {samples.form.shape[2]}."
        )
    for axis, size, window, count in zip(AXES[rank], shape[-rank:], kernel, output, strict=True):
        if window <= 0 or count <= 0:
            raise RuntimeError(
                f"{name}: expected kernel_size and output_size greater than 0, got "
                f"{list(kernel)} and {list(output)}"
            )
        # torch wants one element more than windows need in volumes
        if count + window - 1 + (rank == 3) > size:
            called = name if rank == 2 else f"{name}_out"
            raise RuntimeError(
                f"{called}(): pool {axis} {window} too large relative to input {axis} {size}"
            )


def _pool(name, self, kernel_size, output_size, random_samples, rank):
    kernel = _sizes(name, "kernel_size", kernel_size, rank)
    output = _sizes(name, "output_size", output_size, rank)
    _check(name, self, kernel, output, random_samples, rank)
    x = self if self.form.ndim == rank + 2 else self.unsqueeze(0)
    n, c = x.form.shape[:2]
    sizes = tuple(x.form.shape[2:])
    samples = random_samples.detach()[:n]
    # Two-dimensional samples stand as (width, height), three-dimensional ones as (T, H, W).
    order = (1, 0) if rank == 2 else (0, 1, 2)
    places = registry["zeros"].function((n, c) + (1,) * (2 * rank), dtype=dtypes.int64)
    for axis in range(rank):
        starts = _starts(samples[:, :, order[axis]], sizes[axis], kernel[axis], output[axis])
        at = [n, c] + [1] * (2 * rank)
        at[2 + axis] = output[axis]
        taps = [1] * (2 * rank + 2)
        taps[2 + rank + axis] = kernel[axis]
        arange = registry["arange"].function(kernel[axis])
        places = places * sizes[axis] + (starts.reshape(at) + arange.reshape(taps))
    flat = x.reshape(n, c, _product(sizes))
    # (N, C, windows, taps): the places of each window's elements in its plane
    places = places.reshape(n, c, _product(output), _product(kernel))
    held = flat.detach().gather(2, places.reshape(n, c, _product(places.form.shape[2:]))).reshape(
        places.form.shape
    )
    chosen = places.gather(3, held.argmax(3, keepdim=True)).squeeze(3)
    y = flat.gather(2, chosen).reshape(n, c, *output)
    index = chosen.reshape(n, c, *output)
    if self.form.ndim == rank + 1:
        return y.squeeze(0), index.squeeze(0)
    return y, index


def _product(sizes):
    total = 1
    for n in sizes:
        total *= n
    return total


@composite("fractional_max_pool2d(Tensor self, int[2] kernel_size, int[2] output_size, "
           "Tensor random_samples) -> (Tensor, Tensor)")
def fractional_max_pool2d(self, kernel_size, output_size, random_samples):
    """The largest element of each window of (N, C, H, W), and its place in the plane."""
    return _pool("fractional_max_pool2d", self, kernel_size, output_size, random_samples, 2)


@composite("fractional_max_pool3d(Tensor self, int[3] kernel_size, int[3] output_size, "
           "Tensor random_samples) -> (Tensor, Tensor)")
def fractional_max_pool3d(self, kernel_size, output_size, random_samples):
    """The largest element of each window of (N, C, T, H, W), and its place in the plane."""
    return _pool("fractional_max_pool3d", self, kernel_size, output_size, random_samples, 3)


# Where records stand that are no functions of torch itself.
for _name in ("fractional_max_pool2d", "fractional_max_pool3d"):
    registry[_name].namespace = "nn"
    registry[_name].method = False
