"""Dropout and its kinds, as torch.nn.functional has them."""

import warnings

from facula.ops.calls import op
from facula.tensor import Tensor


def _check_probability(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element zeroed with probability `p` and scaled by 1 / (1 - p) otherwise.

    Input and result (*): any shape. Without `training` the input is returned as it is. Draws from
    the default generator. Raises ValueError for p outside [0, 1]. Srivastava et al., Dropout: a
    simple way to prevent neural networks from overfitting (2014).

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.dropout(torch.ones(6), 0.5)
    tensor([0., 0., 2., 0., 0., 0.])
    """
    _check_probability(p)
    return op.dropout_(input, p, training) if inplace else op.dropout(input, p, training)


def _features(input: Tensor, p: float, training: bool, inplace: bool, batched: bool) -> Tensor:
    """Whole channels dropped; an input without a batch dimension gets one for the while."""
    drop = op.feature_dropout_ if inplace else op.feature_dropout
    if batched:
        made: Tensor = drop(input, p, training)
        return made
    made = drop(input.unsqueeze(0), p, training)
    return input if inplace else made.squeeze(0)


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Each channel of (N, C, L) or (C, L) zeroed with probability `p`, scaled by 1 / (1 - p)
    otherwise.

    Tompson et al., arXiv 1411.4280. Raises ValueError for p outside [0, 1], RuntimeError for
    another number of dimensions.

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.dropout1d(torch.ones(1, 4, 2)).sum(2)
    tensor([[0., 0., 4., 0.]])
    """
    _check_probability(p)
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, "
            "a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    return _features(input, p, training, inplace, input.dim() == 3)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Each channel of (N, C, H, W) zeroed with probability `p`, scaled by 1 / (1 - p) otherwise.

    Other shapes are taken with a UserWarning; (a, b, c) counts as (N, C, L). Tompson et al., arXiv
    1411.4280. Raises ValueError for p outside [0, 1].

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.dropout2d(torch.ones(1, 4, 2, 2)).sum((2, 3))
    tensor([[0., 0., 8., 0.]])
    """
    _check_probability(p)
    if input.dim() not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {input.dim()}-D input to dropout2d, which is deprecated and "
            "will result in an error in a future release. To retain the behavior and silence this "
            "warning, please use dropout instead. Note that dropout2d exists to provide "
            "channel-wise dropout on inputs with 2 spatial dimensions, a channel dimension, and "
            "an optional batch dimension (i.e. 3D or 4D inputs).",
            stacklevel=2,
        )
    elif input.dim() == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
            "dim. This behavior will change in a future release to interpret the input as one "
            "without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise "
            "dropout behavior, please switch to using dropout1d instead.",
            stacklevel=2,
        )
    return _features(input, p, training, inplace, True)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Each channel of (N, C, D, H, W) or (C, D, H, W) zeroed with probability `p`, scaled
    otherwise.

    Tompson et al., arXiv 1411.4280. Raises ValueError for p outside [0, 1]; a UserWarning comes for
    other shapes.

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.dropout3d(torch.ones(1, 4, 1, 2, 2)).sum((2, 3, 4))
    tensor([[0., 0., 8., 0.]])
    """
    _check_probability(p)
    if input.dim() not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {input.dim()}-D input to dropout3d, which is deprecated and "
            "will result in an error in a future release. To retain the behavior and silence this "
            "warning, please use dropout instead. Note that dropout3d exists to provide "
            "channel-wise dropout on inputs with 3 spatial dimensions, a channel dimension, and "
            "an optional batch dimension (i.e. 4D or 5D inputs).",
            stacklevel=2,
        )
    return _features(input, p, training, inplace, input.dim() == 5)


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Elements set to SELU's lower limit with probability `p`, then all scaled and shifted so that
    mean 0 and variance 1 stay (Klambauer et al., arXiv 1706.02515).

    Input and result (*): any shape. Without `training`, as by default, the input is returned.
    Raises ValueError for p outside [0, 1].

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.alpha_dropout(torch.ones(4), 0.5, training=True)
    tensor([-0.7792, -0.7792,  1.6656, -0.7792])
    """
    _check_probability(p)
    drop = op.alpha_dropout_ if inplace else op.alpha_dropout
    made: Tensor = drop(input, p, training)
    return made


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """`alpha_dropout` of whole channels of (N, C, ...). Raises ValueError for p outside [0, 1].

    >>> import facula as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.feature_alpha_dropout(torch.ones(1, 4, 1), 0.5, training=True)
    tensor([[[-0.7792],
             [-0.7792],
             [ 1.6656],
             [-0.7792]]])
    """
    _check_probability(p)
    drop = op.feature_alpha_dropout_ if inplace else op.feature_alpha_dropout
    made: Tensor = drop(input, p, training)
    return made
