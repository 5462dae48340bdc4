"""Training with the chip in the loop: values are the chip's, gradients are the framework's."""

import copy
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import snnc

torch = pytest.importorskip("torch")
nn = torch.nn

import frameworks  # noqa: E402  (needs torch)
from snnc.torch import ChipAware  # noqa: E402  (needs torch)


@pytest.fixture(scope="module")
def neuron():
    """SpikingJelly's neurons."""
    pytest.importorskip("spikingjelly.activation_based")
    from spikingjelly.activation_based import neuron

    return neuron


@pytest.fixture(scope="module")
def digits(examples):
    """Folder, samples and classes of the convolutional classifier."""
    folder = examples / "digits-cnn"
    return (
        folder,
        torch.as_tensor(np.load(folder / "inputs.npy")),
        torch.as_tensor(np.load(folder / "labels.npy")).long(),
    )


def whole(net, least=-4, most=5):
    """Weights that every chip holds as they are: quarters."""
    for one in net.parameters():
        one.data = torch.randint(least, most, one.shape).to(one.dtype) / 4


def gradients(net, loss):
    """The gradient of each parameter."""
    found = torch.autograd.grad(loss, [one for one in net.parameters() if one.requires_grad])
    assert all(bool(one.any()) for one in found)
    return found


def test_where_nothing_is_rounded_it_is_the_module_itself(neuron):
    from spikingjelly.activation_based import functional

    torch.manual_seed(3)
    for make, target in (
        (lambda: neuron.IFNode(v_threshold=1.0), "loihi-like"),
        (lambda: neuron.LIFNode(tau=2.0, decay_input=False, detach_reset=True), "loihi-like"),
        (lambda: neuron.IFNode(v_threshold=1.0, v_reset=None), "spinnaker2-like"),
    ):
        net = nn.Sequential(nn.Conv2d(2, 5, 3), make(), nn.Flatten(), nn.Linear(20, 6), make())
        whole(net)
        x = (torch.rand(7, 2, 4, 4) > 0.5).float()
        aware = ChipAware(net, target, timesteps=5, calibrate=x.numpy())
        plain = copy.deepcopy(net).train()
        functional.reset_net(plain)
        series = torch.stack([plain(x) for _ in range(5)])
        out = aware(x)
        assert 0 < float(series.mean()) < 1
        assert (out == series.mean(0)).all(), target
        assert (aware.spikes["4"] == series.detach().numpy().transpose(1, 0, 2)).all()
        wish = torch.rand(7, 6)
        ours, theirs = gradients(net, ((out - wish) ** 2).sum()), gradients(plain, ((series.mean(0) - wish) ** 2).sum())
        for mine, other in zip(ours, theirs):
            assert torch.allclose(mine, other, rtol=1e-4, atol=1e-6), target


def test_neurons_of_snntorch_have_their_own_gradients(examples):
    """Spikes of these networks need no rounding that changes them; every kind of neuron is in one of them."""
    snn = pytest.importorskip("snntorch")
    torch.manual_seed(5)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.one = nn.Linear(8, 12), snn.RLeaky(beta=0.5, linear_features=12)
            self.fc2, self.two = nn.Linear(12, 10), snn.RSynaptic(alpha=0.5, beta=0.5, linear_features=10)
            self.fc3, self.three = nn.Linear(10, 6), snn.Synaptic(alpha=0.5, beta=0.75)
            self.fc4, self.four = nn.Linear(6, 4), snn.Leaky(beta=0.5, reset_mechanism=reset)

        def forward(self, x):
            spk1, mem1 = self.one.init_rleaky()
            spk2, syn2, mem2 = self.two.init_rsynaptic()
            syn3, mem3 = self.three.init_synaptic()
            mem4, out = self.four.init_leaky(), []
            for x_t in x:
                spk1, mem1 = self.one(self.fc1(x_t), spk1, mem1)
                spk2, syn2, mem2 = self.two(self.fc2(spk1), spk2, syn2, mem2)
                spk3, syn3, mem3 = self.three(self.fc3(spk2), syn3, mem3)
                spk4, mem4 = self.four(self.fc4(spk3), mem4)
                out.append(spk4)
            return torch.stack(out).sum(0)

    for reset in ("subtract", "zero"):
        net = Net()
        whole(net, -2, 4)
        x = (torch.rand(9, 5, 8) > 0.4).float()
        plain = copy.deepcopy(net)
        out, expected = None, plain(x)
        aware = ChipAware(net, "spinnaker2-like")
        out = aware(x)
        assert float(expected.mean()) > 0.3
        assert (out == expected).all(), reset
        wish = torch.rand(5, 4) * 9
        ours, theirs = gradients(net, ((out - wish) ** 2).sum()), gradients(plain, ((expected - wish) ** 2).sum())
        for mine, other in zip(ours, theirs):
            assert torch.allclose(mine, other, rtol=1e-4, atol=1e-5), reset


def test_fine_tuning_at_few_bits_ends_on_the_chip_as_it_was(digits, neuron, tmp_path):
    folder, x, y = digits
    torch.manual_seed(1)
    net = frameworks.load(frameworks.cnn(neuron), folder)
    train, of_train = x[:60], y[:60]
    aware = ChipAware(net, timesteps=4, weights=2, passes=0, calibrate=train.numpy())
    before = nn.functional.cross_entropy(aware(train) * 10, of_train).item()
    means = [part.running_mean.clone() for part in net.modules() if isinstance(part, nn.BatchNorm2d)]
    optimiser = torch.optim.Adam(aware.parameters(), 2e-3)
    for _ in range(2):
        for at in torch.arange(60).split(20):
            loss = nn.functional.cross_entropy(aware(train[at]) * 10, of_train[at])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    aware.eval()
    with torch.no_grad():
        out = aware(x)
    assert nn.functional.cross_entropy(out[:60] * 10, of_train).item() < 0.8 * before
    norms = [part.running_mean for part in net.modules() if isinstance(part, nn.BatchNorm2d)]
    assert all((mean == norm).all() for mean, norm in zip(means, norms))
    # The module alone, compiled in the plain way, mapped otherwise, and run by the command.
    model = snnc.from_torch(net, x[:1], timesteps=4)
    program = snnc.compile(model, weights=2, passes=0, calibrate=train.numpy(), objective="packets")
    program.save(tmp_path / "net.snnx")
    np.save(tmp_path / "x.npy", x.numpy())
    command = [sys.executable, "-m", "snnc", "simulate", "net.snnx", "--input", "x.npy", "--spikes", "--out", "run"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    archive = np.load(tmp_path / "run" / "spikes.npz")
    assert len(archive) == 4
    for name in archive:
        assert (np.packbits(aware.spikes[name], axis=-1) == archive[name]).all(), name
    assert (np.load(tmp_path / "run" / "readout.npy") == out.double().numpy()).all()
    again = aware.compile(effort="fast").run(x.numpy(), y.numpy())
    assert again.accuracy == (out.argmax(1) == y).double().mean().item()


def test_all_timesteps_at_once_and_loops_over_them(examples, neuron):
    from spikingjelly.activation_based import layer

    x = torch.as_tensor(np.load(examples / "bars-events" / "inputs.npy")[:6]).float().transpose(0, 1)
    net = frameworks.load(frameworks.events(neuron, layer), examples / "bars-events")
    aware = ChipAware(net, readout="sum", weights=4)
    aware(x).sum().backward()
    assert all(bool(one.grad.any()) for one in net.parameters())
    assert aware.spikes["net.1"].shape == (6, 20, 8, 8, 8)
    result = aware.compile().run(x.transpose(0, 1).numpy(), spikes=True)
    assert all((result.spikes[name] == aware.spikes[name]).all() for name in result.spikes)
    # A read-out that sums in the module itself, and other batches.
    over = frameworks.CnnOverTime(neuron)
    frameworks.load(over.net, examples / "digits-cnn")
    images = torch.as_tensor(np.load(examples / "digits-cnn" / "inputs.npy"))
    aware = ChipAware(over, calibrate=images.numpy())
    assert aware(images[:3]).shape == (3, 10)
    (whole_batch,) = torch.autograd.grad(aware(images[:7]).sum(), [over.net[11].weight])
    assert bool(whole_batch.any())
    assert (aware(images[:7])[:3] == aware(images[:3])).all()


def test_what_would_change_nothing_or_is_wrong_is_refused(neuron):
    net = nn.Sequential(nn.Linear(4, 3), neuron.IFNode())
    aware = ChipAware(net, timesteps=2)
    with pytest.raises(snnc.SnncError, match="no forward pass yet"):
        aware.compile()
    with pytest.raises(ValueError, match="no forward pass"):
        aware.spikes
    with pytest.raises(snnc.SnncError, match="expected a tensor"):
        aware(torch.rand(4))
    aware(torch.rand(2, 4))
    with pytest.raises(snnc.SnncError, match="how weights are rounded"):
        aware.compile(weights=4)
    with pytest.raises(snnc.SnncError, match="timesteps"):
        ChipAware(net)(torch.rand(2, 4))
    with pytest.raises(snnc.SnncError, match="ReLU"):
        ChipAware(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), neuron.IFNode()), timesteps=2)(torch.rand(1, 4))
    # The module answers for itself afterwards.
    assert "forward" not in vars(net[1])


def test_the_example_of_it_runs(neuron):
    script = pathlib.Path(__file__).parents[2] / "examples" / "chip_aware.py"
    command = [sys.executable, str(script), "--weights", "3", "--epochs", "1"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "spikes are those of the wrapped module" in ran.stdout
