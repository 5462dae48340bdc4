"""Modules of other frameworks: their conversion gives the recorded spikes, and names what it does not know."""

import numpy as np
import pytest
import snnc

torch = pytest.importorskip("torch")
nn = torch.nn

import frameworks  # noqa: E402  (needs torch)


@pytest.fixture(scope="module")
def jelly():
    """SpikingJelly's neurons and layers."""
    base = pytest.importorskip("spikingjelly.activation_based")
    from spikingjelly.activation_based import layer, neuron

    del base
    return neuron, layer


@pytest.fixture(scope="module")
def snn():
    """snnTorch."""
    return pytest.importorskip("snntorch")


def inputs(folder):
    """The recorded samples."""
    return np.load(folder / "inputs.npy")


def over_time(x):
    """One sample ``[1, t, ...]`` as frameworks take it, ``[t, 1, ...]``."""
    return torch.as_tensor(x[:1]).float().transpose(0, 1)


def recorded(model, folder, x):
    """Spikes and read-outs are those that were recorded, bit for bit."""
    check = model.check(folder / "golden.safetensors", x)
    assert check, str(check)
    return check


def test_a_step_a_call(examples, jelly):
    folder = examples / "digits-cnn"
    x, net = inputs(folder), frameworks.load(frameworks.cnn(jelly[0]), folder)
    model = snnc.from_torch(net, torch.as_tensor(x[:1]), timesteps=4)
    assert len(recorded(model, folder, x)["rows"]) == 21
    # The framework itself, now, in its own arithmetic.
    from spikingjelly.activation_based import functional

    functional.reset_net(net)
    with torch.no_grad():
        out = sum(net(torch.as_tensor(x)) for _ in range(4)) / 4
    assert (model.reference(x).readout == out.numpy()).all()
    result = snnc.compile(model, effort="fast").run(x, np.load(folder / "labels.npy"))
    assert result.accuracy >= 0.93


def test_a_loop_over_time_around_it(examples, jelly):
    folder = examples / "digits-cnn"
    x, net = inputs(folder), frameworks.CnnOverTime(jelly[0])
    frameworks.load(net.net, folder)
    model = snnc.from_torch(net, torch.as_tensor(x[:1]))
    assert model.networks["net"]["timesteps"] == 4
    plain = snnc.load(folder / "model.ron")
    assert (model.reference(x).readout == plain.reference(x).readout).all()
    with pytest.raises(snnc.SnncError, match="makes 4 on this sample"):
        snnc.from_torch(net, torch.as_tensor(x[:1]), timesteps=5)


def test_a_residual_network(examples, jelly):
    folder = examples / "digits-residual"
    x, net = inputs(folder), frameworks.load(frameworks.Residual(jelly[0]), folder)
    recorded(snnc.from_torch(net, torch.as_tensor(x[:1]), timesteps=6), folder, x)


def test_all_timesteps_at_once(examples, jelly):
    folder = examples / "bars-events"
    x, net = inputs(folder), frameworks.load(frameworks.events(*jelly), folder)
    model = snnc.from_torch(net, over_time(x), readout="sum")
    recorded(model, folder, x)
    # The same map in all timesteps is held.
    still = torch.full((20, 1, 2, 16, 16), 0.5)
    assert not snnc.from_torch(net, still).networks["net"]["spikes"]
    with pytest.raises(snnc.SnncError, match="changes over time"):
        snnc.from_torch(net, torch.rand(20, 1, 2, 16, 16))


def test_snntorch_with_a_learned_beta(examples, snn):
    folder = examples / "digits-leaky"
    x, net = inputs(folder), frameworks.load(frameworks.LeakyNet(snn), folder)
    recorded(snnc.from_torch(net, over_time(x)), folder, x)


def test_snntorch_with_recurrent_layers(examples, snn):
    folder = examples / "digits-recurrent"
    x, net = inputs(folder), frameworks.load(frameworks.RecurrentNet(snn), folder)
    recorded(snnc.from_torch(net, over_time(x).flatten(2), readout="sum"), folder, x)


def test_other_neurons_are_those_of_the_framework(jelly):
    neuron, layer = jelly
    torch.manual_seed(1)
    from spikingjelly.activation_based import functional

    for node in (
        neuron.ParametricLIFNode(init_tau=3.0),
        neuron.LIFNode(tau=4.0, v_reset=-0.25, decay_input=False),
        neuron.LIFNode(tau=1.5, v_reset=None, v_threshold=0.7),
        neuron.IFNode(v_threshold=0.5),
    ):
        net = nn.Sequential(nn.Linear(6, 40), node).double().eval()
        x = torch.rand(5, 6).double() * 4 - 1
        model = snnc.from_torch(net, x, timesteps=7)
        functional.reset_net(net)
        with torch.no_grad():
            spikes = torch.stack([net(x) for _ in range(7)], 1)
        assert 0 < spikes.mean() < 1
        found = model.reference(x, spikes=True).spikes["1"]
        assert (found == spikes.numpy()).all(), type(node).__name__
    container = nn.Sequential(
        layer.SeqToANNContainer(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)),
        neuron.IFNode(step_mode="m"),
        nn.Flatten(2),
        layer.Linear(16, 3, step_mode="m"),
    ).eval()
    x = (torch.rand(5, 2, 1, 4, 4) > 0.5).float()
    model = snnc.from_torch(container, x)
    with torch.no_grad():
        functional.reset_net(container)
        out = container(x).mean(0)
    assert np.allclose(model.reference(x.transpose(0, 1)).readout, out.numpy(), atol=1e-6)


def test_layers_between_neurons_compute_what_torch_computes(jelly):
    neuron, _ = jelly
    torch.manual_seed(2)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1)
            self.norm = nn.BatchNorm2d(4)
            self.node = neuron.IFNode(v_threshold=0.3)
            self.pool = nn.AdaptiveAvgPool2d(2)
            self.drop = nn.Dropout(0.5)
            self.fc = nn.Linear(32, 5)

        def forward(self, x):
            spikes = self.node(self.norm(self.up(x)))
            less = torch.nn.functional.avg_pool2d(spikes, 2)
            joined = torch.cat([self.pool(less), 2.0 * self.pool(spikes) / 4], 1)
            return self.fc(self.drop(joined.view(x.shape[0], -1)))

    class Part(Net):
        def forward(self, x):
            return super().forward(x)[:, :3]

    x = torch.rand(2, 3, 4, 4)
    net = Net().eval()
    from spikingjelly.activation_based import functional

    model = snnc.from_torch(net, x, timesteps=3)
    functional.reset_net(net)
    with torch.no_grad():
        out = sum(net(x) for _ in range(3)) / 3
    assert np.allclose(model.reference(x).readout, out.numpy(), atol=1e-6)
    with pytest.raises(snnc.SnncError, match="`getitem` is no function that is known"):
        snnc.from_torch(Part(), x, timesteps=3)


def test_loops_over_the_second_axis_and_modules_of_ones_own(snn):
    torch.manual_seed(3)

    class Join(nn.Module):
        def forward(self, a, b):
            return a + b

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.skip, self.join = nn.Linear(6, 30), nn.Linear(6, 30), Join()
            self.one, self.two = snn.Leaky(beta=0.8), snn.Leaky(beta=0.5, reset_mechanism="zero", threshold=0.4)

        def forward(self, x):
            mem1, mem2, total = self.one.init_leaky(), self.two.init_leaky(), 0
            for t in range(x.size(1)):
                spk, mem1 = self.one(self.join(self.fc(x[:, t]), self.skip(x[:, t])), mem1)
                spk, mem2 = self.two(spk * 0.3, mem2)
                total += spk
            return total

    net = Net().double().eval()
    x = (torch.rand(4, 9, 6) > 0.5).double()
    model = snnc.from_torch(net, x)
    with torch.no_grad():
        out = net(x)
    assert 0 < out.mean() < 9
    assert (model.reference(x).readout == out.numpy()).all()
    assert model.networks["net"] == {"timesteps": 9, "input": (6, 1, 1), "spikes": True, "output": (30, 1, 1)}
    assert "join.add" in model.text


def test_a_recording_is_that_of_the_examples(examples, jelly, snn, tmp_path):
    from snnc.torch import record

    for name, net, options, other in (
        ("digits-cnn", frameworks.cnn(jelly[0]), {"timesteps": 4}, {}),
        ("bars-events", frameworks.events(*jelly), {"readout": "sum"}, {"batch": 1}),
        ("digits-leaky", frameworks.LeakyNet(snn), {}, {"batch": 1}),
    ):
        folder = examples / name
        x = inputs(folder)
        given = torch.as_tensor(x).transpose(0, 1) if other else torch.as_tensor(x)
        record(frameworks.load(net, folder), given, tmp_path / "golden.safetensors", **options, **other)
        # The model file of the example was written by hand, so this is an independent check of names and bits.
        check = snnc.load(folder / "model.ron").check(tmp_path / "golden.safetensors", x)
        theirs = snnc.load(folder / "model.ron").check(folder / "golden.safetensors", x)
        assert check, str(check)
        assert [row["name"] for row in check["rows"]] == [row["name"] for row in theirs["rows"]]


def test_what_is_not_known_is_named_by_its_module_path(jelly, snn):
    neuron, _ = jelly

    def refused(net, message, place, sample=torch.rand(1, 4), **options):
        with pytest.raises(snnc.SnncError, match=message) as error:
            snnc.from_torch(net, sample, **{"timesteps": 2, **options})
        assert error.value.code in ("E0024", "E0021") and place in error.value.place, error.value

    block = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    refused(nn.Sequential(block, neuron.IFNode()), "ReLU is not supported", "module 0.1")
    refused(nn.Sequential(nn.Linear(4, 4), neuron.QIFNode()), "QIFNode is not supported", "module 1")
    refused(nn.Sequential(nn.Linear(4, 4), neuron.IFNode(v_reset=0.5)), "resets to 0.5", "module 1")
    refused(nn.Sequential(nn.Linear(4, 4), snn.Lapicque(beta=0.5, init_hidden=True)), "Lapicque", "module 1")
    refused(
        nn.Sequential(nn.Linear(4, 4), snn.Leaky(beta=0.5, init_hidden=True, reset_delay=False)),
        "reset_delay",
        "module 1",
    )
    refused(
        nn.Sequential(nn.Conv2d(1, 2, 3, padding_mode="circular", padding=1), neuron.IFNode()),
        "circular",
        "module 0",
        torch.rand(1, 1, 4, 4),
    )
    refused(
        nn.Sequential(nn.Flatten(2), nn.Linear(4, 4), neuron.IFNode()), "in a row", "module 0", torch.rand(1, 3, 2, 2)
    )
    refused(nn.Sequential(neuron.IFNode(), neuron.IFNode(step_mode="m")), "step_mode|one timestep", "module")
    refused(nn.Sequential(nn.Linear(4, 4), neuron.IFNode()), "timesteps", "timesteps", timesteps=None)

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.node = nn.Linear(4, 4), neuron.IFNode()

        def forward(self, x):
            return self.node(torch.sin(self.fc(x)))

    refused(nn.Sequential(Odd()), "`sin` is no function that is known", "module 0")

    class Feedback(Odd):
        def forward(self, x):
            out = 0.0
            for _ in range(3):
                out = self.node(self.fc(x + out))
            return out

    refused(Feedback(), "loop written by hand|no function", "module", timesteps=None)

    class Membrane(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.node = nn.Linear(4, 4), snn.Leaky(beta=0.5)

        def forward(self, x):
            return self.node(self.fc(x))[1]

    refused(Membrane(), "membrane", "node")


def test_the_module_is_left_as_it_was(jelly):
    neuron, _ = jelly
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(), neuron.IFNode()).train()
    net(torch.rand(1, 4))
    state, before = {key: value.clone() for key, value in net.state_dict().items()}, net[2].v.clone()
    snnc.from_torch(net, torch.rand(1, 4), timesteps=2)
    assert net.training and (net[2].v == before).all() and "forward" not in vars(net[0])
    assert all((net.state_dict()[key] == value).all() for key, value in state.items())
    assert "__getitem__" not in vars(torch.Tensor)
