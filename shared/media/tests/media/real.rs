//! Real footage, where it is at hand.

use std::path::PathBuf;

use marey_media::{FrameSize, ReadOptions};

use crate::footage::Footage;

fn videos() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("MAREY_SHARED")
        .map_or(beside, PathBuf::from)
        .join("videos");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no videos at {}", folder.display());
    None
}

#[test]
fn real_footage_is_read_to_its_last_frame() {
    let (Some(footage), Some(folder)) = (Footage::new(), videos()) else {
        return;
    };
    for (name, size, count) in [
        ("pose2sim_single_cam01.mp4", (1080, 1920), 100),
        ("pose2sim_multi_cam02.mp4", (1088, 1920), 100),
        ("sports2d_demo.mp4", (1768, 994), 230),
    ] {
        let path = folder.join(name);
        let info = footage.probe(&path);
        assert_eq!((info.frame_count, info.variable_frame_rate), (count, false), "{name}");
        assert_eq!((info.width_px, info.height_px), size, "{name}");
        let wanted: Vec<f64> = footage
            .decoded_ticks(&path)
            .iter()
            .map(|&tick| info.time_base.seconds(tick))
            .collect();
        let options = ReadOptions {
            size: FrameSize::Within {
                width: 256,
                height: 256,
            },
            ..ReadOptions::default()
        };
        let times: Vec<f64> = footage
            .read_all(&path, options)
            .iter()
            .map(|frame| frame.time_s)
            .collect();
        assert_eq!(times, wanted, "{name}");
    }
}
