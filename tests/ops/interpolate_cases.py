"""Cases of interpolation, columns, shuffles and padding: values and gradients like torch."""

F = "F = torch.nn.functional"
ROW = f"{F}; x = ((torch.arange(2*3*40.) * 7919 % 61 - 30) / 8).reshape(2, 3, 40)"
IMAGE = f"{F}; x = ((torch.arange(2*2*9*37.) * 7919 % 61 - 30) / 8).reshape(2, 2, 9, 37)"
VOLUME = f"{F}; x = ((torch.arange(2*2*3*5*36.) * 7919 % 61 - 30) / 8).reshape(2, 2, 3, 5, 36)"
BACK = "x.requires_grad_(); y = {}; w = torch.arange(float(y.numel())).reshape(y.shape) % 7 / 4"
BACK += "; (y * w).sum().backward(); x.grad"

SIZES = (
    "scale_factor=2",
    "scale_factor=0.5",
    "scale_factor=(1.7, 2.3)",
    "size=(5, 100)",
    "size=(9, 37)",
    "size=(1, 1)",
    "scale_factor=(0.37, 2.5), recompute_scale_factor=True",
)
INTERPOLATIONS = [
    *(
        (IMAGE, f"F.interpolate(x, mode='{mode}', {size}{more})")
        for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area")
        for size in SIZES
        for more in (("", ", align_corners=True", ", antialias=True") if mode[0] == "b" else ("",))
    ),
    *(
        (IMAGE, f"F.interpolate(x, mode='lanczos', antialias=True, {size})")
        for size in ("size=(18, 20)", "scale_factor=(0.37, 2.5)")
    ),
    *(
        (ROW, f"F.interpolate(x, mode='{mode}', {size})")
        for mode in ("nearest", "nearest-exact", "linear", "area")
        for size in ("scale_factor=2", "size=17")
    ),
    *(
        (VOLUME, f"F.interpolate(x, mode='{mode}', {size})")
        for mode in ("nearest", "nearest-exact", "trilinear", "area")
        for size in ("scale_factor=2", "size=(4, 3, 51)")
    ),
]
COLUMNS = [
    (IMAGE, "F.unfold(x, 3)"),
    (IMAGE, "F.unfold(x, (2, 3), (2, 1), (1, 2), (3, 2))"),
    (IMAGE, "F.unfold(x[0], [2, 2], stride=2)"),
    (ROW, "F.fold(x, (11, 5), (1, 3), (1, 1), (0, 2), (2, 1))"),
    (ROW, "F.fold(x.reshape(2, 12, 10), (3, 6), (2, 2))"),
    (ROW, "F.fold(x[0].reshape(4, 30), (7, 6), (2, 2))"),
    (IMAGE, "F.pixel_shuffle(x.reshape(4, 9, 37), 2)"),
    (IMAGE, "F.pixel_shuffle(x.reshape(1, 36, 1, 37), 3)"),
    (IMAGE, "F.pixel_unshuffle(x[..., :8, :36], 2)"),
    (ROW, "F.channel_shuffle(x.reshape(2, 6, 4, 5), 3)"),
    (ROW, "F.pad(x, (2, 3), 'reflect')"),
    (ROW, "F.pad(x, (2, 50), 'replicate')"),
    (IMAGE, "F.pad(x, (2, 3, 1, 4), 'circular')"),
    (IMAGE, "F.pad(x, (2, -3, 1, 4, 1, 0), value=2.5)"),
    (VOLUME, "F.pad(x, (2, 3, 1, 4, 2, 1), 'reflect')"),
]
OLD = (
    "F.upsample(x, 3)",
    "F.upsample_nearest(x, scale_factor=2)",
    "F.upsample_bilinear(x, (4, 70))",
)
LAYOUTS = (
    "x.transpose(2, 3)",
    "x[:, :, ::2, 1::3]",
    "x[:, :, 1:, 5:]",
    "x[:, :1].expand(2, 3, 9, 37)",
    "x.double()",
    "x.half()",
    "x.bfloat16()",
    "x[:0]",
)
LIKE_TORCH = [
    *(f"{x}; {call}" for x, call in INTERPOLATIONS),
    *(f"{x}; {BACK.format(call)}" for x, call in INTERPOLATIONS),
    *(f"{x}; {call}" for x, call in COLUMNS),
    *(f"{x}; {BACK.format(call)}" for x, call in COLUMNS),
    *(f"{IMAGE}; {call}" for call in OLD),
    *(
        f"{IMAGE}; x = {layout}; F.interpolate(x, {call}).contiguous()"
        for layout in LAYOUTS
        for call in ("scale_factor=2", "size=(7, 50), mode='bilinear'")
    ),
    *(
        f"{IMAGE}; x = (x + 4).abs().to(torch.uint8); F.interpolate(x, scale_factor={scale}, "
        f"mode='{mode}')"
        for scale in (2, 1.3)
        for mode in ("nearest", "nearest-exact")
    ),
    *(
        f"{ROW}; F.interpolate(x[..., :{n}], {out}, mode='{mode}')"
        for n, out in ((10, 33), (33, 10), (7, 100), (40, 39))
        for mode in ("nearest", "nearest-exact")
    ),
]

Z = "x = torch.zeros; F = torch.nn.functional"
ERRORS = [
    f"{Z}; {call}"
    for call in (
        "F.interpolate(x(2, 3, 4))",
        "F.interpolate(x(2, 3, 4), 5, 2)",
        "F.interpolate(x(2, 3, 4), (5, 6))",
        "F.interpolate(x(2, 3, 4, 4), scale_factor=(5, 6, 7))",
        "F.interpolate(x(2, 3, 4), 5, mode='linear', recompute_scale_factor=True)",
        "F.interpolate(x(2, 3, 4), 5, align_corners=True)",
        "F.interpolate(x(2, 3, 4), 5, mode='bilinear')",
        "F.interpolate(x(2, 3, 4), 5, mode='bicubic')",
        "F.interpolate(x(2, 3, 4, 4), 5, mode='linear')",
        "F.interpolate(x(2, 3, 4, 4, 4), 5, mode='bicubic')",
        "F.interpolate(x(2, 3), 5)",
        "F.interpolate(x(2, 3, 4, 4), 5, mode='foo')",
        "F.interpolate(x(2, 3, 4), 5, mode='linear', antialias=True)",
        "F.interpolate(x(2, 3, 4, 4), 5, mode='nearest', antialias=True)",
        "F.interpolate(x(2, 3, 4, 4), 0)",
        "F.interpolate(x(2, 3, 0, 4), 3)",
        "F.interpolate(x(2, 0, 4, 4), 3)",
        "F.interpolate(x(2, 3, 4, 4), scale_factor=0.1)",
        "F.interpolate(x(2, 3, 4, 4), scale_factor=-1)",
        "F.interpolate(x(2, 3, 4, 4), (2.5, 3))",
        "F.interpolate(x(2, 3, 4, 4).int(), 3)",
        "F.interpolate(x(2, 3, 4).int(), 3)",
        "F.interpolate(x(2, 3, 4, 4).int(), 3, mode='bilinear')",
        "F.interpolate(x(2, 3, 4, 4).int(), 3, mode='bicubic')",
        "F.interpolate(x(2, 3, 4, 4), 5, mode='lanczos')",
        "F.interpolate(x(2, 3, 4, 4), 5, mode='lanczos', antialias=True, align_corners=True)",
        "F.interpolate(x(2, 3, 4), 5, mode='lanczos')",
        "F.interpolate(x(2, 3, 4, 4).int(), 5, mode='lanczos', antialias=True)",
        "F.pixel_shuffle(x(2, 3, 4), 2)",
        "F.pixel_shuffle(x(3, 4), 2)",
        "F.pixel_shuffle(x(4, 4, 4), 0)",
        "F.pixel_unshuffle(x(3, 4, 5), 2)",
        "F.pixel_unshuffle(x(3, 4, 4), 0)",
        "F.pixel_unshuffle(x(4, 4), 2)",
        "F.channel_shuffle(x(2, 3, 4), 2)",
        "F.channel_shuffle(x(2, 4), 2)",
        "F.channel_shuffle(x(2, 4, 4), 0)",
        "F.unfold(x(3, 4), 2)",
        "F.unfold(x(2, 3, 4, 4), 5)",
        "F.unfold(x(2, 3, 4, 4), (1, 2, 3))",
        "F.unfold(x(2, 3, 4, 4), 0)",
        "F.unfold(x(2, 3, 4, 4), 2, stride=0)",
        "F.unfold(x(2, 3, 4, 4), 2, dilation=0)",
        "F.unfold(x(2, 3, 4, 4), 2, padding=-1)",
        "F.unfold(x(2, 3, 4, 4).int(), 2)",
        "F.fold(x(2, 12, 4), (4, 4), 2)",
        "F.fold(x(2, 13, 9), (4, 4), 2)",
        "F.fold(x(12), (4, 4), 2)",
        "F.fold(x(2, 12, 9), (4, 4, 4), 2)",
        "F.fold(x(2, 12, 9), (4, 4), 0)",
    )
]

# Layers: how they are made, and the shape they are called on.
LAYERS = (
    ("Upsample(scale_factor=2)", (1, 2, 3, 4)),
    ("Upsample((5, 7), mode='bilinear', align_corners=True)", (1, 2, 3, 4)),
    (
        "Upsample(scale_factor=(1.5, 2.0), mode='bicubic', recompute_scale_factor=True)",
        (1, 2, 3, 4),
    ),
    ("UpsamplingNearest2d(scale_factor=2)", (1, 2, 3, 4)),
    ("UpsamplingBilinear2d((5, 7))", (1, 2, 3, 4)),
    ("PixelShuffle(2)", (1, 8, 3, 4)),
    ("PixelUnshuffle(2)", (1, 2, 4, 6)),
    ("ChannelShuffle(2)", (1, 4, 3)),
    ("Unfold((2, 3), padding=1)", (1, 2, 3, 4)),
    ("Fold((4, 5), 2)", (1, 8, 12)),
    *(
        (f"{kind}Pad{rank}d({padding}{', 2.5' if kind == 'Constant' else ''})", (1, 2, *sizes))
        for kind in ("Constant", "Zero", "Reflection", "Replication", "Circular")
        for rank, padding, sizes in (
            (1, "2", (5,)),
            (2, "(1, 2, 3, 0)", (5, 4)),
            (3, "(1, 2, 2, 0, 1, 1)", (3, 5, 4)),
        )
    ),
)

# Checked against finite differences, both orders: shape of x, expression.
GRADIENTS = (
    ((1, 2, 7), "F.interpolate(x, 11, mode='linear')"),
    ((1, 2, 7), "F.interpolate(x, scale_factor=2)"),
    ((1, 1, 4, 5), "F.interpolate(x, (7, 3), mode='bicubic')"),
    ((1, 1, 4, 5), "F.interpolate(x, (3, 4), mode='bilinear', antialias=True)"),
    ((1, 1, 2, 3, 3), "F.interpolate(x, (3, 2, 5), mode='trilinear')"),
    ((1, 2, 4, 5), "F.unfold(x, 2, 1, 1, 2)"),
    ((1, 4, 6), "F.fold(x, (3, 4), 2)"),
    ((1, 4, 2, 2), "F.pixel_shuffle(x, 2)"),
    ((1, 2, 4, 5), "F.pad(x, (1, 2, 2, 1), 'reflect')"),
)
