#!/usr/bin/env python3
"""Times the same work in Marey and in SciPy, in turns, and prints the ratio.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1
    cargo build -p marey-motion --example pipeline_speed
    venv/bin/python shared/motion/tests/reference/pipeline_speed.py target/debug/examples/pipeline_speed [--rounds 7] [--json]

`cargo xtask bench --only analysis` does all of this.

The work: ten minutes at 30 frames per second, 33 landmarks of six coordinates. Landmarks that are not visible are filled by
PCHIP, everything goes through the zero-lag Butterworth filter, and 14 angles are measured in the image and in the world, from
the landmarks before and after. Every step is one call for all columns wherever SciPy allows it, on arrays that are ready as
float64. SciPy does less: it does not tell which side is seen, has no ranges and makes no poses.
"""
import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy
from scipy.interpolate import PchipInterpolator
from scipy.signal import butter, filtfilt

RATE_HZ = 30.0
SHOULDERS, ELBOWS, WRISTS, PINKIES, INDEXES = (11, 12), (13, 14), (15, 16), (17, 18), (19, 20)
HIPS, KNEES, ANKLES, HEELS, TOES = (23, 24), (25, 26), (27, 28), (29, 30), (31, 32)


def clean(points, visible):
    """(frames, landmarks, 6) without gaps, smoothed."""
    frames = numpy.arange(len(points)) / RATE_HZ
    filled = points.copy()
    for landmark in range(points.shape[1]):
        seen = visible[:, landmark]
        if not seen.all():
            # It lies between the first and the last sight or not at all; the recording has no long gaps.
            gaps = ~seen
            curve = PchipInterpolator(frames[seen], points[seen, landmark], extrapolate=True)
            filled[gaps, landmark] = curve(frames[gaps])
    b, a = butter(2, 6.0, fs=RATE_HZ)
    return filtfilt(b, a, filled, axis=0)


def bend(first, second):
    """Angle between vectors, in the plane or in space, in degrees."""
    if first.shape[-1] == 2:
        cross = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
        return numpy.degrees(numpy.arctan2(cross, (first * second).sum(axis=1)))
    cosine = (first * second).sum(axis=1) / numpy.linalg.norm(first, axis=1) / numpy.linalg.norm(second, axis=1)
    return numpy.degrees(numpy.arccos(numpy.clip(cosine, -1.0, 1.0)))


def angles(points):
    found = {}
    for space, coordinates in (("image", slice(0, 2)), ("world", slice(3, 6))):
        at = lambda landmark: points[:, landmark, coordinates]
        trunk = (at(SHOULDERS[0]) + at(SHOULDERS[1]) - at(HIPS[0]) - at(HIPS[1])) / 2
        for side in (0, 1):
            thigh, shank = at(KNEES[side]) - at(HIPS[side]), at(ANKLES[side]) - at(KNEES[side])
            upper, fore = at(ELBOWS[side]) - at(SHOULDERS[side]), at(WRISTS[side]) - at(ELBOWS[side])
            hand = (at(PINKIES[side]) + at(INDEXES[side])) / 2 - at(WRISTS[side])
            foot = at(TOES[side]) - at(HEELS[side])
            found["ankle", side, space] = 90 - bend(foot, -shank)
            found["knee", side, space] = bend(thigh, shank)
            found["hip", side, space] = bend(-trunk, thigh)
            found["shoulder", side, space] = bend(-trunk, upper)
            found["elbow", side, space] = bend(upper, fore)
            found["wrist", side, space] = bend(fore, hand)
        found["trunk", space] = numpy.degrees(numpy.arctan2(trunk[:, 0], -trunk[:, 1]))
        pelvis = at(HIPS[0]) - at(HIPS[1])
        found["pelvis", space] = numpy.degrees(numpy.arctan2(-pelvis[:, 1], numpy.abs(pelvis[:, 0])))
    return found


def scipy_round(points, visible):
    began = time.perf_counter()
    raw = angles(numpy.where(visible[:, :, None], points, numpy.nan))
    value = angles(clean(points, visible))
    return 1000 * (time.perf_counter() - began), raw, value


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            said = subprocess.run([options.program, folder], check=True, capture_output=True, text=True).stdout
            ours += [float(line.removeprefix("ms=")) for line in said.split()]
            table = numpy.fromfile(Path(folder) / "landmarks.f32", "<f4").reshape(-1, 33, 7).astype(float)
            points, visible = numpy.ascontiguousarray(table[:, :, :6]), table[:, :, 6] >= 0.3
            for _ in range(3):
                duration, _, value = scipy_round(points, visible)
                theirs.append(duration)
        elbow = numpy.fromfile(Path(folder) / "elbow_deg.f64", "<f8")
    # The first and last frames may have no landmark on their far side, which Marey leaves empty and SciPy extrapolates.
    apart = numpy.abs(elbow - numpy.abs(value["elbow", 0, "image"]))[200:-200]
    assert numpy.nanmax(apart) < 0.01, f"they do not do the same: {numpy.nanmax(apart)} degrees apart"
    if options.json:
        case = {"what": "clean and measure, 10 min at 30 Hz", "marey_s": min(ours) / 1000, "peer_s": min(theirs) / 1000}
        print(json.dumps([case | {"peer": f"SciPy, NumPy {numpy.__version__}"}]))
        return
    for name, times in (("Marey", ours), (f"SciPy, NumPy {numpy.__version__}", theirs)):
        print(f"{name}: best {min(times):.1f} ms, median {numpy.median(times):.1f} ms of {len(times)}")
    print(f"ratio: {min(theirs) / min(ours):.1f} (best), {numpy.median(theirs) / numpy.median(ours):.1f} (median)")
    print(f"left elbow, greatest difference: {numpy.nanmax(apart):.1e} degrees")


main()
