"""Cases of convolutions of rows and volumes and of transposed ones, and torch's errors."""

F = "F = torch.nn.functional; d = torch.float64"
NUMBERS = (
    "n = lambda k, *s: ((torch.arange(float(np.prod(s)), dtype=d) * k % 17 - 8) / 8).reshape(s)"
)
ROW = f"{F}; {NUMBERS}; x = n(5, 2, 4, 19); w = n(7, 6, 2, 3); b = n(3, 6)"
VOLUME = f"{F}; {NUMBERS}; x = n(5, 2, 4, 6, 5, 7); w = n(7, 6, 4, 3, 2, 3); b = n(3, 6)"
UP1 = f"{F}; {NUMBERS}; x = n(5, 2, 4, 9); w = n(7, 4, 3, 3); b = n(3, 3)"
UP2 = f"{F}; {NUMBERS}; x = n(5, 2, 4, 5, 6); w = n(7, 4, 3, 3, 2); b = n(3, 3)"
UP3 = f"{F}; {NUMBERS}; x = n(5, 2, 4, 3, 4, 5); w = n(7, 4, 3, 3, 2, 2); b = n(3, 3)"

CALLS = {
    ROW: (
        "F.conv1d(x, w, b, groups=2)",
        "F.conv1d(x, w, None, 2, 1, 2, 2)",
        "F.conv1d(x, w, b, padding='same', groups=2)",
        "F.conv1d(x[:, :2], w, b, (3,), [2])",
        "F.conv1d(x[0], w, b, groups=2)",
        "F.conv1d(x[:0], w, b, groups=2)",
    ),
    VOLUME: (
        "F.conv3d(x, w, b)",
        "F.conv3d(x, w, b, 2, 1)",
        "F.conv3d(x, w, None, (1, 2, 1), (1, 0, 2), (2, 1, 1))",
        "F.conv3d(x, w, b, (2, 1, 1), 2, (3, 1, 1))",
        "F.conv3d(x, w, b, padding='same')",
        "F.conv3d(x, w[:, :2], b, (4, 1, 1), groups=2)",
        "F.conv3d(x, w[:, :, :1, :1, :1], b)",
        "F.conv3d(x[0], w, b)",
    ),
    UP1: (
        "F.conv_transpose1d(x, w, b)",
        "F.conv_transpose1d(x, w, b, 2, 1, 1)",
        "F.conv_transpose1d(x[1], w, None, 3, 0, 2, 1, 2)",
    ),
    UP2: (
        "F.conv_transpose2d(x, w, b)",
        "F.conv_transpose2d(x, w, b, 2, 1, (1, 0))",
        "F.conv_transpose2d(x, w, n(3, 6), (1, 2), 0, 0, 2)",
        "F.conv_transpose2d(x, w[:, :, :2], b, 2)",
        "F.conv_transpose2d(x, w, b, 2, 0, 2, 1, 3)",
        "F.conv_transpose2d(x[0], w, b)",
        "F.conv_transpose2d(x[:0], w, b)",
    ),
    UP3: (
        "F.conv_transpose3d(x, w, b)",
        "F.conv_transpose3d(x, w, b, 2, 1, 1)",
        "F.conv_transpose3d(x, w[:, :, :2], None, 2)",
        "F.conv_transpose3d(x, w, n(3, 6), (1, 2, 1), 0, 0, 2, (2, 1, 1))",
        "F.conv_transpose3d(x[0], w, b)",
    ),
}
BACK = "x.requires_grad_(); w.requires_grad_(); b.requires_grad_(); y = {}"
BACK += "; y.backward(n(11, *y.shape)); [x.grad, w.grad, b.grad]"
LAYOUTS = (
    "x = x.transpose(-1, 1).contiguous().transpose(-1, 1)",
    "x = torch.cat([x, x], -1)[..., ::2]",
    "x = x[:1].expand(x.shape)",
    "w = w.transpose(0, 1).contiguous().transpose(0, 1)",
)
LIKE_TORCH = [
    *(f"{x}; {call}" for x, calls in CALLS.items() for call in calls),
    *(f"{x}; {BACK.format(call)}" for x, calls in CALLS.items() for call in calls),
    *(
        f"{x}; {layout}; {call}"
        for x, call in (
            (ROW, "F.conv1d(x, w, b, 2, 1, 1, 2)"),
            (VOLUME, "F.conv3d(x, w, b, 1, 1)"),
            (UP2, "F.conv_transpose2d(x, w, b, 2)"),
        )
        for layout in LAYOUTS
    ),
]

Z = "z = torch.zeros; F = torch.nn.functional"
ERRORS = [
    f"{Z}; {call}"
    for call in (
        "F.conv1d(z(4), z(2, 1, 3))",
        "F.conv1d(z(1, 2, 3, 4), z(2, 2, 3))",
        "F.conv1d(z(1, 2, 8), z(3, 2))",
        "F.conv1d(z(1, 2, 8), z(3, 2, 3, 3))",
        "F.conv1d(z(1, 3, 8), z(3, 2, 3))",
        "F.conv1d(z(1, 2, 2), z(3, 2, 3))",
        "F.conv1d(z(1, 2, 8), z(3, 2, 3), z(2))",
        "F.conv1d(z(1, 2, 8), z(3, 2, 3), stride=0)",
        "F.conv1d(z(1, 2, 8), z(3, 2, 3), padding=-1)",
        "F.conv1d(z(1, 2, 8), z(3, 2, 3), groups=0)",
        "F.conv1d(z(1, 2, 8), z(3, 1, 3), groups=2)",
        "F.conv1d(z(1, 2, 8), z(3, 2, 3), stride=(1, 2))",
        "F.conv1d(z(1, 2, 8), z(3, 2, 3), padding='foo')",
        "F.conv1d(z(1, 2, 8), z(3, 2, 3), padding='same', stride=2)",
        "F.conv1d(z(1, 2, 8), z(3, 2, 3).double())",
        "F.conv3d(z(1, 2, 3), z(2, 1, 3, 3, 3))",
        "F.conv3d(z(1, 2, 4, 4, 4), z(3, 2, 3, 3, 3), stride=(1, 2))",
        "F.conv3d(z(1, 2, 4, 4, 4), z(3, 2, 5, 3, 3))",
        "F.conv3d(z(1, 3, 4, 4, 4), z(3, 2, 3, 3, 3))",
        "F.conv_transpose1d(z(4), z(2, 1, 3))",
        "F.conv_transpose1d(z(1, 3, 8), z(2, 3, 3))",
        "F.conv_transpose2d(z(8, 8), z(2, 3, 3, 3))",
        "F.conv_transpose2d(z(1, 2, 8, 8), z(2, 3, 3, 3), z(2))",
        "F.conv_transpose2d(z(1, 2, 8, 8), z(2, 3, 3, 3), output_padding=1)",
        "F.conv_transpose2d(z(1, 2, 8, 8), z(2, 3, 3, 3), output_padding=-1)",
        "F.conv_transpose2d(z(1, 2, 8, 8), z(2, 3, 3, 3), padding=9)",
        "F.conv_transpose2d(z(1, 2, 8, 8), z(2, 3, 3, 3), stride=0)",
        "F.conv_transpose2d(z(1, 2, 8, 8), z(2, 3, 3, 3), groups=3)",
        "F.conv_transpose2d(z(1, 2, 8, 8), z(2, 3, 3, 3), stride=(1, 2, 3))",
        "F.conv_transpose2d(z(1, 2, 8, 8), z(2, 3, 3, 3), output_padding=(1, 2, 3))",
        "F.conv_transpose2d(z(1, 2, 8, 8), z(2, 3, 3, 3), padding='same')",
        "F.conv_transpose2d(z(1, 2, 8, 8).int(), z(2, 3, 3, 3).int())",
        "F.conv_transpose3d(z(1, 2, 3), z(2, 1, 3, 3, 3))",
        "torch.nn.ConvTranspose2d(2, 3, 2, padding_mode='reflect')",
        "torch.nn.ConvTranspose2d(2, 3, 3, 2)(z(1, 2, 4, 4), output_size=(20, 20))",
        "torch.nn.ConvTranspose2d(2, 3, 3, 2)(z(1, 2, 4, 4), output_size=(9,))",
    )
]

# Layers: how they are made, the shape they are called on, and what else they are given.
LAYERS = (
    ("Conv1d(4, 6, 3, 2, 1, groups=2)", (2, 4, 9), ""),
    ("Conv1d(4, 6, 3, padding=2, padding_mode='circular', bias=False)", (2, 4, 9), ""),
    ("Conv3d(2, 3, (3, 2, 3), padding='same')", (1, 2, 4, 5, 6), ""),
    ("Conv3d(2, 3, 3, padding=1, padding_mode='reflect')", (1, 2, 4, 5, 6), ""),
    ("ConvTranspose1d(4, 6, 3, 2, 1, 1, dilation=2)", (2, 4, 9), ""),
    ("ConvTranspose2d(4, 6, 2, 2, groups=2)", (2, 4, 5, 6), ""),
    ("ConvTranspose2d(4, 3, 3, 2)", (2, 4, 5, 6), ", output_size=(12, 13)"),
    ("ConvTranspose2d(4, 3, 3, 2)", (4, 5, 6), ", output_size=(3, 11, 14)"),
    ("ConvTranspose3d(2, 3, 2, 2, bias=False)", (1, 2, 3, 4, 5), ""),
)

# Checked against finite differences, both orders: shapes of x and w, expression.
GRADIENTS = (
    ((1, 2, 6), (2, 2, 3), "F.conv1d(x, w, None, 2, 1)"),
    ((1, 2, 3, 3, 2), (2, 2, 2, 2, 1), "F.conv3d(x, w, None, (2, 1, 1), (1, 0, 0))"),
    ((1, 2, 2, 3), (2, 2, 2, 2), "F.conv_transpose2d(x, w, None, 2)"),
    ((1, 2, 2, 2, 2), (2, 1, 2, 1, 2), "F.conv_transpose3d(x, w, None, (2, 1, 1))"),
)
