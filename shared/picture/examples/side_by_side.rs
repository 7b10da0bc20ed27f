//! Makes the pictures of a comparison once, to be looked at: `side_by_side FOLDER A.json B.json` for two recordings writes
//! the curves of their differences and seven moments on a plain ground.

use std::error::Error;
use std::fs;
use std::path::Path;

use marey_motion::compare::{ComparisonSettings, compare};
use marey_motion::formats::recording_from_json;
use marey_motion::{Analysis, Settings, analyze};
use marey_picture::comparison::{Board, Picture, difference_svg};

const MOMENTS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, a, b] = arguments.as_slice() else {
        return Err("usage: side_by_side FOLDER A.json B.json".into());
    };
    let read = |path: &str| -> Result<Analysis, Box<dyn Error>> {
        let recording = recording_from_json(&fs::read_to_string(path)?)?;
        Ok(analyze(&recording, &Settings::default())?)
    };
    let (a, b) = (read(a)?, read(b)?);
    let whole = 0..a.time_s.len();
    let settings = ComparisonSettings {
        repetitions: Some(vec![0..whole.end / 2, whole.end / 2..whole.end]),
        ..ComparisonSettings::default()
    };
    let comparison = compare(&a, &b, &settings)?;
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    fs::write(folder.join("differences.svg"), difference_svg(&comparison, 980))?;
    let board = Board::new(&comparison, &a, &b, 540)?;
    for index in 0..MOMENTS {
        let moment = index * (comparison.moments.len() - 1) / (MOMENTS - 1);
        let image = board.draw(moment, [Picture::Plain, Picture::Plain]);
        fs::write(folder.join(format!("moment_{index}.png")), image.to_png()?)?;
    }
    Ok(())
}
