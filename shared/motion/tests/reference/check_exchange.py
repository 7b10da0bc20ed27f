#!/usr/bin/env python3
"""Reads what Marey wrote with the programs for which it was written, and makes the C3D files that Marey's tests read.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 ezc3d==1.7.2 opensim==4.6
    cargo run -p marey-motion --example exchange -- /tmp/exchange ../shared/golden/balancing_raw.trc
    venv/bin/python shared/motion/tests/reference/check_exchange.py /tmp/exchange

`cargo xtask test --only exchange` does all of this.

Prints the greatest differences and fails where something differs. With a second argument, a folder, it writes ezc3d.c3d (floating
point), ezc3d_int.c3d (scaled integers) and ezc3d.json (what ezc3d reads in both) there.
"""
import json
import os
import struct
import sys
from pathlib import Path

folder = Path(sys.argv[1]).resolve()
goldens = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
# OpenSim leaves its log where it is loaded.
os.chdir(folder)

import ezc3d
import numpy
import opensim

recording = json.loads((folder / "recording.json").read_text())
poses = recording["people"][0]["poses"]
names = None
LEAST_VISIBILITY = 0.3


def expected(space):
    """frames × landmarks × 3 in OpenSim's axes; NaN where there is nothing."""
    values = numpy.full((len(poses), 33, 3), numpy.nan)
    for frame, pose in enumerate(poses):
        for landmark, point in enumerate(pose["points"] if pose else []):
            if point["visibility"] >= LEAST_VISIBILITY:
                values[frame, landmark] = [point[f"x_{space}"], -point[f"y_{space}"], -point[f"z_{space}"]]
    return values


def same(what, ours, theirs, tolerance):
    ours, theirs = numpy.asarray(ours, float), numpy.asarray(theirs, float)
    assert ours.shape == theirs.shape, (what, ours.shape, theirs.shape)
    assert (numpy.isnan(ours) == numpy.isnan(theirs)).all(), f"{what}: other values are missing"
    greatest = numpy.nanmax(numpy.abs(ours - theirs))
    print(f"{what}: {ours.shape}, {int(numpy.isnan(ours).sum())} missing, greatest difference {greatest:.3g}")
    assert greatest <= tolerance, what


def with_ezc3d():
    c3d = ezc3d.c3d(str(folder / "metres.c3d"))
    parameters = c3d["parameters"]
    points = c3d["data"]["points"]  # 4 × points × frames
    same("ezc3d, points", expected("m") * 1000, points[:3].transpose(2, 1, 0), 2e-4)
    residuals = c3d["data"]["meta_points"]["residuals"][0].T
    assert ((residuals < 0) == numpy.isnan(expected("m")[..., 0])).all(), "residuals"
    assert parameters["POINT"]["RATE"]["value"][0] == 30
    assert parameters["POINT"]["UNITS"]["value"] == ["mm"]
    assert parameters["POINT"]["X_SCREEN"]["value"] == ["+X"] and parameters["POINT"]["Y_SCREEN"]["value"] == ["+Y"]
    assert parameters["POINT"]["LABELS"]["value"][0] == "nose" and len(parameters["POINT"]["LABELS"]["value"]) == 33
    assert c3d["header"]["points"]["first_frame"] == 0 and c3d["header"]["points"]["last_frame"] == len(poses) - 1
    assert c3d["header"]["analogs"]["size"] == 0
    print("ezc3d", ezc3d.__version__, "parameters agree")


def vectors(table):
    values = numpy.array([[[v[i] for i in range(3)] for v in row_of(table, r)] for r in range(table.getNumRows())])
    return values, numpy.array(table.getIndependentColumn())


def row_of(table, index):
    row = table.getRowAtIndex(index)
    return [row.getElt(0, column) for column in range(table.getNumColumns())]


def with_opensim():
    for name, space, tolerance in (("metres.trc", "m", 1e-12), ("pixels.trc", "px", 1e-9)):
        table = opensim.TimeSeriesTableVec3(str(folder / name))
        values, time_s = vectors(table)
        same(f"OpenSim, {name}", expected(space), values, tolerance)
        same(f"OpenSim, {name}, time", recording["time_s"], time_s, 0)
        assert list(table.getColumnLabels())[0] == "nose"
        assert table.getTableMetaDataString("Units") == ("m" if space == "m" else "px")
    markers = opensim.MarkerData(str(folder / "metres.trc"))
    assert markers.getNumMarkers() == 33 and markers.getNumFrames() == len(poses)
    assert markers.getUnits().getAbbreviation() == "m"
    halpe = opensim.TimeSeriesTableVec3(str(folder / "halpe.trc"))
    assert {"RHip", "Neck", "LBigToe", "Hip"} <= set(halpe.getColumnLabels())
    # A file with every landmark missing in its last columns and frames still has all columns.
    assert halpe.getNumColumns() == 26
    # The wheel on PyPI is built without C3DFileAdapter: C3D is checked with ezc3d, on which that adapter is built.
    for name in ("image.mot", "world.mot"):
        table = opensim.TimeSeriesTable(str(folder / name))
        assert table.getTableMetaDataString("inDegrees") == "yes"
        assert {"hip_flexion_r", "knee_angle_l", "ankle_angle_r", "arm_flex_l", "elbow_flex_r"} <= set(table.getColumnLabels())
        storage = opensim.Storage(str(folder / name))
        assert storage.isInDegrees() and storage.getSize() == table.getNumRows() > 50
        time_s = numpy.array(table.getIndependentColumn())
        assert set(time_s) <= set(recording["time_s"]), "the rows have other times than the frames"
        knee = table.getDependentColumn("knee_angle_r").to_numpy()
        print(f"OpenSim, {name}: knee_angle_r from {numpy.nanmin(knee):.2f} to {numpy.nanmax(knee):.2f} degrees")
        assert numpy.nanmin(knee) > -1 and 98 < numpy.nanmax(knee) < 101
    if (folder / "real.trc").exists():
        ours = opensim.TimeSeriesTableVec3(str(folder / "real.trc"))
        print("OpenSim, real.trc:", ours.getNumRows(), "frames,", ours.getNumColumns(), "markers")
        moved = opensim.TimeSeriesTable(str(folder / "real.mot"))
        print("OpenSim, real.mot:", moved.getNumRows(), "frames")
    print("OpenSim", opensim.GetVersion())


def make_goldens(target):
    """A short capture of markers with a subject's name, z up, in millimetres, as laboratories have it."""
    labels = ["Anna:" + name for name in
              ["LHip", "RHip", "LKnee", "RKnee", "LAnkle", "RAnkle", "LHeel", "RHeel", "LBigToe", "RBigToe", "Neck", "C7_cluster"]]
    frames, rate = 12, 120.0
    random = numpy.random.default_rng(1887)
    points = numpy.round(random.uniform(-900, 1800, (3, len(labels), frames)) * 8) / 8
    residuals = numpy.zeros((1, len(labels), frames))
    points[:, 3, 5:7] = numpy.nan
    residuals[0, 3, 5:7] = -1
    c3d = ezc3d.c3d()
    c3d["parameters"]["POINT"]["RATE"]["value"] = [rate]
    c3d["parameters"]["POINT"]["LABELS"]["value"] = labels
    c3d["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    c3d.add_parameter("POINT", "X_SCREEN", ["+X"])
    c3d.add_parameter("POINT", "Y_SCREEN", ["+Z"])
    c3d["parameters"]["ANALOG"]["RATE"]["value"] = [240.0]
    c3d["parameters"]["ANALOG"]["LABELS"]["value"] = ["force"]
    c3d["data"]["points"] = numpy.concatenate([points, numpy.ones((1, len(labels), frames))])
    c3d["data"]["meta_points"]["residuals"] = residuals
    c3d["data"]["analogs"] = random.uniform(-1, 1, (1, 1, 2 * frames))
    float_path, int_path = target / "ezc3d.c3d", target / "ezc3d_int.c3d"
    c3d.write(str(float_path))
    int_path.write_bytes(as_integers(float_path.read_bytes(), len(labels), frames, 2, 0.125))
    read = [ezc3d.c3d(str(path)) for path in (float_path, int_path)]
    one, other = (numpy.where(numpy.isnan(c["data"]["points"][:3]), -1e9, c["data"]["points"][:3]) for c in read)
    assert numpy.abs(one - other).max() == 0, "the files of integers and of numbers differ"
    values = [[None if numpy.isnan(v).any() else v.tolist() for v in frame] for frame in read[0]["data"]["points"][:3].transpose(2, 1, 0)]
    (target / "ezc3d.json").write_text(json.dumps({
        "ezc3d": ezc3d.__version__, "rate_hz": rate, "labels": labels, "positions_mm_z_up": values}) + "\n")
    print("wrote", float_path, int_path)


def as_integers(data, points, frames, analogs, scale):
    """ezc3d writes numbers only. The same file with scaled integers: a positive scale in header and parameters, and data of 16 bits."""
    data = bytearray(data)
    start = (struct.unpack_from("<H", data, 16)[0] - 1) * 512
    struct.pack_into("<f", data, 12, scale)
    place = data.index(b"SCALE", 512, start) + 5
    kind, dimensions = struct.unpack_from("<bB", data, place + 2)
    assert kind == 4
    struct.pack_into("<f", data, place + 4 + dimensions, scale)
    out = bytearray(data[:start])
    size = (4 * points + analogs) * 4
    for frame in range(frames):
        values = struct.unpack_from(f"<{4 * points + analogs}f", data, start + frame * size)
        for point in range(points):
            x, y, z, residual = values[4 * point:4 * point + 4]
            # ezc3d writes NaN and -1 for what is missing.
            whole = [0, 0, 0, -1] if residual < 0 or x != x else [round(x / scale), round(y / scale), round(z / scale), 0]
            out += struct.pack("<4h", *whole)
        out += struct.pack(f"<{analogs}h", *[0] * analogs)
    return bytes(out) + bytes(-len(out) % 512)


with_ezc3d()
with_opensim()
if goldens:
    make_goldens(goldens)
