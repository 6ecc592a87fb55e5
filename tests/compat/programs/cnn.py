"""Trains a CNN with batch norm and dropout for 30 steps, then evaluates; prints every loss."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    """Two convolutions with batch norm, a dropout of each kind of input, two linear layers."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2)
        self.norm2 = nn.BatchNorm2d(16)
        self.dropout = nn.Dropout(0.25)
        self.fc1 = nn.Linear(16 * 3 * 3, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.relu(self.norm2(self.conv2(x)))
        x = self.dropout(torch.flatten(x, 1))
        x = F.dropout(F.relu(self.fc1(x)), p=0.5, training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)


torch.manual_seed(11)
images = torch.rand(320, 1, 16, 16)
labels = torch.randint(0, 10, (320,))
loader = DataLoader(TensorDataset(images, labels), batch_size=32, shuffle=True)
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)

for _ in range(3):
    model.train()
    for batch, target in loader:
        optimizer.zero_grad()
        loss = F.nll_loss(model(batch), target)
        loss.backward()
        optimizer.step()
        print(f"{loss.item():.9g}")
    scheduler.step()
    model.eval()
    with torch.no_grad():
        print(f"{F.nll_loss(model(images), labels).item():.9g}")
