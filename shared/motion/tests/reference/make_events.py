#!/usr/bin/env python3
"""Writes events.json: gait events by Zeni et al. 2008 and the 95 % ellipse of Prieto et al. 1996, worked out with SciPy on made-up movements.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1
    venv/bin/python make_events.py > events.json
"""
import json
import sys

import numpy
import scipy
from scipy.signal import find_peaks
from scipy.stats import f as f_distribution

assert (numpy.__version__, scipy.__version__) == ("2.4.6", "1.17.1"), "the numbers belong to these versions"

random = numpy.random.default_rng(1873)  # the year of Marey's La machine animale


def rounded(values):
    return numpy.round(values, 2)


def walk(direction):
    """Hips, shoulders and legs of somebody who walks across the picture, in pixels right and down, at uneven times."""
    time_s = numpy.round(numpy.cumsum(random.uniform(0.025, 0.045, 140)), 4)
    stride_s, leg = 1.13, 200.0
    hips = 150 + direction * 130 * time_s
    points = {"hips": [hips, 300 + 4 * numpy.sin(4 * numpy.pi * time_s / stride_s)]}
    points["shoulders"] = [hips + direction * 8, 150 + 0 * time_s]
    for side, phase in (("left", 0.0), ("right", numpy.pi)):
        angle = 2 * numpy.pi * time_s / stride_s + phase
        ankle = hips + direction * (62 * numpy.sin(angle) + 9 * numpy.sin(2 * angle + 0.5))
        lift = numpy.maximum(0, numpy.cos(angle)) ** 2
        points[f"{side}_knee"] = [(hips + ankle) / 2 + direction * 15 * lift, 395 - 12 * lift]
        points[f"{side}_ankle"] = [ankle, 485 - 25 * lift]
        points[f"{side}_heel"] = [ankle - direction * (12 + 3 * lift), 498 - 30 * lift + random.normal(0, 0.2, len(time_s))]
        points[f"{side}_toe"] = [ankle + direction * (38 - 5 * lift), 500 - 14 * lift + random.normal(0, 0.2, len(time_s))]
    points = {name: [rounded(x), rounded(y)] for name, (x, y) in points.items()}
    events = {}
    for side in ("left", "right"):
        hips_x = points["hips"][0]
        heel = direction * (points[f"{side}_heel"][0] - hips_x)
        toe = direction * (points[f"{side}_toe"][0] - hips_x)
        events[f"{side}_heel_strike"] = turning_points(time_s, heel, 0.25 * leg)
        events[f"{side}_toe_off"] = turning_points(time_s, -toe, 0.25 * leg)
    return {
        "time_s": time_s.tolist(),
        "points": {name: [x.tolist(), y.tolist()] for name, (x, y) in points.items()},
        "events": events,
    }


def turning_points(time_s, values, prominence):
    """The vertex of the parabola through each peak and its neighbours."""
    moments = []
    for peak in find_peaks(values, prominence=prominence)[0]:
        around = slice(peak - 1, peak + 2)
        origin = time_s[peak]
        c, b, _ = numpy.polyfit(time_s[around] - origin, values[around], 2)
        moments.append(origin - b / (2 * c))
    return moments


def sway(frames):
    """The middle of the hips of somebody who stands, in pixels right and down."""
    noise = random.normal(0, 1, (frames, 2)) @ numpy.array([[0.6, 0.2], [0.0, 0.3]])
    slow = numpy.cumsum(random.normal(0, 0.15, (frames, 2)), axis=0)
    points = rounded(numpy.array([300.0, 250.0]) + noise + slow)
    covariance = numpy.cov(points.T)
    quantile = f_distribution.ppf(0.95, 2, frames - 2)
    return {
        "points": points.tolist(),
        "path": float(numpy.sum(numpy.linalg.norm(numpy.diff(points, axis=0), axis=1))),
        "ellipse_area": float(2 * numpy.pi * quantile * numpy.sqrt(numpy.linalg.det(covariance))),
    }


json.dump({"walks": [walk(1), walk(-1)], "sways": [sway(240), sway(181)]}, sys.stdout)
