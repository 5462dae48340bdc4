"""The networks of the examples, rebuilt from the classes of the frameworks that they were trained in."""

import torch
from torch import nn


def load(net, folder):
    """The trained weights."""
    state = torch.load(folder / "weights.pth", map_location="cpu")
    # Scalars of one version of a framework are vectors of one element in another.
    own = net.state_dict()
    state = {
        key: value.reshape(own[key].shape) if value.numel() == own[key].numel() else value
        for key, value in state.items()
    }
    net.load_state_dict(state)
    return net.eval()


def cnn(neuron):
    """examples/digits-cnn, SpikingJelly: a timestep a call."""
    lif = lambda: neuron.LIFNode(tau=2.0)  # noqa: E731
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        lif(),
        nn.AvgPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        lif(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(784, 128, bias=False),
        lif(),
        nn.Linear(128, 10, bias=False),
        lif(),
    )


class CnnOverTime(nn.Module):
    """The same, which goes through time itself and sums its last spikes."""

    def __init__(self, neuron):
        super().__init__()
        self.net = cnn(neuron)

    def forward(self, x):
        out = 0.0
        for _ in range(4):
            out = out + self.net(x)
        return out / 4


class Residual(nn.Module):
    """examples/digits-residual, SpikingJelly."""

    def __init__(self, neuron):
        super().__init__()
        conv = lambda i, o, g=1: nn.Conv2d(i, o, 3, padding=1, groups=g, bias=False)  # noqa: E731
        node = lambda: neuron.IFNode(v_reset=None)  # noqa: E731
        self.conv1, self.bn1, self.sn1 = conv(1, 12), nn.BatchNorm2d(12), node()
        self.conv2, self.bn2, self.sn2 = conv(12, 12), nn.BatchNorm2d(12), node()
        self.conv3, self.bn3, self.sn3 = conv(12, 12), nn.BatchNorm2d(12), node()
        self.dw, self.bn4, self.sn4 = conv(12, 12, 12), nn.BatchNorm2d(12), node()
        self.gc, self.bn5, self.sn5 = conv(12, 24, 3), nn.BatchNorm2d(24), node()
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(384, 10)

    def forward(self, x):
        x = self.pool(self.sn1(self.bn1(self.conv1(x))))
        y = self.sn3(self.bn3(self.conv3(self.sn2(self.bn2(self.conv2(x))))))
        x = self.sn4(self.bn4(self.dw(y + x)))
        x = self.pool(self.sn5(self.bn5(self.gc(x))))
        return self.fc(torch.flatten(x, 1))


def events(neuron, layer):
    """examples/bars-events, SpikingJelly: all timesteps at once."""
    lif = lambda: neuron.LIFNode(tau=2.0, decay_input=False, step_mode="m")  # noqa: E731
    return nn.Sequential(
        layer.Conv2d(2, 8, 3, stride=2, padding=1, bias=False, step_mode="m"),
        lif(),
        layer.AvgPool2d(2, step_mode="m"),
        layer.Conv2d(8, 16, 3, padding=1, step_mode="m"),
        lif(),
        layer.Flatten(step_mode="m"),
        layer.Linear(256, 4, step_mode="m"),
        lif(),
    )


class LeakyNet(nn.Module):
    """examples/digits-leaky, snnTorch: a loop over the timesteps of the input."""

    def __init__(self, snn):
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(64, 96), snn.Leaky(beta=0.9)
        self.fc2, self.lif2 = nn.Linear(96, 64), snn.Leaky(beta=torch.full((64,), 0.9), learn_beta=True)
        self.fc3, self.lif3 = nn.Linear(64, 10), snn.Leaky(beta=0.9)

    def forward(self, x):
        mem1, mem2, mem3 = self.lif1.init_leaky(), self.lif2.init_leaky(), self.lif3.init_leaky()
        record = []
        for t in range(x.shape[0]):
            spk1, mem1 = self.lif1(self.fc1(x[t].flatten(1)), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spk3, mem3 = self.lif3(self.fc3(spk2), mem3)
            record.append(spk3)
        return torch.stack(record).sum(0), mem3


class RecurrentNet(nn.Module):
    """examples/digits-recurrent, snnTorch."""

    def __init__(self, snn):
        super().__init__()
        self.fc1, self.rlif1 = nn.Linear(16, 96), snn.RLeaky(beta=0.9, linear_features=96)
        self.fc2, self.rsyn2 = nn.Linear(96, 64), snn.RSynaptic(alpha=0.6, beta=0.8, linear_features=64)
        self.fc3, self.syn3 = nn.Linear(64, 10), snn.Synaptic(alpha=0.5, beta=0.85)

    def forward(self, x):
        spk1, mem1 = self.rlif1.init_rleaky()
        spk2, syn2, mem2 = self.rsyn2.init_rsynaptic()
        syn3, mem3 = self.syn3.init_synaptic()
        record = []
        for x_t in x:
            spk1, mem1 = self.rlif1(self.fc1(x_t), spk1, mem1)
            spk2, syn2, mem2 = self.rsyn2(self.fc2(spk1), spk2, syn2, mem2)
            spk3, syn3, mem3 = self.syn3(self.fc3(spk2), syn3, mem3)
            record.append(spk3)
        return torch.stack(record, dim=0), mem3
