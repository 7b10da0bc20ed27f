#!/usr/bin/env python3
"""Writes repetitions.json: what SciPy and NeuroPose's own analyser (MIT) make of signals that the tests then cut with Marey.

    python3.11 -m venv venv
    venv/bin/pip install numpy==2.4.6 scipy==1.17.1 pydantic==2.14.4 pyyaml==6.0.4
    venv/bin/pip install --no-deps neuropose==0.1.0.dev0
    venv/bin/python make_repetitions.py > repetitions.json
"""
import json
import sys
from importlib.metadata import version

import numpy
import scipy
from neuropose.analyzer import segment
from neuropose.analyzer.features import extract_feature_statistics
from neuropose.io import VideoMetadata, VideoPredictions
from scipy.signal import find_peaks

versions = (numpy.__version__, scipy.__version__, version("neuropose"))
assert versions == ("2.4.6", "1.17.1", "0.1.0.dev0"), f"the numbers belong to other versions than {versions}"

random = numpy.random.default_rng(1830)  # Marey's year of birth


def signal(frames, roughness):
    """Waves of changing height with noise on them, as whole 64ths."""
    time = numpy.arange(frames) / 30
    waves = 40 * numpy.sin(2 * numpy.pi * 0.7 * time + 3 * numpy.sin(time)) * (1 + 0.5 * numpy.sin(0.9 * time))
    rough = waves + random.normal(0, roughness, frames) + numpy.cumsum(random.normal(0, 1, frames))
    return numpy.round(rough * 64) / 64


def peak_case(values, height=None, distance=None, prominence=None):
    """Distances are in frames, which the tests take for seconds. Prominences are asked for all, to compare them."""
    least = 0 if prominence is None else prominence
    peaks, found = find_peaks(values, height=height, distance=distance, prominence=least)
    return {
        "values": values.tolist(),
        "minimum_height": height,
        "minimum_distance_s": distance or 0,
        "minimum_prominence": least,
        "peaks": peaks.tolist(),
        "prominences": found["prominences"].tolist(),
    }


def flat(values):
    """With flat tops and bottoms of several frames."""
    return numpy.round(values / 12) * 12


def cut_case(values, distance=None, prominence=None, height=None, pad=0):
    found = segment.segment_by_peaks(
        values, min_distance=distance, min_prominence=prominence, min_height=height, pad=pad
    )
    return {
        "values": values.tolist(),
        "minimum_distance_s": distance or 0,
        "minimum_prominence": prominence or 0,
        "minimum_height": height,
        "pad_s": pad,
        "segments": [[one.start, one.peak, one.end] for one in found],
    }


# Places of NeuroPose's joints in the poses below, in the order in which the tests give them to landmarks.
JOINTS = ["right_hip", "right_knee", "right_ankle", "right_wrist", "right_heel"]
RATE_HZ = 25


def poses(frames):
    """Three numbers for each joint in each frame, as whole eighths: exact in 32 bits."""
    time = numpy.arange(frames) / RATE_HZ
    places = numpy.empty((frames, len(JOINTS), 3))
    for joint in range(len(JOINTS)):
        for axis in range(3):
            wave = 120 * numpy.sin(2 * numpy.pi * 0.8 * time + joint + 2 * axis) * random.uniform(0.3, 1)
            places[:, joint, axis] = 300 * joint + 40 * axis + wave + random.normal(0, 1.5, frames)
    return numpy.round(places * 8) / 8


def pose_cases():
    places = poses(110)
    predictions = VideoPredictions(
        metadata=VideoMetadata(frame_count=len(places), fps=RATE_HZ, width=640, height=480),
        frames={
            f"frame_{index:06d}": {"boxes": [[0, 0, 1, 1, 1]], "poses3d": [place.tolist()], "poses2d": [place[:, :2].tolist()]}
            for index, place in enumerate(places)
        },
    )
    extractors = {
        "joint_axis": segment.joint_axis(3, 1),
        "joint_axis_inverted": segment.joint_axis(3, 1, invert=True),
        "joint_pair_distance": segment.joint_pair_distance(3, 0),
        "joint_speed": segment.joint_speed(3),
        "joint_angle": segment.joint_angle(0, 1, 2),
        "heel": segment.joint_axis(4, 1),
    }
    options = {
        "joint_axis": {"min_distance_seconds": 0.4, "min_prominence": 20},
        "joint_axis_inverted": {"min_prominence": 30, "pad_seconds": 0.12},
        "joint_pair_distance": {"min_distance_seconds": 0.6},
        "joint_speed": {"min_distance_seconds": 0.4, "min_prominence": 1},
        "joint_angle": {"min_distance_seconds": 0.4, "min_height": 0.2},
        "heel": {"min_distance_seconds": 0.4},
    }
    cases = []
    for name, extractor in extractors.items():
        values = segment.extract_signal(places, extractor)
        found = segment.segment_predictions(predictions, extractor, **options[name])
        statistics = extract_feature_statistics(values)
        cases.append(
            {
                "name": name,
                "options": options[name],
                "values": values.tolist(),
                "segments": [[one.start, one.peak, one.end] for one in found.segments],
                "mean": statistics.mean,
                "std": statistics.std,
            }
        )
    return {"joints": JOINTS, "rate_hz": RATE_HZ, "places": places.tolist(), "cases": cases}


def ensemble_case():
    """Cycles of uneven frames on 101 places, their mean and spread, and Kadaba's coefficient from its definition."""
    time_s = numpy.cumsum(random.uniform(0.02, 0.05, 120))
    values = 50 * numpy.sin(2 * numpy.pi * time_s / 1.1) + random.normal(0, 4, len(time_s))
    ends_s = [[0.4, 1.5], [float(time_s[50]), float(time_s[80])], [2.7, 3.6]]
    cycles = numpy.array([numpy.interp(numpy.linspace(a, b, 101), time_s, values) for a, b in ends_s])
    n, t = cycles.shape
    within = ((cycles - cycles.mean(axis=0)) ** 2).sum() / (t * (n - 1))
    total = ((cycles - cycles.mean()) ** 2).sum() / (t * n - 1)
    return {
        "time_s": time_s.tolist(),
        "values": values.tolist(),
        "ends_s": ends_s,
        "mean": cycles.mean(axis=0).tolist(),
        "sd": cycles.std(axis=0, ddof=1).tolist(),
        "repeatability": float(1 - within / total),
    }


json.dump(
    {
        "peaks": [
            peak_case(signal(200, 4)),
            peak_case(signal(200, 4), prominence=15),
            peak_case(signal(200, 4), distance=12),
            peak_case(signal(200, 8), height=5, distance=7.5, prominence=3),
            peak_case(flat(signal(200, 4))),
            peak_case(flat(signal(200, 4)), height=0, prominence=12),
            peak_case(signal(3, 4)),
        ],
        "cuts": [
            cut_case(signal(160, 3)),
            cut_case(signal(160, 3), distance=15),
            cut_case(signal(160, 3), distance=10, prominence=20, pad=3),
            cut_case(flat(signal(160, 3)), prominence=12),
            cut_case(signal(160, 0.2), height=10, pad=20),
            cut_case(numpy.linspace(0, 5, 20)),
        ],
        "poses": pose_cases(),
        "ensemble": ensemble_case(),
    },
    sys.stdout,
)
