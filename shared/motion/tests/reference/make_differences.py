#!/usr/bin/env python3
"""Writes differences.json: what NumPy makes of a signal at uneven times, for velocities and accelerations.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6
    venv/bin/python make_differences.py > differences.json
"""
import json
import sys

import numpy

assert numpy.__version__ == "2.4.6", "the numbers belong to this version"

random = numpy.random.default_rng(1882)  # the year of the chronophotographic gun


def case(frames):
    time_s = numpy.cumsum(random.uniform(0.02, 0.05, frames))
    waves = 300 + 120 * numpy.sin(2 * numpy.pi * 0.9 * time_s) + 30 * numpy.sin(2 * numpy.pi * 2.3 * time_s + 1)
    # Landmarks are kept in single precision.
    signal = (waves + random.normal(0, 1, frames)).astype(numpy.float32).astype(float)

    def bend(middle):
        """The second derivative of the parabola through three frames, times from the middle one."""
        three = slice(middle - 1, middle + 2)
        times = time_s[three] - time_s[middle]
        return 2 * numpy.linalg.solve(numpy.vander(times, 3), signal[three])[0]

    return {
        "time_s": time_s.tolist(),
        "signal": signal.tolist(),
        "velocity": numpy.gradient(signal, time_s, edge_order=2).tolist(),
        "acceleration": [None, *(bend(middle) for middle in range(1, frames - 1)), None],
    }


json.dump([case(40), case(5), case(3)], sys.stdout)
