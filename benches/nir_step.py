"""NIR graphs in NumPy, timestep by timestep: what each framework's own code does with the equations of the NIR paper.

Written from the paper and from the frameworks' step functions (named beside each rule), and sharing nothing with snnc.
"""
import numpy as np

import nir

# Reset and whether it takes more than the threshold, of each dialect.
DEFAULTS = {
    "snntorch": ("subtract-next", True),
    "spikingjelly": ("hard", False),
    "norse": ("hard", True),
    "sinabs": ("subtract", False),
    "rockpool": ("subtract", False),
    "lava": ("hard", True),
    "nengo": ("hard", True),
    "exact": ("hard", True),
}
EULER = ("spikingjelly", "norse", "lava")


class Rules:
    """How neurons step: dialect, seconds of a timestep, reset and comparison."""

    def __init__(self, dialect, dt, reset=None, strict=None):
        own = DEFAULTS[dialect]
        self.dialect, self.dt = dialect, dt
        self.reset = own[0] if reset is None else reset
        self.strict = own[1] if strict is None else strict

    def current(self, i, x, tau, w_in):
        """The synaptic current after a step: tau di/dt = -i + w_in x."""
        d = self.dt / tau
        if self.dialect in EULER:
            return i + d * (w_in * x - i)
        if self.dialect == "snntorch":  # alpha = 1 - dt / tau, w_in = tau / dt: syn = clamp(alpha) syn + x
            return np.clip(1 - d, 0, 1) * i + d * w_in * x
        if self.dialect in ("rockpool", "sinabs"):  # the input joins, then all decays
            return np.exp(-d) * (i + w_in * x)
        return w_in * x + (i - w_in * x) * np.exp(-d)

    def leaky(self, v, x, tau, r, v_leak):
        """The membrane after a step: tau dv/dt = v_leak - v + r x."""
        d = self.dt / tau
        if self.dialect in EULER:
            return v + d * (v_leak - v + r * x)
        if self.dialect == "snntorch":  # mem = clamp(beta) mem + x
            return np.clip(1 - d, 0, 1) * v + np.clip(d, 0, 1) * v_leak + d * r * x
        if self.dialect == "sinabs":  # v = alpha v + x
            return np.exp(-d) * v + (1 - np.exp(-d)) * v_leak + r * x
        if self.dialect == "rockpool":  # vmem = alpha vmem + isyn, and r is written as tau / dt exp(-dt / tau)
            return np.exp(-d) * v + (1 - np.exp(-d)) * v_leak + r * d * np.exp(d) * x
        rest = v_leak + r * x
        return rest + (v - rest) * np.exp(-d)

    def whole(self, v, x, r):
        """A membrane without a leak: dv/dt = r x; some readers add the input as it is."""
        return v + r * x * (1 if self.dialect in ("snntorch", "norse", "sinabs") else self.dt)


class Neurons:
    """I, IF, LI, LIF, CubaLI and CubaLIF."""

    def __init__(self, node, shape, rules):
        self.node, self.rules, self.fires = node, rules, hasattr(node, "v_threshold")
        get = lambda name: np.broadcast_to(np.asarray(getattr(node, name), dtype=np.float64), shape)
        self.p = {k: get(k) for k in
                  ("tau", "tau_mem", "tau_syn", "r", "w_in", "v_leak", "v_threshold", "v_reset") if hasattr(node, k)}
        start = self.fires and rules.dialect == "spikingjelly"
        self.v = self.p["v_reset"].copy() if start else np.zeros(shape)
        self.i, self.fired = np.zeros(shape), np.zeros(shape, bool)

    def step(self, x):
        p, rules, reset = self.p, self.rules, self.rules.reset
        if reset == "hard-next" and self.fires:
            self.v = np.where(self.fired, p["v_reset"], self.v)
        if "tau_syn" in p:
            self.i = x = rules.current(self.i, x, p["tau_syn"], p["w_in"])
        tau = p.get("tau_mem", p.get("tau"))
        v = rules.whole(self.v, x, p["r"]) if tau is None else rules.leaky(self.v, x, tau, p["r"], p["v_leak"])
        if not self.fires:
            self.v = v
            return v
        if reset == "subtract-next":
            v = v - self.fired * p["v_threshold"]
        if reset == "blank-next":
            v = np.where(self.fired, p["v_reset"], v)
        self.fired = v > p["v_threshold"] if rules.strict else v >= p["v_threshold"]
        if reset == "hard":
            v = np.where(self.fired, p["v_reset"], v)
        if reset == "subtract":
            v = v - self.fired * p["v_threshold"]
        self.v = v
        return self.fired.astype(np.float64)


def pair(value):
    value = np.atleast_1d(value).tolist()
    return value * 2 if len(value) == 1 else value


def conv(node, x):
    """Cross-correlation of [c, h, w]; a Conv1d is one of a single row."""
    weight = np.asarray(node.weight, dtype=np.float64)
    row = weight.ndim == 3
    if row:
        weight, x = weight[:, :, None, :], x[:, None, :]
    sides = lambda value, other: [other, np.atleast_1d(value).tolist()[0]] if row else pair(value)
    stride, dilation = sides(node.stride, 1), sides(node.dilation, 1)
    kernel = weight.shape[2:]
    reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
    if isinstance(node.padding, str):
        # "same": what is odd goes to the end, as in PyTorch.
        zeros = [(r // 2, r - r // 2) if node.padding == "same" else (0, 0) for r in reach]
    else:
        zeros = [(p, p) for p in sides(node.padding, 0)]
    x = np.pad(x, [(0, 0), *zeros])
    size = [(x.shape[a + 1] - reach[a] - 1) // stride[a] + 1 for a in (0, 1)]
    groups, (outputs, depth) = int(node.groups), weight.shape[:2]
    result = np.zeros((outputs, *size))
    for o in range(outputs):
        first = o // (outputs // groups) * depth
        for c in range(depth):
            for i in range(kernel[0]):
                for j in range(kernel[1]):
                    rows = slice(i * dilation[0], i * dilation[0] + stride[0] * (size[0] - 1) + 1, stride[0])
                    columns = slice(j * dilation[1], j * dilation[1] + stride[1] * (size[1] - 1) + 1, stride[1])
                    result[o] += weight[o, c, i, j] * x[first + c, rows, columns]
    bias = getattr(node, "bias", None)
    if bias is not None:
        result += np.asarray(bias, dtype=np.float64)[:, None, None]
    return result[:, 0] if row else result


def pool(node, x):
    """Sums or means over windows, zeros around the map counted."""
    kernel, stride = pair(node.kernel_size), pair(node.stride)
    padding = pair(node.padding)
    x = np.pad(x, [(0, 0), *((p, p) for p in padding)])
    size = [(x.shape[a + 1] - kernel[a]) // stride[a] + 1 for a in (0, 1)]
    result = np.zeros((x.shape[0], *size))
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            result += x[:, i:i + stride[0] * (size[0] - 1) + 1:stride[0], j:j + stride[1] * (size[1] - 1) + 1:stride[1]]
    return result / (kernel[0] * kernel[1] if isinstance(node, nir.AvgPool2d) else 1)


def flat(graph, prefix=""):
    """Nodes by name, and edges, without subgraphs."""
    nodes, edges, ends = {}, [], {}
    for name, node in graph.nodes.items():
        if isinstance(node, nir.NIRGraph):
            inner, own = flat(node, f"{prefix}{name}.")
            nodes.update(inner)
            edges += own
            only = lambda kind: next(f"{prefix}{name}.{n}" for n, m in node.nodes.items() if isinstance(m, kind))
            ends[name] = (only(nir.Input), only(nir.Output))
        else:
            nodes[f"{prefix}{name}"] = node
            ends[name] = (f"{prefix}{name}",) * 2
    return nodes, edges + [(ends[a][1], ends[b][0]) for a, b in graph.edges]


def run(graph, x, rules, late=()):
    """All nodes' outputs [t, ...] by flat name, for inputs [t, ...]; edges of `late` give what was a step ago."""
    nodes, edges = flat(graph)
    late = set(late)
    sources = {name: [a for a, b in edges if b == name] for name in nodes}
    order, ready = [], set()
    while len(order) < len(nodes):
        name = next(n for n in nodes if n not in ready and all(s in ready or (s, n) in late for s in sources[n]))
        order.append(name)
        ready.add(name)
    outputs, states = {name: [] for name in nodes}, {}
    for t in range(len(x)):
        for name in order:
            # Before the first step nothing has fired.
            then = [(s, t - ((s, name) in late)) for s in sources[name]]
            given = [outputs[s][step] for s, step in then if step >= 0]
            value = sum(given) if given else silence(nodes[name]) if sources[name] else x[t]
            looped = any((s, name) in late for s in sources[name])
            outputs[name].append(evaluate(name, nodes[name], value, states, rules, t, looped))
    return {name: np.array(values) for name, values in outputs.items()}


def silence(node):
    """What enters a node that only spikes of the step before feed, before there are any."""
    named = {"weight": 1, "r": 0, "delay": 0}
    field = next(field for field in named if hasattr(node, field))
    return np.zeros(np.shape(getattr(node, field))[named[field]:])


def evaluate(name, node, x, states, rules, t, looped):
    if isinstance(node, (nir.Input, nir.Output)):
        return np.asarray(x, dtype=np.float64)
    if isinstance(node, nir.Affine):
        return np.asarray(node.weight, np.float64) @ x + np.asarray(node.bias, np.float64)
    if isinstance(node, nir.Linear):
        return np.asarray(node.weight, np.float64) @ x
    if isinstance(node, nir.Scale):
        return np.asarray(node.scale, np.float64) * x
    if isinstance(node, (nir.Conv1d, nir.Conv2d)):
        return conv(node, x)
    if isinstance(node, (nir.SumPool2d, nir.AvgPool2d)):
        return pool(node, x)
    if isinstance(node, nir.Flatten):
        end = node.end_dim % x.ndim
        return x.reshape(*x.shape[:node.start_dim], -1, *x.shape[end + 1:]) if x.ndim > 1 else x
    if isinstance(node, nir.Threshold):
        threshold = np.asarray(node.threshold, np.float64)
        return (x > threshold if rules.strict else x >= threshold).astype(np.float64)
    if isinstance(node, nir.Delay):
        # What closes a loop has come a step late already.
        steps = int(round(float(np.ravel(node.delay)[0]) / rules.dt)) - looped
        line = states.setdefault(name, [])
        line.append(np.array(x))
        return line[t - steps] if t >= steps else np.zeros_like(x)
    if name not in states:
        states[name] = Neurons(node, x.shape, rules)
    return states[name].step(x)
