"""What `out=` may be where it is not what the family says: torch's rules, function by function, and
its words. Loaded late: it speaks of all records.
"""

from facula.op import Out, registry

CAST = "result type {Want} can't be cast to the desired output type {Got}"
SAFELY = "Expected result to be safely castable from {Want} dtype, but got result with dtype {Got}"
UNLIKE = "Expected out tensor to have dtype {want}, but got {got} instead"

# Functions written with those that go element by element.
CASTING = (
    "bernoulli", "lu", "normal", "polygamma", "rand_like", "randint", "randint_like", "randn_like",
    "randperm", "std", "var",
)  # fmt: skip

RULES = {
    # --- linear algebra ----------------------------------------------------------------------
    "cholesky cholesky_inverse cholesky_solve geqrf": Out("cast", "{name}: " + SAFELY),
    "linalg_cond linalg_pinv linalg_lstsq linalg_householder_product linalg_eig linalg_eigvals "
    "linalg_tensorinv linalg_tensorsolve linalg_matrix_power linalg_matrix_rank matrix_power "
    "pinverse chain_matmul": Out("cast", "{name}: " + SAFELY),
    "linalg_norm linalg_matrix_norm": Out(
        words="{name} expected out tensor dtype {Want} but got: {Got}"
    ),
    "linalg_vecdot": Out(words="{name}: Expected out of dtype{Want} but found {Got}"),
    "linalg_multi_dot": Out(
        words="multi_dot(): expected out tensor to have dtype {Want} but got {Got}"
    ),
    "linalg_solve_triangular": Out(words="expected scalar type {Want} but found {Got}"),
    "dot vdot matmul linalg_matmul": Out(
        words="result dtype {Got} does not match input dtype {Want}"
    ),
    "inner tensordot": Out(
        words="tensordot: Expected the output tensor to have dtype {Want}, but got an output "
              "tensor with dtype {Got}"
    ),
    "cross linalg_cross": Out(apart=("self", "other")),
    "kron": Out("cast", CAST, apart=("self", "other")),
    "outer ger": Out("cast", CAST, apart=("self", "vec2")),
    "addr": Out("cast", CAST, apart=("vec1",), within=("self", "vec2")),
    "addmm addmv addbmm baddbmm": Out(within=("self",)),

    # --- indices and joins ---------------------------------------------------------------------
    "gather": Out(apart=("self", "index")),
    "index_add index_copy index_reduce": Out(apart=("source",), within=("self",)),
    "index_select": Out(
        words="index_select(): self and result must have the same scalar type",
        apart=("self", "index"),
    ),
    "masked_select": Out(
        words="masked_select(): self and result must have the same scalar type",
        apart=("self", "mask"),
    ),
    "scatter scatter_add scatter_reduce": Out(apart=("src", "value", "index"), within=("self",)),
    "take": Out(
        words="take(): self and out expected to have the same dtype, but got self.dtype = {Want} "
              "and out.dtype = {Got}",
        apart=("self", "index"),
    ),
    "take_along_dim": Out(apart=("self", "indices")),
    "cat concat concatenate stack hstack vstack row_stack dstack column_stack": Out(
        "cast", "torch.cat(): input types can't be cast to the desired output type {Got}",
        TypeError, apart=("tensors",),
    ),
    "where": Out(words="Expected out type to be {Want} but got {Got}", within=("self", "other")),
    "nonzero": Out(words="nonzero: Expected out tensor to have scalar type {Want} but got scalar "
                         "type{Got}"),

    # --- along a dim ---------------------------------------------------------------------------
    "all any": Out("flag", "{name} only supports bool tensor for result, got: {Got}"),
    "amax amin": Out(words="Expected the dtype for input and out to match, but got {Want} for "
                           "input's dtype and {Got} for out's dtype."),
    "cummax cummin diff": Out(words="expected scalar_type {Want} but found {Got}"),
    "logcumsumexp": Out(words="expected scalar_type {Want} but found {Got}", within=("self",)),
    "cumsum cumprod": Out("number", "\"{name}_out_cpu\" not implemented for '{Got}'",
                          NotImplementedError, within=("self",)),
    "kthvalue": Out(words="output values must be of same type as input", apart=("self",)),
    "mode": Out(words="expected scalar type '{Want}' but got '{Got}' for values output"),
    "logsumexp": Out("float", "logsumexp(): Expected floating point type for result tensor, but "
                              "got: {Got}"),
    "mean": Out("cast", CAST),
    "nansum nanmean": Out("cast", "\"nansum_cpu\" not implemented for '{Got}'",
                          NotImplementedError),
    "max min": Out("cast", CAST),
    "quantile nanquantile": Out(words="quantile() out tensor must be same dtype as the input "
                                      "tensor"),
    "renorm msort": Out(within=("self",)),

    # --- counting ------------------------------------------------------------------------------
    "histc histogram": Out(
        words="torch.{name}: input tensor and hist tensor should have the same dtype, but got "
              "input {want} and hist {got}"
    ),
    "searchsorted bucketize": Out(
        words="torch.searchsorted(): output tensor's dtype is wrong, it can only be Int(int32) or "
              "Long(int64) depending on whether out_int32 flag is True, but we got output "
              "tensor's dtype {Got} where {Want} was asked for"
    ),
    "multinomial": Out(words="multinomial expects Long tensor out, got: {Got}"),
    "frexp": Out(words="torch.frexp() expects mantissa to have dtype {Want} but got {Got}"),

    # --- element by element --------------------------------------------------------------------
    "abs bitwise_not ceil conj_physical frac floor gelu_tanh gelu_erf hardshrink neg "
    "round_fraction round_multiple round_whole sign sgn softplus softshrink_elementwise trunc": Out(
        words="Found dtype {Got} but expected {Want}"
    ),
    "signbit isposinf isneginf": Out(words="{name} does not support non-boolean outputs."),
    "float_power": Out(words="the output given to float_power has dtype {Got} but the operation's "
                             "result requires dtype {Want}"),
    "replace_nan": Out(words="nan_to_num: dtype of out: {Got} should be same as input: {Want}"),
    "complex polar": Out(words="Expected object of scalar type {Want} but got scalar type {Got} "
                               "for argument 'out'"),
    "heaviside": Out(words="heaviside is not yet implemented for tensors with different dtypes."),
    "mvlgamma special_multigammaln": Out("cast", f"mvlgamma: {CAST}"),
    "log_sigmoid": Out(words="expected scalar type {Want} but found {Got}"),
}

# --- spectra -------------------------------------------------------------------------------------

for _name in ("fft", "rfft", "ifft", "ihfft"):
    for _end in ("", "2", "n"):
        RULES[f"fft_{_name}{_end}"] = Out(
            "kind", f"{_name}{_end and 'n'} expects a complex output tensor, but got {{Got}}"
        )
for _name in ("hfft", "irfft"):
    for _end in ("", "2", "n"):
        RULES[f"fft_{_name}{_end}"] = Out(
            "float",
            f"{_name}{_end and 'n'} expects a floating point output tensor, but got {{Got}}",
        )

for _name in CASTING:
    RULES.setdefault(_name, Out("cast", CAST))

for _names, _rule in RULES.items():
    for _name in _names.split():
        if _name in registry:
            registry[_name].out = _rule
