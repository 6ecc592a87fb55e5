"""Seeds, builds an MLP, shuffles with a DataLoader, trains 100 steps and prints every loss."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(7)
points = torch.randn(1000, 40)
labels = torch.randint(0, 5, (1000,))
loader = DataLoader(TensorDataset(points, labels), batch_size=50, shuffle=True)

model = nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 5))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()

for _ in range(5):
    for batch, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(batch), target)
        loss.backward()
        optimizer.step()
        print(f"{loss.item():.9g}")
