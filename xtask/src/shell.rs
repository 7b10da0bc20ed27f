//! Running other programs, with errors that say what was run and what it said.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

/// A program to be run in the checkout.
pub(crate) struct Program {
    command: Command,
    words: String,
}

impl Program {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let words = program.as_ref().to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.current_dir(crate::root()).stdin(Stdio::null());
        // Nothing but the checkout is written to: what programs keep for themselves goes there too.
        command
            .env("PIP_CACHE_DIR", crate::home().join("cache/pip"))
            .env("npm_config_cache", crate::home().join("cache/npm"));
        Self { command, words }
    }

    /// The `cargo` that runs this tool.
    pub(crate) fn cargo() -> Self {
        let mut program = Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // What cargo told this process about itself is not meant for another build.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST") {
                program.command.env_remove(&name);
            }
        }
        program
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.words.push(' ');
        self.words.push_str(&arg.as_ref().to_string_lossy());
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        for arg in args {
            self = self.arg(arg);
        }
        self
    }

    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(mut self, all: impl IntoIterator<Item = (N, V)>) -> Self {
        self.command.envs(all);
        self
    }

    /// Runs it with the terminal to itself.
    pub(crate) fn run(mut self) -> Result<()> {
        let status = self
            .command
            .status()
            .with_context(|| format!("cannot run `{}`", self.words))?;
        if !status.success() {
            bail!("`{}` ended with {status}", self.words);
        }
        Ok(())
    }

    /// Runs it with the terminal for its progress, which goes to standard error, but without what it says in the end.
    pub(crate) fn progress(mut self) -> Result<()> {
        self.command.stdout(Stdio::null());
        self.run()
    }

    /// Runs it silently; what it said is shown only if it fails.
    pub(crate) fn quiet(self) -> Result<()> {
        self.text().map(drop)
    }

    /// Runs it and returns what it wrote to standard output.
    pub(crate) fn text(mut self) -> Result<String> {
        let output = self
            .command
            .output()
            .with_context(|| format!("cannot run `{}`", self.words))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let heard = String::from_utf8_lossy(&output.stdout);
            bail!("`{}` ended with {}\n{}{}", self.words, output.status, heard, said);
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts it in a process group of its own, with both outputs in a file, and does not wait for it.
    pub(crate) fn start(mut self, log: &Path) -> Result<u32> {
        use std::os::unix::process::CommandExt;
        let file = std::fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        self.command.stdout(file.try_clone()?).stderr(file).process_group(0);
        let child = self
            .command
            .spawn()
            .with_context(|| format!("cannot run `{}`", self.words))?;
        Ok(child.id())
    }
}

/// A step with a spinner while it runs and its time when it is done.
pub(crate) fn step<T>(title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let bar = ProgressBar::new_spinner().with_message(title.to_owned());
    bar.set_style(
        ProgressStyle::with_template("{spinner} {msg} {elapsed}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.enable_steady_tick(Duration::from_millis(120));
    let result = work();
    bar.finish_and_clear();
    let mark = if result.is_ok() { "✓" } else { "✗" };
    println!("{mark} {title} ({:.1} s)", started.elapsed().as_secs_f64());
    result.with_context(|| format!("this step failed: {title}"))
}

/// A program on the search path.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
