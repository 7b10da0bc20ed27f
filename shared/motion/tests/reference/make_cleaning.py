#!/usr/bin/env python3
"""Writes cleaning.json: what named programs make of signals that the tests then put through Marey's own outlier rule, gap
curves and filters.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0 filterpy==2.0.0 \
        OneEuroFilter==0.2.1 hampel==1.0.2
    venv/bin/python make_cleaning.py > cleaning.json
"""
import json
import sys
from importlib.metadata import version

import numpy
from filterpy.common import Q_discrete_white_noise
from filterpy.kalman import KalmanFilter
from hampel import hampel
from OneEuroFilter import OneEuroFilter
from scipy.interpolate import CubicSpline, make_smoothing_spline
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.stats import median_abs_deviation
from statsmodels.nonparametric.smoothers_lowess import lowess

PINNED = {
    "numpy": "2.4.6",
    "scipy": "1.17.1",
    "statsmodels": "0.15.0",
    "filterpy": "2.0.0",
    "OneEuroFilter": "0.2.1",
    "hampel": "1.0.2",
}
for name, pinned in PINNED.items():
    assert version(name) == pinned, f"the numbers belong to {name} {pinned}"

random = numpy.random.default_rng(1894)  # the year of the falling cat


def even(frames, rate_hz=30.0):
    return 0.5 + numpy.arange(frames) / rate_hz


def uneven(frames):
    """As a phone films: most steps a thirtieth, some twice that, all a little off."""
    steps_s = random.choice([1 / 30, 1 / 30, 1 / 30, 2 / 30], frames) + random.uniform(-0.004, 0.004, frames)
    return 0.5 + numpy.cumsum(steps_s)


def movement(time_s):
    waves = 300 + 120 * numpy.sin(2 * numpy.pi * 0.9 * time_s) + 30 * numpy.sin(2 * numpy.pi * 2.3 * time_s + 1)
    return waves + random.normal(0, 3, len(time_s))


def case(time_s, smooth, spikes=(), **parameters):
    signal = movement(time_s)
    for frame in spikes:
        signal[frame] += 80.0
    return {
        **parameters,
        "time_s": time_s.tolist(),
        "signal": signal.tolist(),
        "smooth": numpy.asarray(smooth(time_s, signal)).tolist(),
    }


def one_euro(time_s, min_cutoff_hz, beta, derivative_cutoff_hz):
    def smooth(time_s, signal):
        # The rate is of no account: every value but the first, which stays, comes with its time.
        euro = OneEuroFilter(30.0, min_cutoff_hz, beta, derivative_cutoff_hz)
        return [euro(value, moment_s) for value, moment_s in zip(signal, time_s)]

    return case(
        time_s, smooth, min_cutoff_hz=min_cutoff_hz, beta=beta, derivative_cutoff_hz=derivative_cutoff_hz
    )


def kalman(time_s, trust_ratio, measurement_noise):
    """A filter and smoother of filterpy. The noise of a measurement must have no influence: only the ratio has."""

    def smooth(time_s, signal):
        steps_s = numpy.diff(time_s)
        transitions = [numpy.array([[1, s, s * s / 2], [0, 1, s], [0, 0, 1]]) for s in steps_s]
        drift = (measurement_noise * trust_ratio) ** 2
        noises = [Q_discrete_white_noise(3, dt=s, var=drift) for s in steps_s]
        kalman = KalmanFilter(dim_x=3, dim_z=1)
        kalman.x = numpy.array([signal[0], 0.0, 0.0])
        kalman.P = numpy.diag([measurement_noise**2, drift, drift])
        kalman.H = numpy.array([[1.0, 0.0, 0.0]])
        kalman.R = numpy.array([[measurement_noise**2]])
        states, covariances = [], []
        for frame, value in enumerate(signal):
            if frame > 0:
                kalman.predict(F=transitions[frame - 1], Q=noises[frame - 1])
            kalman.update(numpy.array([value]))
            states.append(kalman.x.copy())
            covariances.append(kalman.P.copy())
        # The smoother goes from frame k to k + 1 with the matrices at k + 1.
        before = [numpy.eye(3)], [numpy.zeros((3, 3))]
        smoothed, *_ = kalman.rts_smoother(
            numpy.array(states), numpy.array(covariances), Fs=before[0] + transitions, Qs=before[1] + noises
        )
        return numpy.asarray(smoothed)[:, 0]

    return case(time_s, smooth, trust_ratio=trust_ratio)


def loess(time_s, window_frames, iterations, spikes=()):
    def smooth(time_s, signal):
        return lowess(signal, time_s, frac=window_frames / len(time_s), it=iterations, delta=0.0, is_sorted=True)[:, 1]

    return case(time_s, smooth, spikes, window_frames=window_frames, iterations=iterations)


def gaussian(frames, sigma_frames):
    smooth = lambda _, signal: gaussian_filter1d(signal, sigma_frames, mode="reflect")
    return case(even(frames), smooth, sigma_frames=sigma_frames)


def median(frames, reach_frames):
    smooth = lambda _, signal: median_filter(signal, size=2 * reach_frames + 1, mode="reflect")
    return case(even(frames), smooth, reach_frames=reach_frames)


def spline(time_s, cutoff_hz):
    rate_hz = (len(time_s) - 1) / (time_s[-1] - time_s[0])
    lam = rate_hz / (2 * numpy.pi * cutoff_hz) ** 4
    smooth = lambda time_s, signal: make_smoothing_spline(time_s, signal, lam=lam)(time_s)
    return case(time_s, smooth, cutoff_hz=cutoff_hz, lambda_s3=lam)


def gcv(frames):
    """At unit steps: SciPy looks for lambda to 1e-5 of the cube of whatever the steps are measured in."""
    smooth = lambda time_s, signal: make_smoothing_spline(time_s, signal)(time_s)
    time_s = numpy.arange(frames, dtype=float)
    signal = movement(time_s / 30)
    return {"time_s": time_s.tolist(), "signal": signal.tolist(), "smooth": smooth(time_s, signal).tolist()}


def outliers(frames, reach_frames, sigmas, still=False):
    # Slow: at full speed the neighbours differ so much that the rule lets jumps pass.
    signal = movement(0.2 * even(frames))
    if still:
        signal = numpy.round(signal / 5) * 5
    for frame in (4, 20, 21, 40, frames - 1):
        signal[frame] += 250.0
    window = 2 * reach_frames + 1
    windows = numpy.lib.stride_tricks.sliding_window_view(signal, window)
    deviation = 1.4826 * median_abs_deviation(windows, axis=1)
    distance = numpy.abs(windows[:, reach_frames] - numpy.median(windows, axis=1))
    found = numpy.flatnonzero((distance > sigmas * deviation) & (deviation > 0)) + reach_frames
    if not still:
        named = numpy.asarray(hampel(signal, window_size=window, n_sigma=float(sigmas)).outlier_indices)
        inside = named[(named >= reach_frames) & (named < frames - reach_frames)]
        assert (inside == found).all(), (inside, found)
    return {"reach_frames": reach_frames, "sigmas": sigmas, "signal": signal.tolist(), "outliers": found.tolist()}


def gaps(time_s, missing):
    """Every missing frame lies between two that are seen."""
    signal = movement(time_s)
    seen = numpy.setdiff1d(numpy.arange(len(time_s)), missing)
    cubic, linear = signal.copy(), signal.copy()
    cubic[missing] = CubicSpline(time_s[seen], signal[seen])(time_s[missing])
    linear[missing] = numpy.interp(time_s[missing], time_s[seen], signal[seen])
    return {
        "time_s": time_s.tolist(),
        "signal": signal.tolist(),
        "missing": missing,
        "cubic": cubic.tolist(),
        "linear": linear.tolist(),
    }


json.dump(
    {
        "one_euro": [one_euro(uneven(60), 1.0, 0.007, 1.0), one_euro(even(30), 2.5, 0.9, 1.5)],
        "kalman": [kalman(even(80), 500, 20.0), kalman(uneven(80), 500, 3.0), kalman(uneven(50), 20, 1.0)],
        "loess": [
            loess(even(60), 5, 0),
            loess(uneven(60), 9, 0),
            loess(uneven(60), 12, 3, spikes=(17, 40)),
            loess(uneven(8), 8, 1),
            loess(even(12), 3, 0),
        ],
        "gaussian": [gaussian(60, 1.0), gaussian(40, 2.5), gaussian(4, 3.0), gaussian(1, 1.0)],
        "median": [median(60, 1), median(40, 3), median(5, 2)],
        "spline": [spline(even(80), 6.0), spline(uneven(80), 6.0), spline(uneven(40), 1.0), spline(uneven(5), 3.0)],
        "gcv": [gcv(120), gcv(60), gcv(300)],
        "outliers": [outliers(60, 3, 3.0), outliers(60, 3, 2.0), outliers(90, 6, 4.0), outliers(60, 2, 2.0, still=True)],
        "gaps": [
            gaps(uneven(40), [5, 6, 7, 12, 14, 20, 21, 33]),
            gaps(uneven(6), [1, 2, 4]),
            gaps(uneven(5), [1, 2, 3]),
            gaps(uneven(9), [1, 5, 6, 7]),
        ],
    },
    sys.stdout,
)
