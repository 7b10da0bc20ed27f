#!/usr/bin/env python3
"""Times the same work in Marey and in SciPy, in turns, and prints the ratio.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1
    cargo build -p marey-motion --example pipeline_speed
    venv/bin/python shared/motion/tests/reference/pipeline_speed.py target/debug/examples/pipeline_speed [--rounds 7] [--json]

`cargo xtask bench --only analysis` does all of this.

The work, on ten minutes at 30 frames per second with 33 landmarks of six coordinates: landmarks that are not visible are filled
by PCHIP, everything goes through the zero-lag Butterworth filter, the side that the camera sees is told, and all angles of
`definitions.rs`, 28 with the sides, are measured in the image and in the world from the landmarks before and after, with their
extremes, when those are reached, means and coverage. Of the centre of mass and the four ends of the limbs come position,
velocity and acceleration at true times, and of both feet the events of O'Connor et al. 2007. Every step is a call for whole
columns. It is checked that all angles are the same, but where a rounded landmark tips a threshold, and the centre of mass too.

SciPy is spared what it has no function for or what a script would leave out. It takes and gives bare arrays: no check of what comes
in, a column for each coordinate that is already there as float64, no poses to be written. Its centre of mass is one
product of matrices, which has nothing where a segment is missing; there is no scale, no floor, no search for walking bouts
before the events nor for jumps, squats and sway, no measures, and no choice of a signal that repeats. Marey does all of that
within its time.
"""
import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy
from scipy.interpolate import PchipInterpolator
from scipy.signal import butter, filtfilt, find_peaks

RATE_HZ = 30.0
NOSE, EARS = 0, (7, 8)
SHOULDERS, ELBOWS, WRISTS, PINKIES, INDEXES = (11, 12), (13, 14), (15, 16), (17, 18), (19, 20)
HIPS, KNEES, ANKLES, HEELS, TOES = (23, 24), (25, 26), (27, 28), (29, 30), (31, 32)
ENDS = [*WRISTS, *ANKLES]
SPACES = {"image": slice(0, 2), "world": slice(3, 6)}

# Marey's order of the series: angle, side (0 left, 1 right, None), space.
SIDED, MIDDLE = (0, 1), (None,)
ANGLES = {"ankle": SIDED, "knee": SIDED, "hip": SIDED, "shoulder": SIDED, "elbow": SIDED, "wrist": SIDED, "trunk": MIDDLE,
          "pelvis": MIDDLE, "shoulders": MIDDLE, "head": MIDDLE, "arm": SIDED, "forearm": SIDED, "hand": SIDED, "thigh": SIDED,
          "shank": SIDED, "foot": SIDED}
SERIES = [(angle, side, space) for angle, sides in ANGLES.items() for side in sides for space in SPACES]
TURN_FROM = {"hip": -120, "shoulder": -90, "trunk": -180, "head": -90, "arm": -180, "forearm": -180, "hand": -180,
             "thigh": -210, "shank": -240, "foot": -210}

# De Leva 1996, table 4, in the middle of women's and men's: share of the mass, centre along the segment, both in percent.
MASSES = [(EARS, EARS, 6.81, 0.0), (SHOULDERS, HIPS, 43.015, 40.46)]
for side in SIDED:
    for start, end, mass, along in ((SHOULDERS, ELBOWS, 2.63, 57.63), (ELBOWS, WRISTS, 1.5, 45.665), (HIPS, KNEES, 14.47, 38.535),
                                    (KNEES, ANKLES, 4.57, 43.735), (HEELS, TOES, 1.33, 42.145)):
        MASSES.append((start[side:][:1], end[side:][:1], mass, along))
    MASSES.append((WRISTS[side:][:1], (PINKIES[side], INDEXES[side]), 0.585, 76.87))


def weights():
    """What each landmark counts in the centre of mass."""
    of = numpy.zeros(33)
    for start, end, mass, along in MASSES:
        for places, share in ((start, 1 - along / 100), (end, along / 100)):
            of[list(places)] += mass * share / len(places)
    return of / of.sum()


WEIGHTS = weights()


def clean(points, visible, times):
    """(landmarks, 6, frames) without gaps, smoothed."""
    filled = points.copy()
    for landmark in range(len(points)):
        seen = visible[landmark]
        if not seen.all():
            # It lies between the first and the last sight or not at all; the recording has no long gaps.
            gaps = ~seen
            curve = PchipInterpolator(times[seen], points[landmark][:, seen], axis=1, extrapolate=True)
            filled[landmark][:, gaps] = curve(times[gaps])
    b, a = butter(2, 6.0, fs=RATE_HZ)
    return filtfilt(b, a, filled, axis=-1)


def middle(points, pair):
    return (points[pair[0]] + points[pair[1]]) / 2


def dot(one, other):
    return numpy.einsum("af,af->f", one, other)


def cross(one, other):
    if len(one) == 2:
        return one[0] * other[1] - one[1] * other[0]
    return numpy.stack([one[1] * other[2] - one[2] * other[1], one[2] * other[0] - one[0] * other[2],
                        one[0] * other[1] - one[1] * other[0]])


def length(vector):
    return numpy.sqrt(dot(vector, vector))


def unit(vector):
    return vector / length(vector)


def degrees(up, ahead):
    return numpy.degrees(numpy.arctan2(up, ahead))


def turn(one, other):
    return degrees(cross(one, other), dot(one, other))


def between(one, other):
    return degrees(length(cross(one, other)), dot(one, other))


def segments(points):
    """Vectors over time; y points down."""
    shoulders, hips, ears = (middle(points, pair) for pair in (SHOULDERS, HIPS, EARS))
    of = {"trunk": shoulders - hips, "head": ears - shoulders, "face": points[NOSE] - ears,
          "pelvis": points[HIPS[0]] - points[HIPS[1]], "shoulders": points[SHOULDERS[0]] - points[SHOULDERS[1]]}
    for side in SIDED:
        for name, start, end in (("arm", SHOULDERS, ELBOWS), ("forearm", ELBOWS, WRISTS), ("thigh", HIPS, KNEES),
                                 ("shank", KNEES, ANKLES), ("foot", HEELS, TOES)):
            of[name, side] = points[end[side]] - points[start[side]]
        of["hand", side] = (points[PINKIES[side]] + points[INDEXES[side]]) / 2 - points[WRISTS[side]]
    return of


def sides_seen(of):
    """+1 where the camera sees the right side, else -1, from feet and face; kept where they do not tell."""
    pairs = [(of["foot", side], -of["shank", side]) for side in SIDED] + [(of["face"], of["head"])]
    evidence = sum(numpy.nan_to_num(cross(ahead, up) / length(up)) for ahead, up in pairs)
    # The picture's y points down, so that what is anticlockwise there has the other sign.
    evidence = -evidence / sum(numpy.nan_to_num(length(ahead)) for ahead, _ in pairs)
    decided = numpy.abs(evidence) >= 0.3
    last = numpy.maximum.accumulate(numpy.where(decided, numpy.arange(len(evidence)), 0))
    last = numpy.maximum(last, decided.argmax())
    return numpy.sign(evidence[last])


def image_angles(of, seen):
    of = {name: vector * numpy.array([[1.0], [-1.0]]) for name, vector in of.items()}
    elevation = lambda vector: degrees(vector[1], seen * vector[0])

    def tilt(across):
        wide = length(across) >= 0.15 * length(of["trunk"])
        return numpy.where(wide, degrees(across[1], numpy.abs(across[0])), numpy.nan)

    found = {"trunk": 90 - elevation(of["trunk"]), "pelvis": tilt(of["pelvis"]), "shoulders": tilt(of["shoulders"]),
             "head": elevation(of["head"])}
    for side in SIDED:
        arm, forearm, hand, thigh, shank, foot = (of[name, side] for name in ("arm", "forearm", "hand", "thigh", "shank", "foot"))
        knee = seen * turn(shank, thigh)
        found["ankle", side] = numpy.abs(turn(shank, foot)) - 90
        found["knee", side] = numpy.where(knee < -20, -knee, knee)
        found["hip", side] = seen * turn(-of["trunk"], thigh)
        found["shoulder", side] = seen * turn(-of["trunk"], arm)
        found["elbow", side] = numpy.abs(turn(arm, forearm))
        found["wrist", side] = numpy.abs(turn(forearm, hand))
        for name in ("arm", "forearm", "hand", "thigh", "shank", "foot"):
            found[name, side] = elevation(of[name, side])
    return found


def world_angles(of):
    left = unit(unit(of["shoulders"]) + unit(of["pelvis"]))
    above = unit(of["trunk"])
    ahead = cross(unit(left - dot(left, above) * above), above)
    level = unit(numpy.stack([left[2], numpy.zeros_like(left[2]), -left[0]]))

    def elevation(vector, along, up):
        along = dot(vector, along)
        enough = numpy.sqrt(along * along + up * up) >= 0.2 * length(vector)
        return numpy.where(enough, degrees(up, along), numpy.nan)

    tilt = lambda across: degrees(-across[1], numpy.sqrt(across[0] ** 2 + across[2] ** 2))
    found = {"trunk": degrees(dot(of["trunk"], level), -of["trunk"][1]), "pelvis": tilt(of["pelvis"]),
             "shoulders": tilt(of["shoulders"]), "head": elevation(of["head"], level, -of["head"][1])}
    for side in SIDED:
        arm, forearm, hand, thigh, shank, foot = (of[name, side] for name in ("arm", "forearm", "hand", "thigh", "shank", "foot"))
        found["ankle", side] = between(shank, foot) - 90
        found["knee", side] = between(thigh, shank)
        found["hip", side] = 90 + elevation(thigh, ahead, dot(thigh, above))
        found["shoulder", side] = 90 + elevation(arm, ahead, dot(arm, above))
        found["elbow", side] = between(arm, forearm)
        found["wrist", side] = between(forearm, hand)
        for name in ("arm", "forearm", "hand", "thigh", "shank", "foot"):
            found[name, side] = elevation(of[name, side], level, -of[name, side][1])
    return found


def angles(points, seen):
    """(series, frames) in Marey's order."""
    found = {"image": image_angles(segments(points[:, SPACES["image"]]), seen),
             "world": world_angles(segments(points[:, SPACES["world"]]))}
    rows = numpy.empty((len(SERIES), points.shape[-1]))
    for row, (angle, side, space) in zip(rows, SERIES):
        value = found[space][angle if side is None else (angle, side)]
        least = TURN_FROM.get(angle)
        row[:] = value if least is None else numpy.where(value < least, value + 360, numpy.where(value >= least + 360, value - 360, value))
    return rows


def ranges(values, times):
    known = ~numpy.isnan(values)
    count = known.sum(axis=1)
    low, high = numpy.fmin.reduce(values, axis=1), numpy.fmax.reduce(values, axis=1)
    low_at, high_at = (times[(values == extreme[:, None]).argmax(axis=1)] for extreme in (low, high))
    return low, low_at, high, high_at, numpy.where(known, values, 0.0).sum(axis=1) / count, count / len(times)


def kinematics(points, times):
    """Position, velocity and acceleration of the centre of mass and the ends of the limbs in the image."""
    centre = numpy.tensordot(WEIGHTS, points[:, :2], axes=1)
    position = numpy.concatenate([centre[None], points[ENDS, :2]])
    step = numpy.diff(times)
    slope = numpy.diff(position) / step
    acceleration = 2 * numpy.diff(slope) / (step[1:] + step[:-1])
    return position, numpy.gradient(position, times, axis=-1, edge_order=2), acceleration


def gait_events(points, times):
    """Heel strikes and toe offs: troughs and peaks of the vertical velocity of the foot's middle, at the strike with a low heel."""
    leg = numpy.median(length(points[HIPS[0], :2] - points[KNEES[0], :2]) + length(points[KNEES[0], :2] - points[ANKLES[0], :2]))
    pelvis = middle(points, HIPS)[0]
    events = []
    for side in SIDED:
        heel, toe = points[HEELS[side], :2], points[TOES[side], :2]
        foremost, _ = find_peaks(heel[0] - pelvis, prominence=0.25 * leg)
        rearmost, _ = find_peaks(pelvis - toe[0], prominence=0.25 * leg)
        velocity = -numpy.gradient((heel[1] + toe[1]) / 2, times, edge_order=2)
        low = -heel[1] <= -heel[1].max() + 0.35 * numpy.ptp(heel[1])
        strikes, _ = find_peaks(numpy.where(low, -velocity, -numpy.inf))
        offs, _ = find_peaks(velocity)
        events.append((foremost, rearmost, times[strikes], times[offs]))
    return events


def scipy_round(points, visible, times):
    began = time.perf_counter()
    cleaned = clean(points, visible, times)
    seen = sides_seen(segments(cleaned[:, SPACES["image"]]))
    raw = angles(numpy.where(visible[:, None], points, numpy.nan), seen)
    value = angles(cleaned, seen)
    found = ranges(value, times), kinematics(cleaned, times), gait_events(cleaned, times)
    duration = 1000 * (time.perf_counter() - began)
    return duration, raw, value, found[1][1][0, 0]


def check(folder, raw, value, velocity):
    """That both found the same, away from the ends: there Marey leaves empty what is hidden first or last, and SciPy extrapolates."""
    inside = slice(200, -200)
    worst = 0.0
    for name, theirs in (("raw_deg", raw), ("value_deg", value)):
        ours = numpy.fromfile(folder / f"{name}.f64", "<f8").reshape(theirs.shape)
        apart = numpy.abs((ours - theirs + 180) % 360 - 180)[:, inside]
        same = (apart < 0.01) | (numpy.isnan(ours) & numpy.isnan(theirs))[:, inside]
        for series, is_same in zip(SERIES, same):
            assert is_same.mean() > 0.999, f"{name} of {series} is the same in {100 * is_same.mean():.2f} % of the frames only"
        worst = max(worst, numpy.nanmax(apart[same]))
    ours = numpy.fromfile(folder / "centre_px_per_s.f64", "<f8")
    apart = numpy.abs(ours - velocity)[inside]
    assert numpy.nanmax(apart) < 0.1, f"the centres of mass are {numpy.nanmax(apart)} px/s apart"
    return worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    numpy.seterr(divide="ignore", invalid="ignore")
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            said = subprocess.run([options.program, folder], check=True, capture_output=True, text=True).stdout
            ours += [float(line.removeprefix("ms=")) for line in said.split()]
            table = numpy.fromfile(Path(folder) / "landmarks.f32", "<f4").reshape(-1, 33, 7).astype(float)
            columns = numpy.ascontiguousarray(table.transpose(1, 2, 0))
            points, visible = columns[:, :6].copy(), columns[:, 6] >= 0.3
            times = numpy.arange(points.shape[-1]) / RATE_HZ
            for _ in range(3):
                duration, *found = scipy_round(points, visible, times)
                theirs.append(duration)
        worst = check(Path(folder), *found)
    if options.json:
        case = {"what": "clean, measure, find events, 10 min at 30 Hz", "marey_s": min(ours) / 1000, "peer_s": min(theirs) / 1000}
        print(json.dumps([case | {"peer": f"SciPy, NumPy {numpy.__version__}"}]))
        return
    for name, times in (("Marey", ours), (f"SciPy, NumPy {numpy.__version__}", theirs)):
        print(f"{name}: best {min(times):.1f} ms, median {numpy.median(times):.1f} ms of {len(times)}")
    print(f"ratio: {min(theirs) / min(ours):.1f} (best), {numpy.median(theirs) / numpy.median(ours):.1f} (median)")
    print(f"{2 * len(SERIES)} series, greatest difference: {worst:.1e} degrees")


main()
