#!/usr/bin/env python3
"""Writes scipy.json: what SciPy makes of signals that the tests then put through Marey's own filter and gap filling.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1
    venv/bin/python make_goldens.py > scipy.json
"""
import json
import sys

import numpy
import scipy
from scipy.interpolate import PchipInterpolator
from scipy.signal import butter, filtfilt

assert (numpy.__version__, scipy.__version__) == ("2.4.6", "1.17.1"), "the numbers belong to these versions"

random = numpy.random.default_rng(1882)  # the year of the chronophotographic gun


def movement(frames, rate_hz):
    """A walk of noise on slow waves, in pixels."""
    time_s = numpy.arange(frames) / rate_hz
    waves = 300 + 120 * numpy.sin(2 * numpy.pi * 0.9 * time_s) + 30 * numpy.sin(2 * numpy.pi * 2.3 * time_s + 1)
    return waves + random.normal(0, 3, frames) + numpy.cumsum(random.normal(0, 1, frames))


def filter_case(order, cutoff_hz, rate_hz, frames):
    signal = movement(frames, rate_hz)
    b, a = butter(order, cutoff_hz, fs=rate_hz)
    return {
        "order": order,
        "cutoff_hz": cutoff_hz,
        "rate_hz": rate_hz,
        "signal": signal.tolist(),
        "filtered": filtfilt(b, a, signal).tolist(),
    }


def gap_case(frames, missing):
    """Uneven times and gaps; every missing frame lies between two that are seen."""
    time_s = numpy.cumsum(random.uniform(0.02, 0.05, frames))
    signal = movement(frames, 30)
    seen = numpy.setdiff1d(numpy.arange(frames), missing)
    filled = signal.copy()
    filled[missing] = PchipInterpolator(time_s[seen], signal[seen])(time_s[missing])
    return {
        "time_s": time_s.tolist(),
        "signal": signal.tolist(),
        "missing": missing,
        "filled": filled.tolist(),
    }


json.dump(
    {
        "filters": [
            filter_case(2, 6.0, 30.0, 120),
            filter_case(2, 6.0, 60.0, 10),
            filter_case(4, 6.0, 30000 / 1001, 90),
            filter_case(1, 3.0, 25.0, 40),
            filter_case(3, 8.0, 50.0, 60),
            filter_case(8, 10.0, 60.0, 100),
            filter_case(2, 0.5, 240.0, 200),
        ],
        "gaps": [
            gap_case(40, [5, 6, 7, 12, 14, 20, 21, 33]),
            gap_case(6, [1, 2, 4]),
            gap_case(5, [1, 2, 3]),
            gap_case(9, [1, 5, 6, 7]),
        ],
    },
    sys.stdout,
)
