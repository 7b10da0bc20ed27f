//! The sound that goes along with a written video: where it is taken from, and what is done to it.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::encode_options::EncodeOptions;
use crate::filters::guarded_input;
use crate::probe::{SoundTrack, sound_track};
use crate::{MediaError, Tools};

/// A file with a sound track, as the second input of ffmpeg; the first is the picture.
#[derive(Debug)]
pub(crate) struct Sound {
    pub(crate) source: PathBuf,
    track: SoundTrack,
}

impl Sound {
    /// The sound that the options ask for, where their file has any.
    pub(crate) fn wanted(tools: &Tools, options: &EncodeOptions) -> Result<Option<Self>, MediaError> {
        let Some(source) = &options.audio_from else {
            return Ok(None);
        };
        let track = sound_track(tools, source, &options.limits)?;
        Ok(track.map(|track| Self {
            source: source.clone(),
            track,
        }))
    }

    /// The input, on the timeline of the written file.
    pub(crate) fn input(&self, options: &EncodeOptions) -> Result<Vec<OsString>, MediaError> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
        if options.origin_s > self.track.start_s {
            // To a packet at or before the moment, on the file's own timeline; the filter cuts to the sample.
            let early_s = options.origin_s - 1.0;
            add(&[
                "-seek_timestamp",
                "1",
                "-noaccurate_seek",
                "-ss",
                &format!("{early_s:.6}"),
            ]);
        }
        add(&["-itsoffset", &format!("{:.6}", -options.origin_s), "-vn", "-sn", "-dn"]);
        arguments.extend(guarded_input(self.track.container, &self.source, &options.limits)?);
        Ok(arguments)
    }

    /// Whole AAC goes along untouched; what is cut or of another kind is encoded again.
    pub(crate) fn output(&self, options: &EncodeOptions) -> Vec<OsString> {
        let mut words = vec!["-map".to_owned(), format!("1:{}", self.track.index)];
        let is_cut = options.origin_s > self.track.start_s + 0.05 || options.audio_end_s.is_some();
        if self.track.codec == "aac" && !is_cut {
            words.extend(["-c:a", "copy"].map(str::to_owned));
        } else {
            let end = options
                .audio_end_s
                .map(|end_s| format!(":end={:.6}", end_s - options.origin_s))
                .unwrap_or_default();
            words.extend(["-af", &format!("atrim=start=0{end}"), "-c:a", "aac", "-b:a", "160k"].map(str::to_owned));
        }
        words.into_iter().map(OsString::from).collect()
    }
}
