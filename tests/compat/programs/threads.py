"""Trains an MLP and a CNN with the number of threads given; prints every bit of the results."""

import sys

import torch
from torch import nn

torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(3)
mlp = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
cnn = nn.Sequential(
    nn.Conv2d(1, 16, 3),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.Conv2d(16, 32, 3),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Dropout(0.25),
    nn.Flatten(),
    nn.Linear(32 * 12 * 12, 10),
)
images = torch.rand(64, 1, 28, 28)
labels = torch.randint(0, 10, (64,))
flat = images.reshape(64, 784)

for model, inputs, optimizer in (
    (mlp, flat, torch.optim.Adam(mlp.parameters(), lr=1e-3)),
    (cnn, images, torch.optim.SGD(cnn.parameters(), lr=0.05, momentum=0.9)),
):
    for _ in range(5):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        print(loss.item().hex())
    for name, value in model.state_dict().items():
        print(name, value.double().sum().item().hex(), value.double().abs().max().item().hex())

# Reductions large enough that every thread has a part.
numbers = torch.randn(1_000_003)
print(numbers.sum().item().hex(), numbers.var().item().hex(), numbers.logsumexp(0).item().hex())
print((torch.randn(300, 500) @ torch.randn(500, 200)).sum(0).norm().item().hex())
