#!/usr/bin/env python3
"""How many frames per second MediaPipe's Python pipeline does: the peer of examples/throughput.rs.

    mediapipe_throughput.py FRAMES WIDTH HEIGHT [LANDMARKS]

FRAMES is a file of raw RGB frames. Only the time inside `process` counts, and not that of the first frame; `cores` is
the processor time of all threads in that time. With LANDMARKS every frame's landmarks are written to that file: a line
for each frame, `x_px y_px visibility` for each point, or `-` for nobody. For its environment see
xtask/bench/requirements-peer.txt.
"""
import sys
import time

import mediapipe
import numpy as np


def line(found, width, height):
    if found is None:
        return "-"
    return " ".join(f"{p.x * width:.3f} {p.y * height:.3f} {p.visibility:.3f}" for p in found.landmark)


def main():
    width, height = int(sys.argv[2]), int(sys.argv[3])
    pose = mediapipe.solutions.pose.Pose(model_complexity=1, smooth_landmarks=True)
    landmarks, seconds, cpu_seconds = [], 0.0, 0.0
    with open(sys.argv[1], "rb") as frames:
        while len(data := frames.read(width * height * 3)) == width * height * 3:
            frame = np.frombuffer(data, np.uint8).reshape(height, width, 3)
            started, cpu_started = time.perf_counter(), time.process_time()
            found = pose.process(frame).pose_landmarks
            if landmarks:
                seconds += time.perf_counter() - started
                cpu_seconds += time.process_time() - cpu_started
            landmarks.append(line(found, width, height))
    if len(sys.argv) > 4:
        with open(sys.argv[4], "w", encoding="utf-8") as out:
            print("\n".join(landmarks), file=out)
    count = len(landmarks) - 1
    poses = sum(text != "-" for text in landmarks[1:])
    print(
        f"frames={count} poses={poses} seconds={seconds:.3f} frames_per_second={count / seconds:.1f}"
        f" cores={cpu_seconds / seconds:.2f}"
    )


if __name__ == "__main__":
    main()
