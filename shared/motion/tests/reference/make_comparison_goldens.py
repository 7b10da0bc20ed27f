#!/usr/bin/env python3
"""Writes comparison.json: what other programs make of movements that the tests then put through Marey's comparison.

    python3.11 -m venv venv && venv/bin/pip install -r comparison-requirements.txt
    venv/bin/pip install --no-deps neuropose==0.1.0.dev0    # its analyser needs none of its models
    venv/bin/python make_comparison_goldens.py > comparison.json
"""
import json
import sys
from importlib.metadata import version

import numpy
from dtaidistance import dtw, dtw_ndim
from fastdtw import fastdtw
from fastdtw.fastdtw import dtw as exact_dtw
from neuropose.analyzer.dtw import dtw_all, dtw_per_joint, dtw_relation
from neuropose.analyzer.features import extract_joint_angles, normalize_pose_sequence, procrustes_align
from scipy.spatial import procrustes
from scipy.spatial.distance import euclidean
from scipy.spatial.transform import Rotation

VERSIONS = {"numpy": "2.4.6", "scipy": "1.17.1", "dtaidistance": "2.5.1", "fastdtw": "0.3.4", "neuropose": "0.1.0.dev0"}
for package, wanted in VERSIONS.items():
    assert version(package) == wanted, f"the numbers belong to {package} {wanted}"

random = numpy.random.default_rng(1887)


def rounded(values):
    """Short numbers that are exactly what both sides compute with."""
    return numpy.round(values, 4)


def movement(frames, width, phase=0.0):
    """Slow waves at a changing pace with noise."""
    pace = numpy.cumsum(random.uniform(0.5, 1.5, frames))
    waves = [40 * numpy.sin(0.21 * pace + phase + column) for column in range(width)]
    return rounded(numpy.stack(waves, axis=1) + random.normal(0, 2, (frames, width)))


def plain(a, b, radius=None, squared=False):
    """The recurrence as in the textbook, with numpy and loops."""
    n, m = len(a), len(b)
    sums = numpy.full((n + 1, m + 1), numpy.inf)
    sums[0, 0] = 0
    for i in range(n):
        for j in range(m):
            if radius is not None and not -radius - max(0, n - m) <= j - i <= radius + max(0, m - n):
                continue
            cost = numpy.sum((a[i] - b[j]) ** 2)
            cost = cost if squared else numpy.sqrt(cost)
            sums[i + 1, j + 1] = cost + min(sums[i, j + 1], sums[i + 1, j], sums[i, j])
    return numpy.sqrt(sums[n, m]) if squared else sums[n, m]


def exact_case(n, m, width, radius):
    a, b = movement(n, width), movement(m, width, 0.6)
    window = None if radius is None else radius + 1
    if width == 1:
        squared = dtw.distance_fast(a[:, 0].copy(), b[:, 0].copy(), window=window)
        summed = dtw.distance_fast(a[:, 0].copy(), b[:, 0].copy(), window=window, inner_dist="euclidean")
    else:
        squared = dtw_ndim.distance_fast(a, b, window=window)
        summed = dtw_ndim.distance_fast(a, b, window=window, inner_dist="euclidean")
    path = None
    if radius is None:
        distance, path = exact_dtw(a, b, dist=euclidean)
        assert abs(distance - summed) < 1e-9 * distance
    return {
        "a": a.ravel().tolist(), "b": b.ravel().tolist(), "width": width, "radius": radius, "path": path,
        "plain": plain(a, b, radius), "plain_squared": plain(a, b, radius, squared=True),
        "dtaidistance_euclidean": summed, "dtaidistance": squared,
    }


def fast_case(n, m, width, radius):
    a, b = movement(n, width), movement(m, width, 0.6)
    distance, path = fastdtw(a, b, radius=radius, dist=euclidean)
    return {
        "a": a.ravel().tolist(), "b": b.ravel().tolist(), "width": width, "radius": radius,
        "distance": distance, "path": path,
    }


def matrix(dimensions):
    if dimensions == 3:
        return Rotation.random(random_state=random.integers(1 << 30)).as_matrix()
    angle = random.uniform(-numpy.pi, numpy.pi)
    return numpy.array([[numpy.cos(angle), -numpy.sin(angle)], [numpy.sin(angle), numpy.cos(angle)]])


def umeyama(source, target, scale):
    """Umeyama 1991, equations 34 to 43, by numpy's singular values."""
    mean_s, mean_t = source.mean(0), target.mean(0)
    s, t = source - mean_s, target - mean_t
    u, d, vt = numpy.linalg.svd(t.T @ s / len(s))
    signs = numpy.ones(s.shape[1])
    if numpy.linalg.det(u) * numpy.linalg.det(vt) < 0:
        signs[-1] = -1
    rotation = u @ numpy.diag(signs) @ vt
    size = (d * signs).sum() / (s**2).sum(1).mean() if scale else 1.0
    translation = mean_t - size * rotation @ mean_s
    left = target - (size * source @ rotation.T + translation)
    return rotation, size, translation, numpy.sqrt((left**2).sum(1).mean())


def align_case(dimensions, points, noise, scale, mirrored=False):
    source = rounded(random.normal(0, 1, (points, dimensions)))
    mirror = numpy.diag([1.0] * (dimensions - 1) + [-1.0 if mirrored else 1.0])
    target = rounded(1.7 * source @ mirror @ matrix(dimensions).T + random.normal(0, 2, dimensions)
                     + random.normal(0, noise, (points, dimensions)))
    rotation, size, translation, residual = umeyama(source, target, scale)
    case = {
        "source": source.tolist(), "target": target.tolist(), "scale": scale, "rotation": rotation.tolist(),
        "size": size, "translation": translation.tolist(), "residual_rms": residual,
    }
    if dimensions == 3:
        # SciPy aligns vectors: centred points.
        found, _ = Rotation.align_vectors(target - target.mean(0), source - source.mean(0))
        case["scipy_rotation"] = found.as_matrix().tolist()
    if scale and numpy.linalg.det((target - target.mean(0)).T @ (source - source.mean(0))) > 0:
        # SciPy's disparity is of sets sized to 1, and it takes a mirror image where that fits better.
        _, _, case["scipy_disparity"] = procrustes(target, source)
    return case


def body(frames):
    joints = rounded(random.normal(0, 30, (1, 5, 3)) + numpy.cumsum(random.normal(0, 2, (frames, 5, 3)), axis=0))
    return joints


def neuropose_case(n, m):
    a, b = body(n), body(m)
    triplets = [(0, 1, 2), (2, 3, 4)]
    case = {"a": a.tolist(), "b": b.tolist(), "triplets": triplets}

    def told(result):
        return {"distance": result.distance, "path": result.path}

    case["all"] = told(dtw_all(a, b))
    case["per_joint"] = [told(one) for one in dtw_per_joint(a, b)]
    case["relation"] = told(dtw_relation(a, b, 1, 4))
    case["angles"] = told(dtw_all(a, b, representation="angles", angle_triplets=triplets))
    case["angles_rad"] = extract_joint_angles(a, triplets).tolist()
    case["unit_cube"] = normalize_pose_sequence(a).tolist()
    if n == m:
        case["per_frame"] = told(dtw_all(a, b, align="procrustes_per_frame"))
        case["per_sequence"] = told(dtw_all(a, b, align="procrustes_per_sequence"))
        for mode in ("per_frame", "per_sequence"):
            _, _, found = procrustes_align(a, b, mode=mode, scale=True)
            case[mode + "_scaled"] = {
                "rotation_deg": found.rotation_deg, "rotation_deg_max": found.rotation_deg_max, "scale": found.scale,
            }
    holes = a.copy()
    holes[3, 2] = numpy.nan
    holes[7:9, 0] = numpy.nan
    holes[0, 1] = numpy.nan
    case["unknown"] = [[3, 2], [7, 0], [8, 0], [0, 1]]
    case["interpolated"] = told(dtw_all(holes, b, nan_policy="interpolate"))
    dropped = dtw_all(holes, b, nan_policy="drop")
    # Marey counts the frames of the whole movement.
    kept = [frame for frame in range(n) if numpy.isfinite(holes[frame]).all()]
    case["dropped"] = {"distance": dropped.distance, "path": [[kept[i], j] for i, j in dropped.path]}
    return case


json.dump(
    {
        "versions": VERSIONS,
        "exact": [
            exact_case(1, 1, 1, None), exact_case(1, 9, 2, None), exact_case(40, 40, 1, None),
            exact_case(70, 131, 1, None), exact_case(90, 66, 3, None), exact_case(65, 64, 9, None),
            exact_case(50, 50, 1, 0), exact_case(80, 50, 1, 3), exact_case(50, 83, 3, 0), exact_case(129, 140, 2, 11),
        ],
        "fast": [
            fast_case(1, 5, 1, 1), fast_case(33, 47, 1, 1), fast_case(64, 64, 2, 1), fast_case(100, 61, 3, 1),
            fast_case(90, 121, 1, 5), fast_case(75, 75, 1, 0 + 2), fast_case(30, 31, 2, 40),
        ],
        "align": [
            align_case(3, 12, 0.0, False), align_case(3, 33, 0.3, False), align_case(3, 33, 0.3, True),
            align_case(3, 4, 2.0, True), align_case(3, 20, 0.1, True, mirrored=True),
            align_case(2, 12, 0.0, True), align_case(2, 17, 0.4, False), align_case(2, 17, 0.4, True),
            align_case(2, 17, 0.1, True, mirrored=True),
        ],
        "neuropose": [neuropose_case(24, 24), neuropose_case(31, 22)],
    },
    sys.stdout,
    separators=(",", ":"),
)
