//! Installs what is missing, each thing once.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use marey_convert::{MEDIAPIPE_PACKAGE, PinnedPackage, extract_onnxruntime, prepare_models};

use crate::{
    cloud::Kind,
    home, root,
    shell::{Program, step, which},
};

/// What a command needs.
pub(crate) struct Wanted {
    /// Which local cloud.
    pub(crate) cloud: Kind,
    /// The tools that check the template.
    pub(crate) lint: bool,
}

impl Wanted {
    pub(crate) fn for_cloud(cloud: Kind) -> Self {
        Self { cloud, lint: false }
    }
}

/// Installs everything that is wanted and missing.
pub(crate) fn all(wanted: &Wanted) -> Result<()> {
    std::fs::create_dir_all(home())?;
    system_packages()?;
    let whole = |file| [Packages::Whole(file)];
    venv("venv", "python3", &whole("infra/local/requirements-ministack.txt"))?;
    if wanted.lint {
        venv("venv-lint", "python3", &whole("infra/local/requirements-lint.txt"))?;
    }
    if wanted.cloud == Kind::Localstack {
        let packages = [
            Packages::Whole("infra/local/requirements-localstack.txt"),
            Packages::Local("./infra/localstack"),
        ];
        venv("venv-localstack", &python_313()?, &packages)?;
    }
    models()?;
    tools()
}

/// ffmpeg and ffprobe, from the system.
fn system_packages() -> Result<()> {
    let mut missing: Vec<_> = ["ffmpeg", "ffprobe", "python3"]
        .into_iter()
        .filter(|name| which(name).is_none())
        .collect();
    if Program::new("python3")
        .args(["-c", "import ensurepip, venv"])
        .quiet()
        .is_err()
    {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let packages = "ffmpeg python3 python3-venv";
    let command = format!("sudo apt-get update && sudo apt-get install -y --no-install-recommends {packages}");
    let is_root = Program::new("id").arg("-u").text().is_ok_and(|id| id.trim() == "0");
    if !is_root || which("apt-get").is_none() {
        bail!(
            "this is missing: {}\nrun this once, then try again:\n\n    {command}\n",
            missing.join(", ")
        );
    }
    step(&format!("install {packages}"), || {
        let apt = || Program::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
        apt().args(["update", "-q"]).quiet()?;
        apt()
            .args(["install", "-y", "-q", "--no-install-recommends"])
            .args(packages.split(' '))
            .quiet()
    })
}

/// What pip installs into an environment.
pub(crate) enum Packages {
    /// A file of requirements with all that they ask for.
    Whole(&'static str),
    /// A file of requirements and nothing that they ask for.
    Alone(&'static str),
    /// A folder of this repository, without what it asks for.
    Local(&'static str),
}

impl Packages {
    /// What pip reads of it, so that a change is installed.
    fn text(&self) -> Result<String> {
        match self {
            Self::Whole(file) | Self::Alone(file) => {
                std::fs::read_to_string(root().join(file)).with_context(|| format!("cannot read {file}"))
            }
            Self::Local(folder) => folder_fingerprint(&root().join(folder)),
        }
    }

    fn install(&self, pip: Program) -> Result<()> {
        match self {
            Self::Whole(file) => pip.arg("-r").arg(root().join(file)),
            Self::Alone(file) => pip.args(["--no-deps", "-r"]).arg(root().join(file)),
            Self::Local(folder) => pip.args(["--no-deps", folder]),
        }
        .quiet()
    }
}

/// A Python environment under `.marey/`, made anew when its packages change; gives its folder.
pub(crate) fn venv(name: &str, python: &str, packages: &[Packages]) -> Result<PathBuf> {
    let folder = home().join(name);
    let wanted = packages.iter().map(Packages::text).collect::<Result<String>>()?;
    let stamp = folder.join("marey-requirements");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    step(&format!("install Python packages ({name})"), || {
        Program::new(python)
            .args(["-m", "venv", "--clear"])
            .arg(&folder)
            .quiet()?;
        for packages in packages {
            let pip = Program::new(folder.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check"]);
            // What was fetched for another purpose already, such as MediaPipe for its models.
            packages.install(pip.arg("--find-links").arg(home().join("cache")))?;
        }
        std::fs::write(&stamp, &wanted)?;
        Ok(())
    })?;
    Ok(folder)
}

/// The text of a local package, so that a change of it is installed.
fn folder_fingerprint(folder: &Path) -> Result<String> {
    let mut text = String::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = std::fs::read_dir(&folder)?.collect::<Result<_, _>>()?;
        entries.sort_by_key(std::fs::DirEntry::path);
        for entry in entries {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "py" || kind == "toml") {
                text += &std::fs::read_to_string(&path)?;
            }
        }
    }
    Ok(text)
}

/// LocalStack's packages are pinned for Python 3.13.
fn python_313() -> Result<String> {
    let pyenv = Program::new("pyenv").args(["prefix", "3.13"]).text().ok();
    let of_pyenv = pyenv.map(|prefix| PathBuf::from(prefix.trim()).join("bin/python3.13"));
    let found = which("python3.13")
        .filter(|path| Program::new(path).arg("--version").quiet().is_ok())
        .or(of_pyenv);
    match found.filter(|path| path.is_file()) {
        Some(path) => Ok(path.to_string_lossy().into_owned()),
        None => {
            bail!("LocalStack needs Python 3.13; install python3.13 and python3.13-venv, or use pyenv, and try again")
        }
    }
}

/// The pose models and ONNX Runtime, from the pinned packages.
pub(crate) fn models() -> Result<()> {
    let (models, library) = (home().join("models"), home().join("lib/libonnxruntime.so"));
    let cache = home().join("cache");
    std::fs::create_dir_all(&cache)?;
    if !models.join(marey_convert::MODELS_FILE).is_file() {
        step("fetch and convert the pose models", || {
            let wheel = download(&MEDIAPIPE_PACKAGE, &cache)?;
            prepare_models(&wheel, &models)?;
            Ok(())
        })?;
    }
    if !library.is_file() {
        step("fetch ONNX Runtime", || {
            let package = onnxruntime_package()?;
            let wheel = download(package, &cache)?;
            extract_onnxruntime(&wheel, &home().join("lib"))?;
            Ok(())
        })?;
    }
    Ok(())
}

fn onnxruntime_package() -> Result<&'static PinnedPackage> {
    match std::env::consts::ARCH {
        "x86_64" => Ok(&marey_convert::ONNXRUNTIME_PACKAGE),
        "aarch64" => Ok(&marey_convert::ONNXRUNTIME_PACKAGE_AARCH64),
        other => bail!("there is no pinned ONNX Runtime for {other}; set MAREY_ONNXRUNTIME to one of your own"),
    }
}

/// The pip that fetches packages: that of the environment, where there is one already.
pub(crate) fn pip() -> PathBuf {
    let own = home().join("venv/bin/pip");
    if own.is_file() { own } else { PathBuf::from("pip3") }
}

/// Fetches a wheel by name and version; its hash is checked by whoever opens it.
pub(crate) fn download(package: &PinnedPackage, cache: &Path) -> Result<PathBuf> {
    let wheel = cache.join(package.file_name);
    if !wheel.is_file() {
        Program::new(pip()).args(package.pip_arguments(cache)).quiet()?;
    }
    if !wheel.is_file() {
        bail!(
            "{} {} was fetched, but {} is not there",
            package.name,
            package.version,
            wheel.display()
        );
    }
    Ok(wheel)
}

/// Puts the system's ffmpeg where the functions look for it: `<ToolsRoot>/bin`.
fn tools() -> Result<()> {
    let folder = home().join("bin");
    std::fs::create_dir_all(&folder)?;
    for name in ["ffmpeg", "ffprobe"] {
        let link = folder.join(name);
        let program = which(name).with_context(|| format!("{name} is not on the search path"))?;
        if std::fs::read_link(&link).ok().as_ref() != Some(&program) {
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(&program, &link)?;
        }
    }
    Ok(())
}
