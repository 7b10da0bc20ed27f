#!/usr/bin/env python3
"""Times the analysis of a recording in Marey and in Pose2Sim's own functions, in turns.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 pandas==2.3.3 scipy==1.17.1
    venv/bin/pip install --no-deps pose2sim==0.10.49
    cargo build -p marey-motion --example pipeline_speed
    venv/bin/python shared/motion/tests/reference/pose2sim_speed.py target/debug/examples/pipeline_speed [--rounds 3] [--json]

`cargo xtask bench --only analysis` does all of this.

The work: ten minutes at 30 frames per second, 33 landmarks in the image and in the world. Pose2Sim (on which Sports2D is built)
fills gaps and filters column after column, as its `filter_all` does, measures its angles in the image frame by frame, as Sports2D
does (the function takes one frame in the plane), and in space for all frames at once. What Marey does beyond that (angles before
filtering, ranges, kinematics, events, measures, repetitions) Pose2Sim is not asked for.
"""
import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from unittest.mock import MagicMock

# What Pose2Sim's files import besides, and does not need for this.
for module in ["matplotlib", "matplotlib.pyplot", "matplotlib.lines", "rtoml", "cv2", "c3d", "anytree", "tqdm", "statsmodels",
               "statsmodels.nonparametric", "statsmodels.nonparametric.smoothers_lowess", "filterpy", "filterpy.kalman",
               "filterpy.common"]:
    sys.modules[module] = MagicMock()
with contextlib.redirect_stdout(sys.stderr):
    from Pose2Sim.common import angle_dict, fixed_angles, interpolate_zeros_nans
    from Pose2Sim.filtering import filter1d

import numpy
import pandas

RATE_HZ = 30
CONFIG = {"filtering": {"butterworth": {"order": 4, "cut_off_frequency": 6}}}
# Frames: Marey's usual longest gap of 0.2 s.
LONGEST_GAP = 6

# BlazePose's landmarks under the names of Pose2Sim's markers.
MARKERS = {
    "Nose": 0, "LShoulder": 11, "RShoulder": 12, "LElbow": 13, "RElbow": 14, "LWrist": 15, "RWrist": 16, "LIndex": 19,
    "RIndex": 20, "LHip": 23, "RHip": 24, "LKnee": 25, "RKnee": 26, "LAnkle": 27, "RAnkle": 28, "LHeel": 29, "RHeel": 30,
    "LBigToe": 31, "RBigToe": 32,
}


def pose2sim(columns):
    """Seconds, and the angles in degrees, from columns with gaps as NaN."""
    began = time.perf_counter()
    table = columns.apply(interpolate_zeros_nans, axis=0, args=[LONGEST_GAP, "linear"])
    table = table.apply(filter1d, axis=0, args=[CONFIG, "butterworth", RATE_HZ])
    found = {}
    for axes in (("x", "y"), ("X", "Y", "Z")):
        place = {name: table[[f"{axis}{number}" for axis in axes]].to_numpy() for name, number in MARKERS.items()}
        place["Neck"] = (place["LShoulder"] + place["RShoulder"]) / 2
        place["Hip"] = (place["LHip"] + place["RHip"]) / 2
        place["Head"] = place["Nose"]
        for name, (markers, *_) in angle_dict.items():
            points = [place[marker] for marker in markers]
            if len(axes) == 3:
                found[name, "world"] = fixed_angles(points, name)
            else:
                found[name, "image"] = numpy.array([fixed_angles(frame, name) for frame in zip(*points)])
    return time.perf_counter() - began, found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            said = subprocess.run([options.program, folder], check=True, capture_output=True, text=True).stdout
            ours += [float(line.removeprefix("ms=")) / 1000 for line in said.split() if line.startswith("ms=")]
            points = numpy.fromfile(Path(folder) / "landmarks.f32", "<f4").reshape(-1, 33, 7).astype(float)
            points[points[:, :, 6] < 0.3] = numpy.nan
            names = ["x", "y", None, "X", "Y", "Z"]
            columns = {f"{name}{place}": points[:, place, axis]
                       for place in range(33) for axis, name in enumerate(names) if name}
            seconds, found = pose2sim(pandas.DataFrame(columns))
            theirs.append(seconds)
    elbow = found["left elbow", "image"]
    assert len(elbow) == len(points) and numpy.isfinite(elbow[100:-100]).mean() > 0.99, "Pose2Sim found no elbow"
    what = f"clean and measure, 10 min at 30 Hz, {len(found)} angles"
    case = {"what": what, "marey_s": min(ours), "peer_s": min(theirs), "peer": f"Pose2Sim {version('pose2sim')}"}
    if options.json:
        print(json.dumps([case]))
    else:
        print(f"{what}: Marey {min(ours):.3f} s, Pose2Sim {min(theirs):.3f} s, ratio {min(theirs) / min(ours):.1f}")


main()
