#!/usr/bin/env python3
"""How many frames per second MediaPipe's Python pipeline does: the peer of examples/throughput.rs.

    ffmpeg -v error -i VIDEO -f rawvideo -pix_fmt rgb24 - | mediapipe_throughput.py WIDTH HEIGHT

Only the time inside `process` counts, and not that of the first frame. For its environment see mediapipe_tracked.py.
"""
import sys
import time

import mediapipe
import numpy as np


def main():
    width, height = int(sys.argv[1]), int(sys.argv[2])
    pose = mediapipe.solutions.pose.Pose(model_complexity=1, smooth_landmarks=True)
    frames, poses, seconds = -1, 0, 0.0
    while len(data := sys.stdin.buffer.read(width * height * 3)) == width * height * 3:
        frame = np.frombuffer(data, np.uint8).reshape(height, width, 3)
        started = time.perf_counter()
        found = pose.process(frame).pose_landmarks is not None
        if frames >= 0:
            seconds += time.perf_counter() - started
            poses += found
        frames += 1
    print(f"frames={frames} poses={poses} seconds={seconds:.3f} frames_per_second={frames / seconds:.1f}")


if __name__ == "__main__":
    main()
