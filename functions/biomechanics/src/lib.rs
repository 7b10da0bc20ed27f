//! Joins the recordings of a video's ranges, and computes joint angles and their extremes.

mod wishes;

use marey_cloud::{Output, OutputFile, Stage, StageError, Work};
use marey_fn_kit::{PARQUET, Shards, save, sentence};
use marey_motion::{
    Analysis, Appearance, MotionError, Part, Recording, Summary, analyze,
    formats::{recording_from_parquet, recording_to_parquet},
    outputs::analysis_files,
};

use self::wishes::Wishes;

/// The artifacts of the analysis and of its poses, and the recording: that of every range on the way in, the one of the whole
/// video on the way out.
pub use marey_motion::outputs::{ANALYSIS, POSES, RECORDING};

/// The artifact that tells what each person of a range wears.
const CLOTHES: &str = "clothes.json";

/// The stage `biomechanics`.
#[derive(Debug, Default)]
pub struct Biomechanics;

impl Stage for Biomechanics {
    fn name(&self) -> &'static str {
        "biomechanics"
    }

    fn run(&self, work: &Work) -> Result<Output, StageError> {
        let (recording, bytes) = joined(work)?;
        work.control.set_progress(0.3);
        work.control.check()?;
        if recording
            .people
            .iter()
            .all(|person| person.poses.iter().all(Option::is_none))
        {
            return Err(nobody());
        }
        work.control.add_frames(recording.time_s.len() as u64);
        let wishes = Wishes::of(work);
        let mut analysis = analyze(&recording, &wishes.settings().map_err(motion_error)?).map_err(motion_error)?;
        analysis.notes.extend(wishes.without_effect());
        work.control.set_progress(0.7);
        work.control.check()?;
        let facts = serde_json::to_value(Summary::of(&analysis)).map_err(StageError::internal)?;
        let mut files = vec![save(work, RECORDING, PARQUET, &bytes)?];
        files.extend(save_analysis(work, analysis)?);
        Ok(Output { files, facts })
    }
}

/// The recording of the whole video, and the same as Parquet.
fn joined(work: &Work) -> Result<(Recording, Vec<u8>), StageError> {
    let paths = work.artifacts_of("pose", RECORDING);
    if let [path] = paths {
        let bytes = std::fs::read(path)?;
        return Ok((recording_from_parquet(&bytes).map_err(motion_error)?, bytes));
    }
    let ranges = Shards::read(work)?.ranges;
    if ranges.len() != paths.len() {
        let problem = format!("{} recordings of {} ranges", paths.len(), ranges.len());
        return Err(StageError::internal(problem));
    }
    let mut parts = Vec::with_capacity(paths.len());
    for (index, (path, range)) in paths.iter().zip(ranges).enumerate() {
        work.control.check()?;
        parts.push(Part {
            recording: recording_from_parquet(&std::fs::read(path)?).map_err(motion_error)?,
            start_s: range.start_s,
            end_s: range.end_s,
            appearances: clothes(work, index)?,
        });
    }
    let recording = marey_motion::join(parts).map_err(motion_error)?;
    let bytes = recording_to_parquet(&recording).map_err(motion_error)?;
    Ok((recording, bytes))
}

/// What each person of a range wears; nothing where that was not written down.
fn clothes(work: &Work, range: usize) -> Result<Vec<Option<Appearance>>, StageError> {
    let Some(path) = work.artifacts_of("pose", CLOTHES).get(range) else {
        return Ok(Vec::new());
    };
    serde_json::from_slice(&std::fs::read(path)?).map_err(StageError::internal)
}

/// Writes the analysis in every format, the poses apart.
fn save_analysis(work: &Work, analysis: Analysis) -> Result<Vec<OutputFile>, StageError> {
    let files = analysis_files(analysis).map_err(motion_error)?;
    let save = |file: marey_motion::outputs::OutputFile| save(work, file.name, file.content_type, &file.bytes);
    files.into_iter().map(save).collect()
}

/// The input is an artifact of Marey's own: what is wrong with it stays wrong.
fn motion_error(error: MotionError) -> StageError {
    if matches!(
        error,
        MotionError::NoSuchPerson(_) | MotionError::InvalidSettings(_) | MotionError::TooLarge(_)
    ) {
        return StageError::permanent(error.code(), sentence(&error.to_string()), error.hint());
    }
    StageError::permanent(error.code(), "The recording could not be analysed.", error.hint()).because(error)
}

fn nobody() -> StageError {
    StageError::permanent(
        "NO_PERSON_FOUND",
        "Nobody was found in any frame of the video.",
        "Film the whole body against a calm background, well lit, at least a quarter of the picture high.",
    )
}
