//! Frames per second through [`marey_media::FrameReader`], beside ffmpeg alone on the same file in the same run: decoding only, and decoding to
//! RGB into a pipe that is thrown away. `decode_speed <video> [rounds]`

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use marey_media::{FrameReader, Limits, ReadOptions, Tools, probe};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path = arguments.next().ok_or("usage: decode_speed <video> [rounds]")?;
    let path = Path::new(&path);
    let rounds = arguments
        .next()
        .and_then(|word| word.to_str()?.parse().ok())
        .unwrap_or(5);
    let tools = Tools::from_env()?;
    let info = probe(&tools, path, &Limits::default())?;
    let mut times = [(); 4].map(|()| Vec::new());
    for _ in 0..rounds {
        times[0].push(seconds(|| alone(&tools, path, &["-f", "null", "-"]))?);
        times[1].push(seconds(|| {
            alone(&tools, path, &["-pix_fmt", "rgb24", "-f", "rawvideo", "/dev/null"])
        })?);
        times[2].push(seconds(|| through_pipe(&tools, path))?);
        times[3].push(seconds(|| {
            let mut reader = FrameReader::open(&tools, path, &info, ReadOptions::default())?;
            while let Some(frame) = reader.read()? {
                reader.recycle(frame);
            }
            Ok(())
        })?);
    }
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{} frames of {} by {}, {rounds} rounds",
        info.frame_count, info.width_px, info.height_px
    )?;
    let names = [
        "ffmpeg -f null",
        "ffmpeg rgb24 > /dev/null",
        "ffmpeg rgb24 | read and drop",
        "FrameReader",
    ];
    for (name, times) in names.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let rate = |time: f64| info.frame_count as f64 / time;
        let (best, median) = (rate(times[0]), rate(times[times.len() / 2]));
        writeln!(out, "{name:30} {best:6.0} frames/s at best, {median:6.0} in the median")?;
    }
    Ok(())
}

fn seconds(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64())
}

fn ffmpeg(tools: &Tools, path: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(&tools.ffmpeg);
    command
        .args(["-v", "error", "-nostdin", "-y", "-an", "-i"])
        .arg(path)
        .args(words);
    command
}

fn alone(tools: &Tools, path: &Path, words: &[&str]) -> Result<(), Box<dyn Error>> {
    let status = ffmpeg(tools, path, words).status()?;
    if status.success() {
        Ok(())
    } else {
        Err("ffmpeg failed".into())
    }
}

fn through_pipe(tools: &Tools, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut child = ffmpeg(tools, path, &["-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdout = child.stdout.take().ok_or("no pipe")?;
    let mut buffer = vec![0; 1 << 20];
    while std::io::Read::read(&mut stdout, &mut buffer)? > 0 {}
    child.wait()?;
    Ok(())
}
