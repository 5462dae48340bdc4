"""The same generation loop in PyTorch + SpikingJelly on this machine's CPU, on the example's own weights.

Prints seconds per image, for benches/vs_peer.sh to compare.
"""
import argparse
import time

import torch
from safetensors.torch import load_file
from spikingjelly.activation_based import functional, layer, neuron

TIMESTEPS, ITERATIONS, TEMPERATURE = 16, 49, 0.65


def block(conv, state, conv_key, norm_key):
    """Convolution, batch norm and LIF with the weights under two key prefixes."""
    norm = layer.BatchNorm2d(conv.out_channels)
    conv.load_state_dict({k: state[f"{conv_key}.{k}"] for k in ("weight", "bias")})
    names = ("weight", "bias", "running_mean", "running_var")
    norm.load_state_dict({k: state[f"{norm_key}.{k}"] for k in names}, strict=False)
    return torch.nn.Sequential(conv, norm, neuron.LIFNode())


def plain(conv, state, key):
    conv.load_state_dict({k: state[f"{key}.{k}"] for k in ("weight", "bias")})
    return conv


class Nets(torch.nn.Module):
    """Denoiser and decoder of the example."""

    def __init__(self, folder):
        super().__init__()
        sdid, vq = load_file(f"{folder}/sdid.safetensors"), load_file(f"{folder}/vq_svae.safetensors")
        blocks = []
        for i in range(1, 6):
            out, inp = sdid[f"conv{i}.0.weight"].shape[:2]
            conv = layer.Conv2d(inp, out, 3, padding=1)
            blocks.append(block(conv, sdid, f"conv{i}.0", f"conv{i}.1"))
        self.blocks = torch.nn.ModuleList(blocks)
        out, inp = sdid["conv6.0.weight"].shape[:2]
        self.last = plain(layer.Conv2d(inp, out, 3, padding=1), sdid, "conv6.0")
        self.codes = vq["vq_layer.embeddings.weight"]
        width = self.codes.shape[1]
        self.generator = block(layer.Conv2d(width, width, 1), vq, "vq_layer.poisson.0", "vq_layer.poisson.1")
        up = dict(kernel_size=3, stride=2, padding=1, output_padding=1)
        shapes = [vq[f"decoder.snn_convs.{i}.weight"].shape for i in (0, 3, 6)]
        key = "decoder.snn_convs."
        self.up1 = block(layer.ConvTranspose2d(*shapes[0][:2], **up), vq, key + "0", key + "1")
        self.up2 = block(layer.ConvTranspose2d(*shapes[1][:2], **up), vq, key + "3", key + "4")
        self.out = plain(layer.ConvTranspose2d(*shapes[2][:2], 3, padding=1), vq, key + "6")
        self.decay = vq["memout.coef"].reshape(-1, 1, 1, 1, 1)

    def denoise(self, tokens, t):
        planes = torch.stack([tokens.float(), torch.full_like(tokens, t).float()], dim=1)
        x = skip = self.blocks[0](planes.expand(TIMESTEPS, *planes.shape).contiguous())
        for part in self.blocks[1:]:
            x = part(x)
        return self.last(torch.cat([x, skip], dim=2)).mean(dim=0)

    def decode(self, tokens):
        z = self.codes[tokens].permute(0, 3, 1, 2)
        x = self.generator(z.expand(TIMESTEPS, *z.shape).contiguous())
        return torch.tanh((self.out(self.up2(self.up1(x))) * self.decay).sum(0))


@torch.inference_mode()
def generate(nets, batch, iterations):
    mask = nets.codes.shape[0]
    tokens = torch.full((batch, 7, 7), mask)
    for t in range(iterations, 0, -1):
        chosen = (torch.rand(tokens.shape) < 1 / t) & (tokens == mask)
        logits = nets.denoise(tokens, t).permute(0, 2, 3, 1) / TEMPERATURE
        functional.reset_net(nets)
        drawn = torch.distributions.Categorical(logits=logits).sample()
        tokens = torch.where(chosen, drawn, tokens)
    nets.decode(tokens.clamp(max=mask - 1))
    functional.reset_net(nets)


if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("model")
    args.add_argument("--batch", type=int, default=1)
    args.add_argument("--threads", type=int, default=2)
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    nets = Nets(args.model)
    functional.set_step_mode(nets, "m")
    nets.eval()
    generate(nets, args.batch, 2)
    start = time.perf_counter()
    generate(nets, args.batch, ITERATIONS)
    print(f"{(time.perf_counter() - start) / args.batch:.4f}")
