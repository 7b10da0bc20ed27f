#!/usr/bin/env python3
"""Writes sports2d.json: the angles and the body's height that Sports2D's own functions give for random postures seen from the
right side.

The functions are in Pose2Sim's `common.py`, on which Sports2D 0.8.34 is built; what else that file imports is not needed and
stays away.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 pandas==2.3.3
    venv/bin/pip install --no-deps pose2sim==0.10.49
    venv/bin/python make_sports2d.py > sports2d.json
"""
import contextlib
import json
import sys
from importlib.metadata import version
from unittest.mock import MagicMock

for module in ["matplotlib", "matplotlib.pyplot", "rtoml", "scipy", "scipy.interpolate", "scipy.optimize", "cv2", "c3d", "anytree"]:
    sys.modules[module] = MagicMock()
with contextlib.redirect_stdout(sys.stderr):
    from Pose2Sim.common import angle_dict, compute_height, fixed_angles

import numpy
import pandas

assert version("pose2sim") == "0.10.49" and numpy.__version__ == "2.4.6", "the numbers belong to these versions"

random = numpy.random.default_rng(1882)  # the year of the chronophotographic gun
FRAMES = 60


def towards(angle_deg, length_px):
    """Right and down in the picture, for an angle anticlockwise from right."""
    angle = numpy.radians(angle_deg)
    return length_px * numpy.array([numpy.cos(angle), -numpy.sin(angle)])


def posture():
    """Somebody who faces right; every place is off by a few pixels."""
    trunk = random.uniform(10, 120)
    points = {"Hip": numpy.array([400.0, 300.0])}
    points["Neck"] = points["Hip"] + towards(trunk, 120)
    points["Head"] = points["Neck"] + towards(trunk + random.uniform(-30, 30), 50)
    points["Nose"] = points["Head"] + towards(trunk - 90, 26)
    for side in "LR":
        shift = random.uniform(2, 12, 2) * (1 if side == "L" else -1)
        points[side + "Hip"] = points["Hip"] + shift
        points[side + "Shoulder"] = points["Neck"] + shift
        arm = trunk - 180 + random.uniform(-50, 170)
        forearm = arm + random.uniform(0, 140)
        hand = forearm + random.uniform(-60, 60)
        points[side + "Elbow"] = points[side + "Shoulder"] + towards(arm, 70)
        points[side + "Wrist"] = points[side + "Elbow"] + towards(forearm, 60)
        points[side + "Index"] = points[side + "Wrist"] + towards(hand, 25)
        thigh = trunk - 180 + random.uniform(-30, 130)
        shank = thigh - random.uniform(-10, 130)
        foot = shank + 90 + random.uniform(-40, 30)
        points[side + "Knee"] = points[side + "Hip"] + towards(thigh, 105)
        points[side + "Ankle"] = points[side + "Knee"] + towards(shank, 100)
        points[side + "Heel"] = points[side + "Ankle"] + towards(shank, 14) + towards(foot, -14)
        points[side + "BigToe"] = points[side + "Heel"] + towards(foot, 60)
    # Landmarks are kept in single precision.
    noisy = {name: (point + random.normal(0, 2, 2)).astype(numpy.float32).astype(float) for name, point in points.items()}
    for middle, of in [("Hip", "Hip"), ("Neck", "Shoulder")]:
        noisy[middle] = (noisy["L" + of] + noisy["R" + of]) / 2
    return noisy


frames = [posture() for _ in range(FRAMES)]
names = list(frames[0])
coordinates = pandas.concat(
    [
        pandas.DataFrame([[*frame[name], 0.0] for frame in frames], columns=[name] * 3)
        for name in names
        if name != "Head"  # BlazePose has no vertex, so that the height goes by the nose
    ],
    axis=1,
)
json.dump(
    {
        "frames": [
            {
                "points_px": {name: frame[name].tolist() for name in names if name not in ("Hip", "Neck")},
                "angles_deg": {
                    name: float(fixed_angles([frame[point] for point in definition[0]], name))
                    for name, definition in angle_dict.items()
                },
            }
            for frame in frames
        ],
        "height_px": float(compute_height(coordinates)),
    },
    sys.stdout,
)
