//! Makes the models from MediaPipe's wheel: `prepare <mediapipe wheel> <models directory>`.

use std::{error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(wheel), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: prepare <mediapipe wheel> <models directory>".into());
    };
    for model in marey_convert::prepare_models(&wheel, &out)? {
        eprintln!("{} {} bytes {}", model.sha256, model.bytes, model.file);
    }
    Ok(())
}
