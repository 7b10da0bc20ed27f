#!/usr/bin/env python3
"""Records what MediaPipe 0.10.21 sees in a video, for tests/tracking.rs.

    mediapipe_tracked.py VIDEO OUT.json [--every N] [--frames N] [--smooth]

Frames come from the ffmpeg on the path, as in the test, so that both see the same pixels. MediaPipe's Python solution
stamps frames 33,333 microseconds apart whatever the video's rate; the test does the same.

Environment: pip install --no-deps -r xtask/bench/requirements-peer.txt
"""
import argparse
import json
import os
import subprocess

import numpy as np


def frames(path):
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "csv=p=0", path],
        check=True, capture_output=True, text=True)
    width, height = (int(value) for value in probe.stdout.strip().split(",")[:2])
    command = ["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-fps_mode", "passthrough", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while len(data := process.stdout.read(width * height * 3)) == width * height * 3:
            yield np.frombuffer(data, np.uint8).reshape(height, width, 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video")
    parser.add_argument("out")
    parser.add_argument("--every", type=int, default=1, help="record every Nth frame; all of them are tracked")
    parser.add_argument("--frames", type=int, default=10**9, help="stop after so many frames")
    parser.add_argument("--smooth", action="store_true")
    arguments = parser.parse_args()

    import mediapipe
    pose = mediapipe.solutions.pose.Pose(model_complexity=1, smooth_landmarks=arguments.smooth)
    recorded, size = [], None
    for index, frame in enumerate(frames(arguments.video)):
        if index == arguments.frames:
            break
        result = pose.process(frame)
        size = frame.shape
        if index % arguments.every:
            continue
        found = result.pose_landmarks
        recorded.append({
            "frame": index,
            "points_px": found and [[round(p.x * size[1], 2), round(p.y * size[0], 2), round(p.visibility, 3)] for p in found.landmark],
            "world_mm": found and [[round(p.x * 1e3), round(p.y * 1e3), round(p.z * 1e3)] for p in result.pose_world_landmarks.landmark],
        })
    video = os.path.basename(arguments.video)
    head = {"video": video, "width": size[1], "height": size[0], "smooth": arguments.smooth, "mediapipe": "0.10.21"}
    with open(arguments.out, "w", encoding="utf-8") as out:
        lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in recorded)
        out.write(json.dumps(head)[:-1] + ', "frames": [\n' + lines + "\n]}\n")


if __name__ == "__main__":
    main()
