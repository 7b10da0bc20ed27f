//! Where ffmpeg and ffprobe are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::child::{self, Job};
use crate::sandbox::Access;
use crate::{Limits, MediaError};

/// The two programs everything here is done with. ffmpeg 5.1 and 7.0 are known to work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// ffmpeg.
    pub ffmpeg: PathBuf,
    /// ffprobe.
    pub ffprobe: PathBuf,
}

/// What the tools say that they are.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ToolVersions {
    /// Such as `5.1.9-0+deb12u1`.
    pub ffmpeg: String,
    /// Such as `5.1.9-0+deb12u1`.
    pub ffprobe: String,
}

impl Tools {
    /// The programs named in `MAREY_FFMPEG` and `MAREY_FFPROBE`, else those on `PATH`.
    ///
    /// # Errors
    /// [`MediaError::ToolMissing`] when one is not there.
    pub fn from_env() -> Result<Self, MediaError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Ok(Self {
            ffmpeg: locate("ffmpeg", "MAREY_FFMPEG", std::env::var_os("MAREY_FFMPEG"), &path)?,
            ffprobe: locate("ffprobe", "MAREY_FFPROBE", std::env::var_os("MAREY_FFPROBE"), &path)?,
        })
    }

    /// Asks both programs for their version, inside the sandbox: whoever gets an answer knows that they start there.
    ///
    /// # Errors
    /// [`MediaError::ToolMissing`] or [`MediaError::ToolFailed`].
    pub fn versions(&self) -> Result<ToolVersions, MediaError> {
        Ok(ToolVersions {
            ffmpeg: version("ffmpeg", &self.ffmpeg)?,
            ffprobe: version("ffprobe", &self.ffprobe)?,
        })
    }
}

fn locate(
    tool: &'static str,
    variable: &str,
    named: Option<OsString>,
    search_path: &std::ffi::OsStr,
) -> Result<PathBuf, MediaError> {
    if let Some(named) = named.filter(|value| !value.is_empty()) {
        let path = PathBuf::from(named);
        return if is_program(&path) {
            Ok(path)
        } else {
            Err(MediaError::ToolMissing {
                tool,
                looked_at: format!("{variable}={}", path.display()),
            })
        };
    }
    std::env::split_paths(search_path)
        .map(|folder| folder.join(tool))
        .find(|candidate| is_program(candidate))
        .ok_or_else(|| MediaError::ToolMissing {
            tool,
            looked_at: format!("PATH={}", search_path.to_string_lossy()),
        })
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn version(tool: &'static str, program: &Path) -> Result<String, MediaError> {
    let job = Job {
        tool,
        program,
        limits: &Limits::default(),
        access: Access::default(),
    };
    let output = child::output(
        &job,
        ["-hide_banner", "-version"].map(OsString::from).to_vec(),
        64 << 10,
    )?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.lines().next().and_then(|line| {
        line.strip_prefix(tool)?
            .strip_prefix(" version ")?
            .split_whitespace()
            .next()
    });
    match found {
        Some(found) if output.success => Ok(found.to_owned()),
        _ => Err(MediaError::ToolFailed {
            tool,
            diagnostics: output.diagnostics,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_the_place_that_was_searched() {
        let error = locate("ffmpeg", "MAREY_FFMPEG", None, "/nowhere:/nothing".as_ref()).unwrap_err();
        assert_eq!(error.code(), "MEDIA_TOOL_MISSING");
        assert!(error.is_transient(), "a broken deployment must not fail users' jobs");
        assert!(error.diagnostics().unwrap().contains("/nowhere"));
        assert!(error.hint().contains("MAREY_FFMPEG"));
        let error = locate("ffprobe", "MAREY_FFPROBE", Some("/not/there".into()), "/bin".as_ref()).unwrap_err();
        assert!(error.diagnostics().unwrap().contains("MAREY_FFPROBE=/not/there"));
    }

    #[test]
    fn a_folder_or_a_plain_file_is_no_program() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("ffmpeg")).unwrap();
        std::fs::write(folder.path().join("ffprobe"), "x").unwrap();
        assert!(locate("ffmpeg", "V", None, folder.path().as_os_str()).is_err());
        assert!(locate("ffprobe", "V", None, folder.path().as_os_str()).is_err());
    }
}
