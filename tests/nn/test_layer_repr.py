"""The printed form of every layer, as PyTorch 2.13 prints it (stored from there)."""

import pytest

from facula import nn

# A call, then the lines of its text, then an empty line.
BLOCKS = """
Identity()
Identity()

Linear(20, 30)
Linear(in_features=20, out_features=30, bias=True)

Linear(2, 3, bias=False)
Linear(in_features=2, out_features=3, bias=False)

Conv2d(16, 33, 3)
Conv2d(16, 33, kernel_size=(3, 3), stride=(1, 1))

Conv2d(16, 33, (3, 5), stride=(2, 1), padding=(4, 2), dilation=(3, 1))
Conv2d(16, 33, kernel_size=(3, 5), stride=(2, 1), padding=(4, 2), dilation=(3, 1))

Conv2d(4, 8, 3, padding="same", groups=2, bias=False)
Conv2d(4, 8, kernel_size=(3, 3), stride=(1, 1), padding=same, groups=2, bias=False)

Conv2d(4, 8, 3, padding="valid", padding_mode="reflect")
Conv2d(4, 8, kernel_size=(3, 3), stride=(1, 1), padding=valid, padding_mode=reflect)

Conv2d(4, 8, 3, padding=1, padding_mode="circular")
Conv2d(4, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), padding_mode=circular)

BatchNorm1d(7)
BatchNorm1d(7, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)

BatchNorm1d(7, affine=False)
BatchNorm1d(7, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=True)

BatchNorm2d(7, eps=1e-3, momentum=None, track_running_stats=False)
BatchNorm2d(7, eps=0.001, momentum=None, affine=True, bias=True, track_running_stats=False)

BatchNorm2d(7, bias=False)
BatchNorm2d(7, eps=1e-05, momentum=0.1, affine=True, bias=False, track_running_stats=True)

BatchNorm3d(7)
BatchNorm3d(7, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)

InstanceNorm2d(7)
InstanceNorm2d(7, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=False)

LocalResponseNorm(3, k=2.0)
LocalResponseNorm(3, alpha=0.0001, beta=0.75, k=2.0)

RMSNorm((3, 4))
RMSNorm((3, 4), eps=None, elementwise_affine=True)

LayerNorm(10)
LayerNorm((10,), eps=1e-05, elementwise_affine=True, bias=True)

LayerNorm([3, 4], eps=1e-6, elementwise_affine=False)
LayerNorm((3, 4), eps=1e-06, elementwise_affine=False, bias=False)

LayerNorm((3, 4), bias=False)
LayerNorm((3, 4), eps=1e-05, elementwise_affine=True, bias=False)

GroupNorm(3, 6)
GroupNorm(3, 6, eps=1e-05, affine=True, bias=True)

GroupNorm(3, 6, affine=False)
GroupNorm(3, 6, eps=1e-05, affine=False, bias=False)

Dropout()
Dropout(p=0.5, inplace=False)

Dropout(0.25, inplace=True)
Dropout(p=0.25, inplace=True)

Dropout2d(0.1)
Dropout2d(p=0.1, inplace=False)

MaxPool2d(2)
MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)

MaxPool2d((3, 2), stride=(2, 1), padding=1, dilation=2, ceil_mode=True)
MaxPool2d(kernel_size=(3, 2), stride=(2, 1), padding=1, dilation=2, ceil_mode=True)

AvgPool2d(3)
AvgPool2d(kernel_size=3, stride=3, padding=0)

AvgPool2d((3, 2), stride=1, padding=(1, 0), ceil_mode=True, divisor_override=3)
AvgPool2d(kernel_size=(3, 2), stride=1, padding=(1, 0))

AdaptiveAvgPool2d(5)
AdaptiveAvgPool2d(output_size=5)

AdaptiveAvgPool2d((None, 7))
AdaptiveAvgPool2d(output_size=(None, 7))

Flatten()
Flatten(start_dim=1, end_dim=-1)

Flatten(0, 2)
Flatten(start_dim=0, end_dim=2)

Unflatten(1, (2, 5, 5))
Unflatten(dim=1, unflattened_size=(2, 5, 5))

Embedding(10, 3)
Embedding(10, 3)

Embedding(10, 3, padding_idx=-1, max_norm=1.0, norm_type=1.0, scale_grad_by_freq=True, sparse=True)
Embedding(10, 3, padding_idx=9, max_norm=1.0, norm_type=1.0, scale_grad_by_freq=True, sparse=True)

ReLU()
ReLU()

ReLU(inplace=True)
ReLU(inplace=True)

ReLU6()
ReLU6()

ReLU6(inplace=True)
ReLU6(inplace=True)

LeakyReLU()
LeakyReLU(negative_slope=0.01)

LeakyReLU(0.2, inplace=True)
LeakyReLU(negative_slope=0.2, inplace=True)

ELU()
ELU(alpha=1.0)

ELU(0.5, inplace=True)
ELU(alpha=0.5, inplace=True)

CELU()
CELU(alpha=1.0)

CELU(2.0, True)
CELU(alpha=2.0, inplace=True)

SELU()
SELU()

SELU(True)
SELU(inplace=True)

GELU()
GELU(approximate='none')

GELU("tanh")
GELU(approximate='tanh')

GLU()
GLU(dim=-1)

SiLU()
SiLU()

SiLU(True)
SiLU(inplace=True)

Mish()
Mish()

Mish(True)
Mish(inplace=True)

Sigmoid()
Sigmoid()

Tanh()
Tanh()

Softplus()
Softplus(beta=1.0, threshold=20.0)

Softplus(2, 10)
Softplus(beta=2, threshold=10)

Softsign()
Softsign()

Softshrink()
Softshrink(0.5)

Hardshrink(0.7)
Hardshrink(0.7)

Tanhshrink()
Tanhshrink()

Hardtanh()
Hardtanh(min_val=-1.0, max_val=1.0)

Hardtanh(-2, 2, True)
Hardtanh(min_val=-2, max_val=2, inplace=True)

Hardsigmoid()
Hardsigmoid()

Hardsigmoid(True)
Hardsigmoid()

Hardswish()
Hardswish()

Hardswish(True)
Hardswish()

LogSigmoid()
LogSigmoid()

PReLU()
PReLU(num_parameters=1)

PReLU(8)
PReLU(num_parameters=8)

Threshold(0.1, 20)
Threshold(threshold=0.1, value=20)

Threshold(0.1, 20, True)
Threshold(threshold=0.1, value=20, inplace=True)

Softmax()
Softmax(dim=None)

Softmax(dim=-1)
Softmax(dim=-1)

LogSoftmax(dim=1)
LogSoftmax(dim=1)

Softmin(dim=0)
Softmin(dim=0)

MSELoss()
MSELoss()

L1Loss(reduction="sum")
L1Loss()

SmoothL1Loss(beta=0.5)
SmoothL1Loss()

HuberLoss()
HuberLoss()

CrossEntropyLoss(label_smoothing=0.1)
CrossEntropyLoss()

NLLLoss()
NLLLoss()

BCELoss()
BCELoss()

BCEWithLogitsLoss()
BCEWithLogitsLoss()

KLDivLoss(log_target=True)
KLDivLoss()

Sequential()
Sequential()

Sequential(Linear(2, 3), ReLU(), Sequential(Linear(3, 1)))
Sequential(
  (0): Linear(in_features=2, out_features=3, bias=True)
  (1): ReLU()
  (2): Sequential(
    (0): Linear(in_features=3, out_features=1, bias=True)
  )
)

ModuleList()
ModuleList()

ModuleList([Linear(2, 2), Linear(2, 2), ReLU(), Linear(2, 2)])
ModuleList(
  (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)
  (2): ReLU()
  (3): Linear(in_features=2, out_features=2, bias=True)
)

ModuleList([Sequential(ReLU(), Tanh()), Sequential(ReLU(), Tanh())])
ModuleList(
  (0-1): 2 x Sequential(
    (0): ReLU()
    (1): Tanh()
  )
)

ModuleDict()
ModuleDict()

ModuleDict({"conv": Conv2d(1, 1, 1), "act": ModuleList([ReLU()])})
ModuleDict(
  (conv): Conv2d(1, 1, kernel_size=(1, 1), stride=(1, 1))
  (act): ModuleList(
    (0): ReLU()
  )
)

ParameterList()
ParameterList()

ParameterDict()
ParameterDict()

"""
ROWS = [block.split("\n", 1) for block in BLOCKS.strip().split("\n\n")]


@pytest.mark.parametrize(("call", "text"), ROWS, ids=[call for call, _ in ROWS])
def test_printed_form(call: str, text: str) -> None:
    assert repr(eval(call, vars(nn))) == text


@pytest.mark.parametrize(("call", "text"), ROWS, ids=[call for call, _ in ROWS])
def test_stored_form_is_that_of_torch(torch, call: str, text: str) -> None:
    assert repr(eval(call, vars(torch.nn))) == text


def test_a_model_is_printed_as_a_tree() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)
            self.missing = None
            self.add_module("nothing", None)
            self.head = nn.Sequential(nn.Flatten(), nn.Linear(2, 2))

        def extra_repr(self) -> str:
            return "one line\nand another"

    assert repr(Net()) == (
        "Net(\n"
        "  one line\n"
        "  and another\n"
        "  (conv): Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1))\n"
        "  (nothing): None\n"
        "  (head): Sequential(\n"
        "    (0): Flatten(start_dim=1, end_dim=-1)\n"
        "    (1): Linear(in_features=2, out_features=2, bias=True)\n"
        "  )\n"
        ")"
    )
