"""The classifiers of examples/ in the frameworks that trained them, on their own weights, in float32.

    classifier_peer.py cnn|recurrent FOLDER --batch 1 [--threads 2]

FOLDER has weights.pth and inputs.npy. Prints milliseconds a sample: the median of seven rounds over all samples, after
one that is not timed. `cnn` is SpikingJelly in multi-step mode, its fastest; `recurrent` is snnTorch, step by step, as
it has no other way.
"""
import argparse
import time
from pathlib import Path

import numpy as np
import torch

TIMESTEPS, ROUNDS = 4, 7


def cnn(state):
    from spikingjelly.activation_based import functional, layer, neuron

    def lif():
        return neuron.LIFNode(tau=2.0)

    net = torch.nn.Sequential(
        layer.Conv2d(1, 8, 3, padding=1, bias=False),
        layer.BatchNorm2d(8),
        lif(),
        layer.AvgPool2d(2),
        layer.Conv2d(8, 16, 3, padding=1, bias=False),
        layer.BatchNorm2d(16),
        lif(),
        layer.AvgPool2d(2),
        layer.Flatten(),
        layer.Linear(784, 128, bias=False),
        lif(),
        layer.Linear(128, 10, bias=False),
        lif(),
    )
    net.load_state_dict(state, strict=False)
    net.eval()
    functional.set_step_mode(net, "m")

    def classify(images):
        functional.reset_net(net)
        return net(images.unsqueeze(0).expand(TIMESTEPS, *images.shape).contiguous()).mean(0).argmax(1)

    return classify


def recurrent(state):
    import snntorch as snn

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = torch.nn.Linear(16, 96)
            self.rlif1 = snn.RLeaky(beta=0.9, linear_features=96)
            self.fc2 = torch.nn.Linear(96, 64)
            self.rsyn2 = snn.RSynaptic(alpha=0.6, beta=0.8, linear_features=64)
            self.fc3 = torch.nn.Linear(64, 10)
            self.syn3 = snn.Synaptic(alpha=0.5, beta=0.85)

        def forward(self, trains):
            spike1, membrane1 = self.rlif1.init_rleaky()
            spike2, current2, membrane2 = self.rsyn2.init_rsynaptic()
            current3, membrane3 = self.syn3.init_synaptic()
            counts = 0
            for spikes in trains:
                spike1, membrane1 = self.rlif1(self.fc1(spikes), spike1, membrane1)
                spike2, current2, membrane2 = self.rsyn2(self.fc2(spike1), spike2, current2, membrane2)
                spike3, current3, membrane3 = self.syn3(self.fc3(spike2), current3, membrane3)
                counts = counts + spike3
            return counts

    net = Net()
    net.load_state_dict(state, strict=False)
    net.eval()
    # [n, t, 16, 1, 1] as [t, n, 16].
    return lambda trains: net(trains.flatten(2).transpose(0, 1)).argmax(1)


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["cnn", "recurrent"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    state = torch.load(args.folder / "weights.pth", weights_only=True)
    classify = {"cnn": cnn, "recurrent": recurrent}[args.kind](state)
    inputs = torch.from_numpy(np.load(args.folder / "inputs.npy").astype(np.float32))
    if (labels := args.folder / "labels.npy").exists():
        right = (classify(inputs).numpy() == np.load(labels)).mean()
        # The weights are where they belong if it classifies as it was trained to.
        assert right > 0.8, f"accuracy {right:.2f}"
    seconds = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        for batch in inputs.split(args.batch):
            classify(batch)
        seconds.append(time.perf_counter() - start)
    print(f"{np.median(seconds[1:]) / len(inputs) * 1e3:.6f}")


if __name__ == "__main__":
    main()
