#!/usr/bin/env python3
"""Warps the same movements with Marey and with its peers in turn, and prints times and ratios.

    cargo build --release --package marey-motion --example dtw_speed
    venv/bin/pip install -r comparison-requirements.txt
    venv/bin/python dtw_speed.py target/release/examples/dtw_speed [--rounds 3] [--json]

`cargo xtask bench --only analysis` does all of this.
"""
import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy
from dtaidistance import dtw, dtw_ndim
from fastdtw.fastdtw import fastdtw
from scipy.spatial.distance import euclidean

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--json", action="store_true")
options = parser.parse_args()

random = numpy.random.default_rng(1887)


def movement(frames, width, phase):
    pace = numpy.cumsum(random.uniform(0.5, 1.5, frames))
    waves = [40 * numpy.sin(0.21 * pace + phase + column) for column in range(width)]
    return numpy.stack(waves, axis=1) + random.normal(0, 2, (frames, width))


def timed(run):
    start = time.perf_counter()
    value = run()
    return time.perf_counter() - start, value


def marey(method, a, b, radius, file):
    numpy.concatenate([a.ravel(), b.ravel()]).astype("<f8").tofile(file)
    line = f"{method} {len(a)} {len(b)} {a.shape[1]} {radius} {file}\n"
    said = subprocess.run([options.program, "1"], input=line, capture_output=True, text=True, check=True).stdout
    told = dict(word.split("=") for word in said.split())
    return float(told["seconds"]), float(told["distance"])


def exact(a, b):
    if a.shape[1] == 1:
        one, other = a[:, 0].copy(), b[:, 0].copy()
        return lambda: dtw.distance_fast(one, other)
    return lambda: dtw_ndim.distance_fast(a, b)


def path_length(a, b):
    if a.shape[1] == 1:
        one, other = a[:, 0].copy(), b[:, 0].copy()
        return lambda: dtw.warping_path_fast(one, other)
    return lambda: dtw_ndim.warping_path(a, b, use_c=True)


CASES = [
    ("distance", 18000, 18000, 1, 0), ("distance", 6000, 6000, 2, 0), ("distance", 6000, 6000, 14, 0),
    ("distance", 3000, 3000, 66, 0),
    ("path", 6000, 6000, 1, 0), ("path", 3000, 3000, 14, 0),
    ("fast", 1500, 1500, 1, 1), ("fast", 1500, 1500, 66, 1), ("fast", 1500, 1500, 66, 5),
]
cases = []
if not options.json:
    print(f"best of {options.rounds} rounds, in turn")
    print(f"{'what':9} {'frames':>6} {'columns':>7} {'radius':>6} {'Marey s':>10} {'peer s':>10} {'ratio':>7}  peer")
with tempfile.TemporaryDirectory() as folder:
    for method, n, m, width, radius in CASES:
        a, b = movement(n, width, 0.0), movement(m, width, 0.6)
        if method == "distance":
            peer, name = exact(a, b), "dtaidistance (C), distance"
        elif method == "path":
            peer, name = path_length(a, b), "dtaidistance (C), warping path"
        else:
            peer, name = (lambda: fastdtw(a, b, radius=radius, dist=euclidean)[0]), "fastdtw (Python), dist=euclidean"
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(marey(method, a, b, radius, Path(folder) / "rows"))
            theirs.append(timed(peer))
        if method != "path":
            assert abs(ours[0][1] - theirs[0][1]) < 1e-9 * abs(theirs[0][1]), "they differ"
        seconds, others = min(ours)[0], min(one[0] for one in theirs)
        what = f"{method}, {n} frames, {width} columns" + (f", radius {radius}" if radius else "")
        cases.append({"what": what, "marey_s": seconds, "peer_s": others, "peer": name})
        if options.json:
            continue
        print(f"{method:9} {n:6} {width:7} {radius:6} {seconds:10.4f} {others:10.4f} {others / seconds:6.1f}x  {name}")
if options.json:
    print(json.dumps(cases))
