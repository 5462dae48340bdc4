#!/usr/bin/env python3
"""Recomputes a run of snnc from its texts and holds it against what the run reported.

    python3 examples/audit.py NET.spiking NET.program INPUT.npy RUN_FOLDER

Written from docs/model-of-time-and-energy.md, not from the source of snnc; it shares no code with it. Needs NumPy.
Spikes come from the network in integers (`snnc compile --emit spiking`) and the input; packets, operations, hops, link
loads, time and energy from the mapped program (`--emit program`). Everything is a whole number: spikes, picoseconds,
attojoules. Exit code 1 and a line for each difference if a figure of report.json or timesteps.csv is not the
recomputed one.
"""

import csv
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np


class Refused(Exception):
    """What this audit does not know how to recompute."""


# --- The texts: RON ---------------------------------------------------------------------------------------------------

TOKEN = re.compile(r'\s*(?://[^\n]*\n\s*)*("(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|-?[0-9][0-9.eE+-]*|[()\[\]{}:,])')


class Ron:
    """A reader of RON: structs are dicts with their name under `_`, lists and tuples are lists, `Id(3)` is 3."""

    def __init__(self, text):
        self.tokens = TOKEN.findall(text)
        self.at = 0

    def peek(self):
        return self.tokens[self.at]

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def sequence(self, end):
        values = []
        while self.peek() != end:
            values.append(self.value())
            if self.peek() == ",":
                self.take()
        self.take()
        return values

    def fields(self, name):
        values = {"_": name}
        while self.peek() != ")":
            field = self.take()
            assert self.take() == ":", field
            values[field] = self.value()
            if self.peek() == ",":
                self.take()
        self.take()
        return values

    def map(self):
        values = {}
        while self.peek() != "}":
            key = self.value()
            assert self.take() == ":"
            values[key] = self.value()
            if self.peek() == ",":
                self.take()
        self.take()
        return values

    def value(self):
        token = self.take()
        if token == "[":
            return self.sequence("]")
        if token == "{":
            return self.map()
        if token[0] == '"':
            return token[1:-1]
        if token == "(":
            return self.inside(None)
        if token[0].isdigit() or token[0] == "-":
            return float(token) if re.search(r"[.eE]", token) else int(token)
        if token in ("true", "false"):
            return token == "true"
        if self.at < len(self.tokens) and self.peek() == "(":
            self.take()
            return self.inside(token)
        return None if token == "None" else token

    def inside(self, name):
        if self.peek() != ")" and self.at + 1 < len(self.tokens) and self.tokens[self.at + 1] == ":":
            return self.fields(name)
        values = self.sequence(")")
        if name == "Sourced":
            return values[0]  # the value; the source is for people
        if name in ("Some", "Site") or (name or "").endswith("Id"):
            return values[0]
        return {"_": name, "values": values} if name else values


def read(path):
    return Ron(Path(path).read_text(encoding="utf-8")).value()


def need(condition, what):
    if not condition:
        raise Refused(what)


# --- The network in integers: spikes ----------------------------------------------------------------------------------


def reached(axis, i, k):
    """The target on an axis that tap k of source i reaches, or None."""
    k += axis["first_tap"]
    if axis["transposed"]:
        to = i * axis["stride"] - axis["padding"] + k * axis["dilation"]
    else:
        to, rest = divmod(i + axis["padding"] - k * axis["dilation"], axis["stride"])
        if rest:
            return None
    return to if 0 <= to < axis["output"] else None


class Population:
    def __init__(self, described, number):
        shape = described["shape"]
        self.number, self.name = number, described["name"]
        self.sides = (shape["channels"], shape["height"], shape["width"])
        self.window = range(described["window"]["start"], described["window"]["start"] + described["window"]["steps"])
        model = described["dynamics"]
        self.kind = model if isinstance(model, str) else model["_"]
        need(self.kind in ("Port", "Lif", "Integrator"), f"neurons of the kind {self.kind}")
        need(described.get("order") is None, "a population that the mapping numbers anew")
        self.shift = described["input_shift"]
        self.decay = 0 if self.kind == "Port" else model["decay"]
        self.subtract = self.kind == "Lif" and model.get("reset", "Zero") == "Subtract"
        self.threshold = np.zeros(self.sides, np.int64)
        if self.kind == "Lif":
            self.threshold += np.array(model["thresholds"], np.int64)[:, None, None]
        bias = described["bias"]
        if bias == "Zero":
            self.bias = np.zeros(self.sides, np.int64)
        else:
            need(bias != "Host", "a population whose bias the host writes")
            values = np.array(bias["values"][0], np.int64)
            self.bias = (
                values.reshape(self.sides)
                if bias["_"] == "Neuron"
                else np.zeros(self.sides, np.int64) + values[:, None, None]
            )


class Projection:
    """Synapses as a matrix [sources, targets] of weights, and whether there is a synapse."""

    def __init__(self, described, populations):
        self.source, self.target, self.delay = described["source"], described["target"], described["delay"]
        connectivity = described["connectivity"]
        need(connectivity["_"] == "Conv", f"connectivity of the kind {connectivity['_']}")
        conv = connectivity["values"][0]
        rows, cols, kernel = conv["map"]["rows"], conv["map"]["cols"], conv["kernel"]
        groups, height, width = kernel["channels"], kernel["height"], kernel["width"]
        inputs, outputs = groups["inputs"], groups["outputs"]
        weights = np.array(kernel["weights"].split(), np.int64).reshape(
            groups["groups"], inputs, height, width, outputs
        )
        from_, to = populations[self.source].sides, populations[self.target].sides
        need(np.prod(from_) * np.prod(to) <= 1 << 26, "a projection of more than 2^26 pairs of neurons")
        self.weights = np.zeros((*from_, *to), np.int64)
        self.exists = np.zeros((*from_, *to), bool)
        for yi, xi, ky, kx in np.ndindex(from_[1], from_[2], height, width):
            yo, xo = reached(rows, yi, ky), reached(cols, xi, kx)
            if yo is None or xo is None:
                continue
            for g in range(groups["groups"]):
                ci = groups["first_input"] + g * inputs
                co = groups["first_output"] + g * outputs
                self.weights[ci : ci + inputs, yi, xi, co : co + outputs, yo, xo] = weights[g, :, ky, kx, :]
                self.exists[ci : ci + inputs, yi, xi, co : co + outputs, yo, xo] = True
        sides = (int(np.prod(from_)), int(np.prod(to)))
        self.weights, self.exists = self.weights.reshape(sides), self.exists.reshape(sides)


class Network:
    def __init__(self, text):
        model = text["model"]
        need(len(model["networks"]) == 1, "several networks")
        self.format, self.steps = model["neuron"], model["networks"][0]["pass_steps"]
        self.populations = [Population(p, i) for i, p in enumerate(model["populations"])]
        need(any(p.kind == "Port" for p in self.populations), "a network that is not fed spikes")
        self.projections = [Projection(p, self.populations) for p in text["projections"]]
        self.names = [f"{model['networks'][0]['name']}.{p.name}" for p in self.populations]
        self.read = [r["population"] for r in model["readouts"]]

    def hold(self, value):
        """A sum as the accumulator's width holds it."""
        bits = self.format["accumulator_bits"]
        half = 1 << (bits - 1)
        return (value + half) % (2 * half) - half if self.format["wrap"] else np.clip(value, -half, half - 1)

    def run(self, train):
        """Spikes [timestep][population] and updates (active, inactive) by the same, of input spikes [t, c, h, w]."""
        sums = [defaultdict(lambda n=int(np.prod(p.sides)): np.zeros(n, np.int64)) for p in self.populations]
        membranes = [np.zeros(p.sides, np.int64) for p in self.populations]
        spikes, active, inactive = [], [], []
        half = 1 << (self.format["state_bits"] - 1)
        for t in range(self.steps):
            fired, on, off = [], [], []
            for p, v in zip(self.populations, membranes):
                none = np.zeros(p.sides, bool)
                if t not in p.window:
                    fired, on, off = fired + [none], on + [none], off + [none]
                    continue
                if p.kind == "Port":
                    fired, on, off = fired + [train[t - p.window.start] != 0], on + [none], off + [none]
                    continue
                total = sums[p.number][t].reshape(p.sides)
                is_active = (v != 0) | (total != 0) | (p.bias != 0)
                kept = np.sign(v) * (
                    (np.abs(v) * ((1 << self.format["decay_bits"]) - p.decay)) >> self.format["decay_bits"]
                )
                v[:] = np.clip(kept + self.hold(total << p.shift) + p.bias, -half, half - 1)
                fires = none
                if p.kind == "Lif":
                    level = p.threshold << self.format["threshold_shift"]
                    fires = v > level if self.format["strict"] else v >= level
                    v[fires] = (v - level)[fires] if p.subtract else 0
                fired, on, off = fired + [fires], on + [is_active], off + [~is_active]
            for j in self.projections:
                flat = fired[j.source].reshape(-1)
                if flat.any():
                    sums[j.target][t + j.delay] += j.weights[flat].sum(axis=0)
            spikes.append(fired), active.append(on), inactive.append(off)
        return spikes, active, inactive


# --- The mapped program: packets, ways, work --------------------------------------------------------------------------


class Program:
    def __init__(self, text):
        self.target, self.cores, self.chips = text["target"], text["cores"], text["chips"]
        topology = self.target["topology"]
        need(topology["interconnect"] in (None, "MeshXy"), "another interconnect than MeshXy")
        need(
            self.target["axons"]["input"] != "BitPlanes"
            and self.target["axons"]["output"] != "NeuronCopies"
            and not isinstance(self.target["axons"]["input"], dict),
            "a crossbar that repeats work",
        )
        self.columns, self.rows = topology["mesh_columns"], topology["mesh_rows"]
        self.per_tile, self.across = topology["cores_per_tile"], topology["chip_columns"]
        self.forks = topology["routing"] != "Unicast"
        self.present = self.chips if self.chips <= self.across else -(-self.chips // self.across) * self.across
        populations = text["model"]["populations"]
        self.order = [p.get("order") for p in populations]
        self.port = [c["slices"][0]["slice"]["population"] if c["slices"] else None for c in self.cores]
        self.port = [p is not None and populations[p]["dynamics"] == "Port" for p in self.port]
        per_chip = self.columns * self.rows * self.per_tile
        self.chip = [site // per_chip for site in text["sites"]]
        tiles = [site % per_chip // self.per_tile for site in text["sites"]]
        self.tile = [
            (
                chip % self.across * self.columns + tile % self.columns,
                chip // self.across * self.rows + tile // self.columns,
            )
            for chip, tile in zip(self.chip, tiles)
        ]
        self.network = self.target["network"]
        self.flits = self.network["flits_per_packet"] if self.network else 1
        self.synapses = {}
        self.skips_zeros = self.target["synapses"].get("zero_weights", "Stored") == "Skipped"
        self.weights = [np.array(content["weights"].split(), np.int64) for content in self.cores]

    def serial(self, path):
        return self.target["timing"].get(path) == "Serial"

    def way(self, core, to):
        """The links from a core to another, along X, then along Y: (from, to) tiles."""
        (x, y), (tx, ty) = self.tile[core], self.tile[to]
        links = []
        while (x, y) != (tx, ty):
            after = (x + (1 if tx > x else -1), y) if x != tx else (x, y + (1 if ty > y else -1))
            links.append(((x, y), after))
            x, y = after
        return links

    def kind(self, link):
        (a, b), (c, d) = link
        if (a // self.columns, b // self.rows) != (c // self.columns, d // self.rows):
            return "chip"
        return "east_west" if b == d else "north_south"

    def synapses_of(self, core, axon, atom):
        """Synapses by target population that a packet of the atom-th channel meets at an input axon of a core."""
        key = (core, axon, atom)
        if key not in self.synapses:
            content = self.cores[core]
            a = content["axons"][axon]
            source, met = a["first_atom"] + atom, Counter()
            for entry in content["entries"][a["first_entry"] : a["first_entry"] + a["entries"]]:
                listed = content["lists"][entry["list"]]
                if 0 <= source - listed["first_atom"] < listed["atoms"]:
                    population = content["slices"][listed["slice"]]["slice"]["population"]
                    met[population] += self.stored(core, listed, source)
            self.synapses[key] = met
        return self.synapses[key]

    def stored(self, core, listed, source):
        """Synapses of a source channel in a list: without those of weight 0 where the target leaves these out."""
        if not self.skips_zeros:
            return sum(run["len"] for run in listed["runs"])
        row = self.weights[core][listed["weights"] + (source - listed["first_atom"]) * listed["atom_stride"] :]
        return sum(int(np.count_nonzero(row[run["weight"] :][: run["len"]])) for run in listed["runs"])

    def reader(self, core, axon):
        """The population whose synapses an input axon of a core has; none of an axon without synapses."""
        content = self.cores[core]
        entries = content["entries"][content["axons"][axon]["first_entry"] :][: content["axons"][axon]["entries"]]
        found = {content["slices"][content["lists"][entry["list"]]["slice"]]["slice"]["population"] for entry in entries}
        need(len(found) <= 1, "axons of one population each")
        return found.pop() if found else None

    def placed(self, values):
        """Arrays ``[c, h, w]`` by population, as the mapping numbers channels (neurons, where there is one channel)."""
        found = []
        for array, order in zip(values, self.order):
            if order is None:
                found.append(array)
            elif array.shape[0] > 1:
                found.append(array[order])
            else:
                found.append(array.reshape(-1)[order].reshape(array.shape))
        return found

    def slices(self):
        for core, content in enumerate(self.cores):
            for placed in content["slices"]:
                box = placed["slice"]
                ranges = [slice(box[side]["start"], box[side]["end"]) for side in ("channels", "rows", "cols")]
                yield core, box["population"], ranges, placed


def picoseconds(ns):
    return round(ns * 1000)


class Prices:
    """Whole attojoules, picowatts and picoseconds of a target."""

    EVENTS = [
        "synaptic_operation",
        "neuron_update_active",
        "neuron_update_inactive",
        "neuron_spike",
        "axon_in",
        "axon_out",
        "tile_delivery",
        "hop_east_west",
        "hop_north_south",
        "hop_chip",
        "host_write",
        "host_read",
        "input_packet",
        "host_multiply_add",
        "host_synchronisation",
        "membrane_clear",
    ]
    COMPONENT = dict(
        synaptic_operation="synapse",
        neuron_update_active="neuron",
        neuron_update_inactive="neuron",
        neuron_spike="neuron",
        axon_in="axon",
        axon_out="axon",
        tile_delivery="network",
        hop_east_west="network",
        hop_north_south="network",
        hop_chip="network",
        host_write="host",
        host_read="host",
        input_packet="host",
        host_multiply_add="host",
        host_synchronisation="host",
        membrane_clear="neuron",
    )

    def __init__(self, program):
        energy, timing = program.target["energy"], program.target["timing"]
        self.aj = {event: round((energy.get(f"{event}_pj") or 0) * 1e6) for event in self.EVENTS}
        milliwatt, microwatt = 10**9, 10**6
        self.pw = {
            "static_mw_per_chip": round(energy["static_mw_per_chip"] * milliwatt),
            **{
                name: round((energy.get(name) or 0) * milliwatt)
                for name in ("static_mw_embedded_per_chip", "static_mw_per_unused_chip")
            },
            **{
                name: round((energy.get(name) or 0) * microwatt)
                for name in (
                    "static_uw_per_core",
                    "static_uw_per_memory_kib",
                    "static_uw_per_core_in_use",
                    "static_uw_per_unused_core",
                )
            },
        }
        self.interval = {
            unit: picoseconds(t["interval_ns"])
            for unit, t in timing.items()
            if isinstance(t, dict) and "interval_ns" in t
        }
        self.latency = {
            unit: picoseconds(t["latency_ns"])
            for unit, t in timing.items()
            if isinstance(t, dict) and "latency_ns" in t
        }
        for optional in ("neuron_spike", "input_packet", "host_multiply_add", "host_synchronisation"):
            self.interval.setdefault(optional, 0)
            self.latency.setdefault(optional, 0)
        tiles = len({program.tile[c] for c in range(len(program.cores)) if not program.port[c]})
        self.barrier = self.barrier_of(timing["barrier"], tiles)
        self.tiles = tiles

    @staticmethod
    def barrier_of(barrier, tiles):
        points = [(n, picoseconds(ns)) for n, ns in barrier["points_ns"]]
        below = [point for point in points if point[0] <= tiles]
        if not below:
            return points[0][1]
        (n0, p0), above = below[-1], points[len(below) :]
        if not above or barrier["between"] != "Linear":
            return p0
        n1, p1 = above[0]
        return p0 + (p1 - p0) * (tiles - n0) // (n1 - n0)

    def host(self, unit, words):
        return self.latency[unit] + words * self.interval[unit] if words else 0


class Pass:
    """One pass: counts, time and energy by the rules of the page."""

    def __init__(self, network, program, prices, train):
        self.program, self.prices = program, prices
        self.spikes, active, inactive = network.run(train)
        cores = range(len(program.cores))
        self.layer = [Counter() for _ in network.populations]
        self.core = [Counter() for _ in cores]
        self.events = [Counter() for _ in cores]
        self.links = Counter()
        self.hops = Counter()
        # Of the busiest units' time, picoseconds by layer; None is links and deliveries.
        self.binding = Counter()
        self.steps = []
        for t in range(network.steps):
            self.steps.append(self.step(network, t, active, inactive))
        words = sum(int(np.prod(network.populations[p].sides)) for p in network.read)
        computed, first = defaultdict(list), None
        for core, population, ranges, _ in program.slices():
            first = core if first is None else first
            neurons = np.zeros(network.populations[population].sides, bool)[tuple(ranges)].size
            if population in network.read:
                self.events[core]["host_read"] += neurons
                computed[population].append(core)
            if not program.port[core]:
                self.events[core]["membrane_clear"] += neurons
        self.events[first]["host_synchronisation"] += 1
        for population, cores in computed.items():
            total = int(np.prod(network.populations[population].sides))
            for i, core in enumerate(cores):
                self.events[core]["host_multiply_add"] += total // len(cores) + (i < total % len(cores))
        # Nothing is computed before a pass of spikes; each word that is read is scaled.
        self.host_ps = (
            prices.host("host_synchronisation", 1)
            + prices.host("host_read", words)
            + prices.host("host_multiply_add", words)
        )
        self.time_ps = self.host_ps + sum(step["time_ps"] for step in self.steps)
        self.charge()

    def step(self, network, t, active, inactive):
        program, interval = self.program, self.prices.interval
        cores = range(len(program.cores))
        spiked, active, inactive = (program.placed(values[t]) for values in (self.spikes, active, inactive))
        busy = {unit: [0] * len(cores) for unit in ("synapse", "neuron", "axon_in", "axon_out")}
        # The same split by layer.
        parts = {unit: [Counter() for _ in cores] for unit in busy}
        arriving, leaving = [0] * len(cores), [0] * len(cores)
        loads, packets, fired_in_all = Counter(), 0, 0
        for core, population, ranges, placed in program.slices():
            box = tuple(ranges)
            fired = spiked[population][box]
            waits = t not in network.populations[population].window and not program.port[core]
            ungated = fired.size if waits and program.target["neuron"].get("gated") is False else 0
            on, off = int(active[population][box].sum()), int(inactive[population][box].sum()) + ungated
            spikes = int(fired.sum())
            fired_in_all += spikes
            port = program.port[core]
            self.layer[population].update(spikes=spikes, updates_active=on, updates_inactive=off)
            self.core[core].update(spikes=spikes)
            self.events[core].update(
                neuron_update_active=on, neuron_update_inactive=off, neuron_spike=0 if port else spikes
            )
            if not port:
                updating = (
                    on * interval["neuron_update_active"]
                    + off * interval["neuron_update_inactive"]
                    + spikes * interval["neuron_spike"]
                )
                busy["neuron"][core] += updating
                parts["neuron"][core][population] += updating
            width = fired.shape[2]
            for atom, y, x in np.argwhere(fired):
                position = int(y) * width + int(x)
                routes = placed["destinations"][
                    placed["route_starts"][position] : placed["route_starts"][position + 1]
                ]
                self.send(core, population, int(atom), routes, (arriving, leaving), loads, (busy, parts))
                packets += len(routes)
        for core in cores:
            busy["axon_in"][core] = 0 if program.port[core] else arriving[core] * interval["axon_in"]
            unit = "input_packet" if program.port[core] else "axon_out"
            busy["axon_out"][core] = leaving[core] * interval[unit]
            # On a serial path the two units are one, which does one thing after the other.
            if program.serial("receive_path"):
                busy["synapse"][core] += busy["axon_in"][core]
                busy["axon_in"][core] = 0
                parts["synapse"][core].update(parts["axon_in"][core])
            if program.serial("send_path") and not program.port[core]:
                busy["neuron"][core] += busy["axon_out"][core]
                busy["axon_out"][core] = 0
                parts["neuron"][core].update(parts["axon_out"][core])
        self.links.update(loads)
        flits = program.flits
        longest = {unit: max(times) for unit, times in busy.items()}
        longest["link"] = max(
            (n * flits * interval[f"hop_{program.kind(link)}"] for link, n in loads.items()), default=0
        )
        longest["delivery"] = max(map(max, zip(arriving, leaving))) * flits * interval["tile_delivery"]
        most = max(longest.values())
        for unit, times in busy.items():
            if most in times and most:
                self.binding.update(parts[unit][times.index(most)])
                break
        else:
            self.binding[None] += most
        return {"time_ps": max(longest.values()) + self.prices.barrier, "packets": packets, "spikes": fired_in_all}

    def send(self, core, population, atom, routes, crossing, loads, timed):
        (arriving, leaving), (busy, parts) = crossing, timed
        program, events = self.program, self.events[core]
        port = program.port[core]
        self.layer[population]["packets"] += len(routes)
        self.core[core]["packets_sent"] += len(routes)
        left = min(len(routes), 1) if program.forks else len(routes)
        leaving[core] += left
        parts["axon_out"][core][population] += left * self.prices.interval["input_packet" if port else "axon_out"]
        events["input_packet" if port else "axon_out"] += left if port else len(routes)
        events["tile_delivery"] += len(routes) * program.flits
        ways = [program.way(core, to["core"]) for to in routes]
        crossed = {link for way in ways for link in way} if program.forks else [link for way in ways for link in way]
        for link in crossed:
            kind = program.kind(link)
            loads[link] += 1
            self.hops[kind] += 1
            self.layer[population]["hops"] += 1
            events[f"hop_{kind}"] += program.flits
        for to in routes:
            destination = to["core"]
            arriving[destination] += 1
            self.core[destination]["packets_received"] += 1
            self.events[destination]["axon_in"] += 1
            reader = program.reader(destination, to["axon"])
            if reader is not None:
                parts["axon_in"][destination][reader] += self.prices.interval["axon_in"]
            for target, met in program.synapses_of(destination, to["axon"], atom).items():
                self.layer[target]["synaptic_operations"] += met
                self.core[destination]["synaptic_operations"] += met
                self.events[destination]["synaptic_operation"] += met
                busy["synapse"][destination] += met * self.prices.interval["synaptic_operation"]
                parts["synapse"][destination][target] += met * self.prices.interval["synaptic_operation"]

    def charge(self):
        program, prices = self.program, self.prices
        self.constants, self.component = Counter(), Counter()
        self.core_aj = [0] * len(program.cores)
        for core, events in enumerate(self.events):
            for event, count in events.items():
                aj = count * prices.aj[event]
                self.constants[f"{event}_pj"] += aj
                self.component[prices.COMPONENT[event]] += aj
                self.core_aj[core] += aj
        in_use = [c for c in range(len(program.cores)) if not program.port[c] and program.cores[c]["slices"]]
        per_chip = program.columns * program.rows * program.per_tile
        bits, energy = program.target["core"]["synapse_memory_bits"], program.target["energy"]
        # Chips and cores that draw what those in use draw; the others draw what the target says of unused ones.
        chips, cores = program.present, program.present * per_chip
        if energy.get("static_mw_per_unused_chip") is not None:
            chips = len({program.chip[c] for c in in_use})
            cores = chips * per_chip
        if energy.get("static_uw_per_unused_core") is not None:
            cores = len(in_use)
        amounts = {
            "static_mw_per_chip": (chips, 1),
            "static_mw_embedded_per_chip": (chips, 1),
            "static_uw_per_core": (cores, 1),
            "static_uw_per_memory_kib": (cores * bits, 8192),
            "static_uw_per_core_in_use": (len(in_use), 1),
            "static_mw_per_unused_chip": (program.present - chips, 1),
            "static_uw_per_unused_core": (chips * per_chip - cores, 1),
        }
        for name, (amount, parts) in amounts.items():
            aj = prices.pw[name] * amount // parts * self.time_ps // 10**6
            self.constants[name] += aj
            self.component["static"] += aj
            self.bear(name, aj, in_use, chips)

    def bear(self, name, aj, in_use, chips):
        """Splits static energy over the cores."""

        def share(total, cores):
            for i, core in enumerate(cores):
                self.core_aj[core] += total // len(cores) + (i < total % len(cores))

        by_core = name in ("static_uw_per_core", "static_uw_per_memory_kib") and (
            self.program.target["energy"].get("static_uw_per_unused_core") is not None
        )
        if by_core or name in ("static_uw_per_core_in_use", "static_mw_per_unused_chip", "static_uw_per_unused_core"):
            return share(aj, in_use)
        with_cores = sorted({self.program.chip[c] for c in in_use})
        parts = [aj // chips + (i < aj % chips) for i in range(chips)]
        for chip, part in zip(with_cores, parts):
            share(part, [c for c in in_use if self.program.chip[c] == chip])
        share(sum(parts[len(with_cores) :]), in_use)


# --- Against the report -----------------------------------------------------------------------------------------------


class Comparison:
    def __init__(self):
        self.compared, self.wrong = Counter(), []

    def same(self, section, what, recomputed, reported):
        self.compared[section] += 1
        if recomputed != reported:
            self.wrong.append(f"{section}: {what}: recomputed {recomputed}, reported {reported}")


def compare_sums(c, passes, report, network, program, prices):
    total, counted = report["totals"], lambda name: sum(sum(layer[name] for layer in p.layer) for p in passes)
    for name in ("spikes", "synaptic_operations", "packets", "hops"):
        c.same("totals", name, counted(name), total[name])
    c.same("totals", "time_ps", sum(p.time_ps for p in passes), int(total["time_ps"]))
    c.same("totals", "energy_aj", sum(sum(p.component.values()) for p in passes), int(total["energy_aj"]))
    c.same("barrier", "tiles", prices.tiles, report["time"]["barrier_tiles"])
    c.same("barrier", "each_ps", prices.barrier, int(report["time"]["barrier_each_ps"]))
    c.same("barrier", "all_ps", prices.barrier * network.steps * len(passes), int(report["time"]["barrier_ps"]))
    for kind, hops in report["hops_by_kind"].items():
        c.same("hops", kind, sum(p.hops[kind] for p in passes), hops)
    for component, aj in report["energy_aj"].items():
        c.same("energy by component", component, sum(p.component[component] for p in passes), int(aj))
    for constant in report["energy_constants"]:
        name = constant["name"]
        c.same("energy by constant", name, sum(p.constants[name] for p in passes), int(constant["energy_aj"]))
    for number, layer in enumerate(report["layers"]):
        c.same("layers", "name", network.names[number], layer["name"])
        for name in ("spikes", "synaptic_operations", "packets", "hops", "updates_active", "updates_inactive"):
            c.same("layers", f"{layer['name']} {name}", sum(p.layer[number][name] for p in passes), layer[name])
        bound = sum(p.binding[number] for p in passes)
        c.same("binding times", f"{layer['name']} binding_ps", bound, int(layer["time"]["binding_ps"]))
    bound = sum(p.binding[None] for p in passes)
    c.same("binding times", "network_ps", bound, int(report["time"]["network_ps"]))
    links = sum((p.links for p in passes), Counter())
    reported = {
        (tuple(link["from"]), tuple(link["to"])): link["packets"] for link in report["time"]["utilisation"]["links"]
    }
    for link in sorted(links.keys() | reported.keys()):
        c.same("link loads", f"{link[0]} to {link[1]}", links[link], reported.get(link, 0))
    for number, core in enumerate(report["cores"]):
        for name in ("spikes", "synaptic_operations", "packets_sent", "packets_received"):
            c.same("cores", f"core {number} {name}", sum(p.core[number][name] for p in passes), core[name])
        c.same("cores", f"core {number} energy_aj", sum(p.core_aj[number] for p in passes), int(core["energy_aj"]))


def compare_samples(c, passes, report):
    for i, (p, sample) in enumerate(zip(passes, report["per_sample"])):
        c.same("samples", f"sample {i} time_ps", p.time_ps, int(sample["time_ps"]))
        c.same("samples", f"sample {i} energy_aj", sum(p.component.values()), int(sample["energy_aj"]))
        for number, layer in enumerate(sample["layers"]):
            c.same("samples", f"sample {i} spikes of {layer['name']}", p.layer[number]["spikes"], layer["spikes"])


def compare_steps(c, passes, network, path):
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sample, t = int(row["sample"]), int(row["timestep"])
            step, (whole, part) = passes[sample].steps[t], row["time_s"].split(".")
            c.same(
                "timesteps", f"sample {sample} timestep {t} time_ps", step["time_ps"], int(whole) * 10**12 + int(part)
            )
            c.same("timesteps", f"sample {sample} timestep {t} packets", step["packets"], int(row["packets"]))
            c.same("timesteps", f"sample {sample} timestep {t} spikes", step["spikes"], int(row["spikes"]))
            for number, name in enumerate(network.names):
                if f"spikes.{name}" in row:
                    fired = int(passes[sample].spikes[t][number].sum())
                    c.same("timesteps", f"sample {sample} timestep {t} {name}", fired, int(row[f"spikes.{name}"]))


def compare_operations(c, passes, network, skips_zeros):
    """The mapped program has every synapse of the network, or all but zeros: operations of both texts agree."""
    for p in passes:
        met = Counter()
        for spikes in p.spikes:
            for j in network.projections:
                stored = j.exists & (j.weights != 0) if skips_zeros else j.exists
                met[j.target] += int(stored[spikes[j.source].reshape(-1)].sum())
        for number, layer in enumerate(p.layer):
            c.same("both texts", network.names[number], met[number], layer["synaptic_operations"])


def main(arguments):
    if len(arguments) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    spiking, mapped, inputs, folder = arguments
    report = json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))
    need(report["fidelity"] == "analytic", f"--timing {report['fidelity']}")
    network, program = Network(read(spiking)), Program(read(mapped))
    trains = np.load(inputs)[: report["totals"]["samples"]]
    prices = Prices(program)
    passes = [Pass(network, program, prices, train) for train in trains]
    c = Comparison()
    c.same("totals", "target", program.target["name"], report["target"]["name"])
    compare_operations(c, passes, network, program.skips_zeros)
    compare_sums(c, passes, report, network, program, prices)
    compare_samples(c, passes, report)
    compare_steps(c, passes, network, Path(folder, "timesteps.csv"))
    print(
        f"{report['model']} on {report['target']['name']}: {len(passes)} samples, "
        f"{report['totals']['energy_aj']} aJ, {report['totals']['time_ps']} ps"
    )
    for section, figures in c.compared.items():
        wrong = sum(line.startswith(f"{section}:") for line in c.wrong)
        print(f"  {section:<20} {figures - wrong:>6} of {figures} figures agree")
    if c.wrong:
        print("\n".join(c.wrong[:40]))
    return 1 if c.wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Refused as what:
        print(f"cannot audit {what}", file=sys.stderr)
        sys.exit(2)
