//! The static ffmpeg and ffprobe of the ffmpeg layer, taken out of pinned packages. Both are GPL builds.

use std::{fs::File, io, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{
    home,
    package::Architecture,
    setup,
    shell::{Program, which},
};

/// ffmpeg 7.0.2 lies in this package of the Python index.
const FFMPEG: (&str, &str) = ("imageio-ffmpeg", "0.6.0");

/// ffprobe lies in these packages of the npm registry.
const FFPROBE_VERSION: &str = "5.2.0";

/// What differs between processors.
struct Source {
    wheel_platform: &'static str,
    wheel_sha256: &'static str,
    program_in_wheel: &'static str,
    npm_name: &'static str,
    npm_file: &'static str,
    npm_sha256: &'static str,
}

const X86_64: Source = Source {
    wheel_platform: "manylinux2014_x86_64",
    wheel_sha256: "c7e46fcec401dd990405049d2e2f475e2b397779df2519b544b8aab515195282",
    program_in_wheel: "imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-v7.0.2",
    npm_name: "@ffprobe-installer/linux-x64",
    npm_file: "ffprobe-installer-linux-x64-5.2.0.tgz",
    npm_sha256: "8b6b2e34bad5ea7cfbe1914185145f514f620f24203a1a421e8d00a698bf8e61",
};

const ARM64: Source = Source {
    wheel_platform: "manylinux2014_aarch64",
    wheel_sha256: "1d47bebd83d2c5fc770720d211855f208af8a596c82d17730aa51e815cdee6dc",
    program_in_wheel: "imageio_ffmpeg/binaries/ffmpeg-linux-aarch64-v7.0.2",
    npm_name: "@ffprobe-installer/linux-arm64",
    npm_file: "ffprobe-installer-linux-arm64-5.2.0.tgz",
    npm_sha256: "369ec8159c5a347e460fe5e2cc9a7e3ed9c53acecb8f29e2a6491e756103c060",
};

/// Puts ffmpeg and ffprobe for a processor into a folder.
pub(crate) fn ffmpeg(architecture: Architecture, bin: &Path) -> Result<()> {
    let source = match architecture {
        Architecture::x86_64 => &X86_64,
        Architecture::arm64 => &ARM64,
    };
    let cache = home().join("cache");
    std::fs::create_dir_all(&cache)?;
    std::fs::create_dir_all(bin)?;
    take_ffmpeg(source, &cache, &bin.join("ffmpeg"))?;
    take_ffprobe(source, &cache, &bin.join("ffprobe"))
}

fn take_ffmpeg(source: &Source, cache: &Path, to: &Path) -> Result<()> {
    let wheel = cache.join(format!(
        "imageio_ffmpeg-{}-py3-none-{}.whl",
        FFMPEG.1, source.wheel_platform
    ));
    if !wheel.is_file() {
        let wanted = format!("{}=={}", FFMPEG.0, FFMPEG.1);
        let pip = Program::new(setup::pip()).args(["download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        let pip = pip.args([
            "--only-binary=:all:",
            "--platform",
            source.wheel_platform,
            &wanted,
            "--dest",
        ]);
        pip.arg(cache).quiet()?;
    }
    check(&wheel, source.wheel_sha256)?;
    let mut archive = zip::ZipArchive::new(File::open(&wheel)?)?;
    let mut member = archive
        .by_name(source.program_in_wheel)
        .context("the wheel has no ffmpeg")?;
    let mut file = File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    io::copy(&mut member, &mut file)?;
    executable(to)
}

fn take_ffprobe(source: &Source, cache: &Path, to: &Path) -> Result<()> {
    let packed = cache.join(source.npm_file);
    if !packed.is_file() {
        if which("npm").is_none() {
            bail!(
                "npm is missing: install Node, or put a static ffprobe into {}",
                to.display()
            );
        }
        let wanted = format!("{}@{FFPROBE_VERSION}", source.npm_name);
        Program::new("npm")
            .args(["pack", "--silent", &wanted, "--pack-destination"])
            .arg(cache)
            .quiet()?;
    }
    check(&packed, source.npm_sha256)?;
    let folder = to.parent().context("a file lies in a folder")?;
    let tar = Program::new("tar").arg("-xzf").arg(&packed).arg("-C").arg(folder);
    tar.args(["--strip-components=1", "package/ffprobe"]).quiet()?;
    executable(to)
}

/// A package that is not the pinned one is not opened.
fn check(path: &Path, sha256: &str) -> Result<()> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path).with_context(|| format!("{} was not fetched", path.display()))?;
    io::copy(&mut file, &mut hasher)?;
    let found = hex::encode(hasher.finalize());
    if found != sha256 {
        bail!(
            "{} has the SHA-256 {found} instead of {sha256}; delete it and try again",
            path.display()
        );
    }
    Ok(())
}

fn executable(path: &Path) -> Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}
