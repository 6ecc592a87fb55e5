"""Cases of pooling: values, indices and gradients like torch, and torch's errors."""

F = "F = torch.nn.functional"
# Numbers with ties, a nan, infinities, and no two windows alike.
ROW = f"{F}; x = (torch.arange(2*3*41.) * 7919 % 37 - 18).reshape(2, 3, 41)"
IMAGE = f"{F}; x = (torch.arange(2*3*9*37.) * 7919 % 61 - 30).reshape(2, 3, 9, 37)"
VOLUME = f"{F}; x = (torch.arange(2*2*5*6*19.) * 7919 % 61 - 30).reshape(2, 2, 5, 6, 19)"
ODD = f"{F}; x = torch.arange(72.).reshape(1, 1, 4, 18); x[0, 0, 1, 3] = float('nan')"
ODD += "; x[0, 0, :2, 8:12] = -float('inf'); x[0, 0, 3, 5] = float('nan')"
BACK = "x.requires_grad_(); y = {}; w = torch.arange(float(y.numel())).reshape(y.shape) % 7"
BACK += "; (y * w).sum().backward(); x.grad"

MAX = {
    ROW: (
        "F.max_pool1d(x, 2)",
        "F.max_pool1d(x, 3, 2, 1)",
        "F.max_pool1d(x, (3,), (1,), 1, 2)",
        "F.max_pool1d(x, 4, 3, 2, 1, True)",
        "F.max_pool1d(x[0], 3, None, 1)",
    ),
    IMAGE: (
        "F.max_pool2d(x, 2)",
        "F.max_pool2d(x, 3, 2, 1)",
        "F.max_pool2d(x, (2, 3), (1, 2), (1, 0), (2, 1))",
        "F.max_pool2d(x, 2, ceil_mode=True)",
        "F.max_pool2d(x, 3, 2, 1, 1, True)",
        "F.max_pool2d(x, 3, 3)",
        "F.max_pool2d(x, 5, 1, 2)",
        "F.max_pool2d(x, 2, 4)",
        "F.max_pool2d(x, (9, 37))",
        "F.max_pool2d(x[0], [2, 2], [2, 2])",
        "F.max_pool2d(x[:0], 2)",
        "F.fractional_max_pool2d(x, 3, 3, _random_samples=torch.arange(12.).view(2, 3, 2) / 12)",
    ),
    VOLUME: (
        "F.max_pool3d(x, 2)",
        "F.max_pool3d(x, 3, 2, 1)",
        "F.max_pool3d(x[1], (1, 2, 3), (2, 1, 2), (0, 1, 1), 1, True)",
        "F.fractional_max_pool3d(x, 2, 3, _random_samples=torch.arange(12.).view(2, 2, 3) / 12)",
    ),
}
AVERAGE = {
    ROW: (
        "F.avg_pool1d(x, 2)",
        "F.avg_pool1d(x, 3, 2, 1)",
        "F.avg_pool1d(x, 4, 3, 2, True, False)",
        "F.avg_pool1d(x[0], (3,), (1,))",
        "F.adaptive_avg_pool1d(x, 5)",
    ),
    IMAGE: (
        "F.avg_pool2d(x, 2)",
        "F.avg_pool2d(x, 3, 2, 1)",
        "F.avg_pool2d(x, 3, 2, 1, True)",
        "F.avg_pool2d(x, 3, 2, 1, True, False)",
        "F.avg_pool2d(x, (2, 3), (1, 2), (1, 1), count_include_pad=False)",
        "F.avg_pool2d(x, 3, 1, 1, divisor_override=5)",
        "F.avg_pool2d(x, 2, divisor_override=-2)",
        "F.avg_pool2d(x, (9, 37))",
        "F.avg_pool2d(x[0], 4, 3, 2, True)",
        "F.avg_pool2d(x, 3, 4, 1)",
        "F.adaptive_avg_pool2d(x, 1)",
        "F.adaptive_avg_pool2d(x, (4, 7))",
        "F.adaptive_avg_pool2d(x, (3, None))",
        "F.adaptive_avg_pool2d(x[0], (3, 1))",
        "F.adaptive_avg_pool2d(x, (12, 40))",
    ),
    VOLUME: (
        "F.avg_pool3d(x, 2)",
        "F.avg_pool3d(x, 3, 2, 1, False, False)",
        "F.avg_pool3d(x[1], (1, 2, 3), (2, 1, 2), (0, 1, 1), True)",
        "F.avg_pool3d(x, 2, divisor_override=3)",
        "F.adaptive_avg_pool3d(x, (2, 3, 4))",
        "F.adaptive_avg_pool3d(x, (5, 3, None))",
    ),
}
ADAPTIVE_MAX = {
    ROW: ("F.adaptive_max_pool1d(x, 5)", "F.adaptive_max_pool1d(x[0], 41)"),
    IMAGE: (
        "F.adaptive_max_pool2d(x, (4, 7))",
        "F.adaptive_max_pool2d(x, (3, None))",
        "F.adaptive_max_pool2d(x[0], 1)",
    ),
    VOLUME: ("F.adaptive_max_pool3d(x, (2, 3, 4))", "F.adaptive_max_pool3d(x, (5, 2, 19))"),
}

EVERY = [
    (x, call)
    for table in (MAX, AVERAGE, ADAPTIVE_MAX)
    for x, calls in table.items()
    for call in calls
]
INDICES = [
    f"{x}; {call[:-1]}, return_indices=True)"
    for table in (MAX, ADAPTIVE_MAX)
    for x, calls in table.items()
    for call in calls
]
LAYOUTS = (
    "x.transpose(2, 3)",
    "x[:, :, ::2, 1::3]",
    "x[:, :, 1:, 5:]",
    "x[:, :1].expand(2, 3, 9, 37)",
    "x.double()",
    "x.half()",
    "x.bfloat16()",
)
LIKE_TORCH = [
    *(f"{x}; {call}" for x, call in EVERY),
    *(f"{x}; {BACK.format(call)}" for x, call in EVERY),
    *INDICES,
    *(
        f"{x}; (y, i) = {call[:-1]}, return_indices=True); F.max_unpool{n}d(y, i, 2, 2, 0, x.shape)"
        for n, x, call in (
            (1, ROW, "F.max_pool1d(x, 2)"),
            (2, IMAGE, "F.max_pool2d(x, 2)"),
            (3, VOLUME, "F.max_pool3d(x, 2)"),
        )
    ),
    *(
        f"{IMAGE}; x = {layout}; {call}"
        for layout in LAYOUTS
        for call in (
            "F.max_pool2d(x, 2).contiguous()",
            "F.max_pool2d(x, 3, 2, 1, return_indices=True)[1].contiguous()",
            "F.avg_pool2d(x / 4, 3, 2, 1).contiguous()",
        )
    ),
    *(
        f"{IMAGE}; x = x.to(torch.{dtype}); F.max_pool2d(x, 3, 2, 1, return_indices=True)"
        for dtype in ("uint8", "int8", "int16", "int32", "int64", "bool")
    ),
    f"{IMAGE}; F.avg_pool2d(x.long(), 3, 2, 1)",
    # Windows and lanes that hold nothing: an integer division by 0 would end the process.
    f"{ROW}; F.avg_pool1d(x.long(), 7, 3, 3, True)",
    f"{IMAGE}; F.avg_pool2d(x.long(), 7, 3, 3, True, False)",
    *(
        f"{IMAGE}; x = x.repeat(1, 7, 1, 1)[:, :19].permute(0, 2, 3, 1).contiguous(); "
        f"x = x.permute(0, 3, 1, 2); {c}"
        for call in (
            "F.max_pool2d(x, 2)",
            "F.max_pool2d(x, 3, 2, 1, ceil_mode=True)",
            "F.max_pool2d(x, 3, 2, 1, return_indices=True)",
            "F.avg_pool2d(x / 4, 3, 2, 1, count_include_pad=False)",
            "F.avg_pool2d(x / 4, 2)",
            "F.max_pool2d(x, (9, 37))",
        )
        for c in (call, BACK.format(call if call[-5:] != "True)" else call + "[0]"))
    ),
    *(f"{ODD}; F.max_pool2d(x, {c}, return_indices=True)" for c in ("2", "3, 2, 1", "(4, 3), 1")),
    f"{ODD}; F.max_pool2d(x, (2, 18), return_indices=True)",
    f"{IMAGE}; F.lp_pool2d(x.abs(), 2, (2, 3), 2)",
    f"{IMAGE}; F.lp_pool2d(x.abs(), 3.0, 2, ceil_mode=True)",
    f"{ROW}; F.lp_pool1d(x, 2, 3)",
    f"{VOLUME}; F.lp_pool3d(x, 2, (1, 2, 3))",
    f"{IMAGE}; F.max_pool2d_with_indices(x, 3)",
    f"{ROW}; torch.max_pool1d_with_indices(x, 3)",
    f"{ROW}; torch.adaptive_max_pool1d(x, 3)",
    f"{VOLUME}; torch.max_pool3d(x, 2)",
]

Z = "x = torch.zeros; F = torch.nn.functional"
ERRORS = [
    f"{Z}; {call}"
    for call in (
        "F.max_pool2d(x(2, 3), 2)",
        "F.max_pool2d(x(1, 2, 0, 3), 2)",
        "F.max_pool2d(x(0, 4, 4), 2)",
        "F.max_pool2d(x(2, 4, 4), (1, 2, 3))",
        "F.max_pool2d(x(2, 4, 4), 0)",
        "F.max_pool2d(x(2, 4, 4), 2, stride=0)",
        "F.max_pool2d(x(2, 4, 4), 2, stride=(1, 2, 3))",
        "F.max_pool2d(x(2, 4, 4), 2, padding=-1)",
        "F.max_pool2d(x(2, 4, 4), 2, padding=2)",
        "F.max_pool2d(x(2, 4, 4), 2, padding=(1, 2, 3))",
        "F.max_pool2d(x(2, 4, 4), 2, dilation=0)",
        "F.max_pool2d(x(2, 4, 4), 2, dilation=(1, 2, 3))",
        "F.max_pool2d(x(2, 4, 4), 5)",
        "F.max_pool1d(x(4), 2)",
        "F.max_pool1d(x(2, 4), 5)",
        "F.max_pool1d(x(2, 4), 2, padding=2)",
        "F.max_pool1d(x(2, 4), 0)",
        "F.max_pool1d(x(2, 4), 2, stride=-1)",
        "F.max_pool1d(x(2, 4), 2, dilation=0)",
        "F.max_pool1d(x(2, 4), 2, padding=-1)",
        "F.max_pool1d(x(2, 0), 2)",
        "F.max_pool1d(x(2, 4), (1, 2))",
        "F.max_pool1d(x(2, 4), 5, return_indices=True)",
        "F.max_pool3d(x(4, 4, 4), 2)",
        "F.max_pool3d(x(1, 4, 4, 4), 5)",
        "F.max_pool3d(x(1, 4, 4, 4), (1, 2))",
        "F.max_pool3d(x(1, 4, 4, 4), 2, padding=2)",
        "F.max_pool3d(x(1, 4, 4, 4), 2, dilation=0)",
        "F.max_pool3d(x(1, 4, 0, 4), 2)",
        "F.avg_pool2d(x(1, 2, 0, 3), 2)",
        "F.avg_pool2d(x(2, 4, 4), (1, 2, 3))",
        "F.avg_pool2d(x(2, 4, 4), 2, padding=2)",
        "F.avg_pool2d(x(2, 4, 4), 5)",
        "F.avg_pool2d(x(2, 4, 4), 2, divisor_override=0)",
        "F.avg_pool2d(x(2, 4, 4, dtype=torch.int32), 2)",
        "F.avg_pool1d(x(4), 2)",
        "F.avg_pool1d(x(2, 4), 5)",
        "F.avg_pool1d(x(2, 4), (1, 2))",
        "F.avg_pool1d(x(2, 0), 2)",
        "F.avg_pool3d(x(4, 4, 4), 2)",
        "F.avg_pool3d(x(1, 4, 4, 4), 5)",
        "F.avg_pool3d(x(1, 4, 4, 4), (1, 2))",
        "F.avg_pool3d(x(1, 4, 0, 4), 2)",
        "F.avg_pool3d(x(1, 4, 4, 4, dtype=torch.int32), 2)",
        "F.adaptive_avg_pool1d(x(4), 2)",
        "F.adaptive_avg_pool1d(x(2, 4), (1, 2))",
        "F.adaptive_avg_pool2d(x(2, 4), 2)",
        "F.adaptive_avg_pool2d(x(1, 2, 0, 4), 2)",
        "F.adaptive_avg_pool2d(x(2, 4, 4), (1, 2, 3))",
        "F.adaptive_avg_pool2d(x(2, 4, 4), 0)",
        "F.adaptive_avg_pool2d(x(2, 4, 4, dtype=torch.int64), 2)",
        "F.adaptive_avg_pool3d(x(2, 4, 4), 2)",
        "F.adaptive_avg_pool3d(x(2, 4, 4, 4), (1, 2))",
        "F.adaptive_max_pool1d(x(4), 2)",
        "F.adaptive_max_pool1d(x(2, 0), 2)",
        "F.adaptive_max_pool2d(x(2, 4), 2)",
        "F.adaptive_max_pool2d(x(1, 2, 0, 4), 2)",
        "F.adaptive_max_pool2d(x(2, 4, 4), -1)",
        "F.adaptive_max_pool2d(x(2, 4, 4), 0)",
        "F.adaptive_max_pool3d(x(2, 4, 4), 2)",
        "F.adaptive_max_pool3d(x(2, 4, 4, 4), (1, 2))",
        "F.max_unpool2d(x(2, 2, 2), x(2, 2, 2), 2)",
        "F.max_unpool2d(x(2, 2, 2), x(2, 2, 3).long(), 2)",
        "F.max_unpool2d(x(2, 2), x(2, 2).long(), 2)",
        "F.max_unpool2d(x(2, 2, 2), x(2, 2, 2).long() + 99, 2)",
        "F.max_unpool2d(x(2, 2, 2), x(2, 2, 2).long(), 2, output_size=(9, 9))",
        "F.max_unpool2d(x(2, 2, 2), x(2, 2, 2).long(), 2, output_size=(9,))",
        "F.max_unpool3d(x(2, 2, 2), x(2, 2, 2).long(), 2)",
        "F.max_unpool2d(x(2, 2, 0), x(2, 2, 0).long(), 2)",
    )
]

# Layers: how they are made, and the shape they are called on.
LAYERS = (
    ("MaxPool1d(3, 2, 1)", (2, 3, 11)),
    ("MaxPool2d(3, 2, ceil_mode=True)", (2, 3, 8, 11)),
    ("MaxPool3d((1, 2, 2))", (2, 4, 5, 6)),
    ("AvgPool1d(3, 2, 1, count_include_pad=False)", (2, 3, 11)),
    ("AvgPool2d(2, divisor_override=3)", (2, 3, 8, 11)),
    ("AvgPool3d(2, 1)", (2, 4, 5, 6)),
    ("LPPool1d(2, 3)", (2, 3, 11)),
    ("LPPool2d(2.0, (2, 1), stride=(2, 3))", (2, 3, 8, 11)),
    ("LPPool3d(2, 2)", (2, 4, 5, 6)),
    ("AdaptiveAvgPool1d(4)", (2, 3, 11)),
    ("AdaptiveAvgPool2d((None, 4))", (2, 3, 8, 11)),
    ("AdaptiveAvgPool3d((2, None, 3))", (2, 4, 5, 6)),
    ("AdaptiveMaxPool1d(4)", (2, 3, 11)),
    ("AdaptiveMaxPool2d((None, 4))", (2, 3, 8, 11)),
    ("AdaptiveMaxPool3d(2)", (2, 4, 5, 6)),
)
UNPOOLS = (
    ("MaxPool1d(2, return_indices=True)", "MaxUnpool1d(2)", (2, 3, 11)),
    ("MaxPool2d((2, 3), return_indices=True)", "MaxUnpool2d((2, 3))", (2, 3, 8, 12)),
    ("MaxPool3d(2, 2, return_indices=True)", "MaxUnpool3d(2, 2)", (2, 4, 4, 6)),
)

# Checked against finite differences, both orders: shape of x, expression.
GRADIENTS = (
    ((2, 7), "F.max_pool1d(x, 3, 2, 1)"),
    ((1, 2, 5, 6), "F.max_pool2d(x, 3, 2, 1)"),
    ((1, 2, 5, 6), "F.max_pool2d(x, 2, return_indices=True)[0]"),
    ((1, 3, 3, 4), "F.max_pool3d(x, 2, 1)"),
    ((1, 2, 5, 6), "F.avg_pool2d(x, 3, 2, 1, True, False)"),
    ((2, 7), "F.avg_pool1d(x, 2)"),
    ((1, 3, 3, 4), "F.avg_pool3d(x, 2, 1)"),
    ((1, 5, 6), "F.adaptive_avg_pool2d(x, (3, 4))"),
    ((1, 5, 6), "F.adaptive_avg_pool2d(x, 1)"),
    ((1, 5, 6), "F.adaptive_max_pool2d(x, (3, 4))"),
    ((1, 4, 6), "F.lp_pool2d(x.abs() + 1, 2, 2)"),
    ((1, 4, 6), "F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)"),
)
