//! What a child may do: the part of the trust rules that the kernel enforces.
//!
//! A thread of its own takes the restrictions on, starts the child, which inherits them, and ends. That keeps the rest of the
//! process free and needs no code between `fork` and `exec`. Three layers, each applied where the kernel has it:
//!
//! - **Landlock** (Linux 5.13): the child opens its own program and libraries, `/dev/urandom`, the one input and the one output;
//!   nothing else of the file system, and no TCP.
//! - **seccomp**: no sockets of any family, no tracing of other processes, no namespaces, mounts, keys, BPF or `io_uring`.
//!   It answers `EPERM`, so a library that tries is told no and the child lives.
//! - **Resource limits**: address space, processor time, size of a written file, open files, no core dump. They are set from outside
//!   (`prlimit`) within microseconds of the start, long before the dynamic linker is done, and bind all that comes after.
//!
//! ffmpeg's own whitelists come on top and hold on any kernel; see [`crate::filters`].

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::{io, thread};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

use crate::Limits;

/// How much of a layer took hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// All that was asked.
    Full,
    /// As much as this kernel knows.
    Partial,
    /// This kernel lacks it or does not let us.
    None,
}

/// What the kernel enforces on a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct SandboxReport {
    /// Access to files (and TCP).
    pub landlock: Enforcement,
    /// Forbidden system calls, sockets among them.
    pub seccomp: Enforcement,
    /// Memory, processor time, size of files.
    pub resource_limits: Enforcement,
}

/// The files a child may open, beyond its own program.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    pub(crate) read: Vec<PathBuf>,
    /// Files that exist already: the child may not make new ones.
    pub(crate) write: Vec<PathBuf>,
}

/// Where programs keep their libraries and what the dynamic linker and font lookup read.
const SYSTEM: [&str; 14] = [
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/bin",
    "/opt",
    "/nix/store",
    "/var/task",
    "/var/cache/fontconfig",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/fonts",
];
const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"];

/// Starts the command inside the sandbox.
pub(crate) fn spawn(command: &mut Command, access: &Access, limits: &Limits) -> io::Result<(Child, SandboxReport)> {
    let program = PathBuf::from(command.get_program());
    let (child, landlock, seccomp) = thread::scope(|scope| {
        let launcher = scope.spawn(|| {
            let landlock = restrict_files(&program, access);
            let seccomp = restrict_calls();
            command.spawn().map(|child| (child, landlock, seccomp))
        });
        launcher
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the launching thread panicked")))
    })?;
    let resource_limits = restrict_resources(&child, limits);
    let report = SandboxReport {
        landlock,
        seccomp,
        resource_limits,
    };
    tracing::debug!(?report, program = %program.display(), "child started");
    Ok((child, report))
}

fn restrict_files(program: &Path, access: &Access) -> Enforcement {
    match try_restrict_files(program, access) {
        Ok(RulesetStatus::FullyEnforced) => Enforcement::Full,
        Ok(RulesetStatus::PartiallyEnforced) => Enforcement::Partial,
        Ok(RulesetStatus::NotEnforced) => Enforcement::None,
        Err(error) => {
            tracing::debug!(%error, "landlock not applied");
            Enforcement::None
        }
    }
}

fn try_restrict_files(program: &Path, access: &Access) -> Result<RulesetStatus, landlock::RulesetError> {
    let abi = ABI::V6;
    let look = AccessFs::from_read(abi);
    let change = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, look))?
        .add_rules(path_beneath_rules(libraries_of(program), look))?
        .add_rules(path_beneath_rules(DEVICES, device))?
        .add_rules(path_beneath_rules(&access.read, AccessFs::ReadFile))?
        .add_rules(path_beneath_rules(&access.write, change))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// The program, the `lib` beside its `bin`, and the folders of `LD_LIBRARY_PATH`, which the child keeps.
fn libraries_of(program: &Path) -> Vec<PathBuf> {
    let mut paths = vec![program.to_path_buf()];
    if let Ok(real) = program.canonicalize() {
        if let Some(prefix) = real
            .parent()
            .filter(|folder| folder.ends_with("bin"))
            .and_then(Path::parent)
        {
            paths.push(prefix.join("lib"));
        }
        paths.push(real);
    }
    if let Some(folders) = std::env::var_os("LD_LIBRARY_PATH") {
        paths.extend(std::env::split_paths(&folders).filter(|folder| folder.is_absolute()));
    }
    paths
}

fn restrict_calls() -> Enforcement {
    let applied = call_filter().and_then(|program| seccompiler::apply_filter(&program));
    match applied {
        Ok(()) => Enforcement::Full,
        Err(error) => {
            tracing::debug!(%error, "seccomp not applied");
            Enforcement::None
        }
    }
}

fn call_filter() -> Result<BpfProgram, seccompiler::Error> {
    let forbidden = [
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_open_by_handle_at,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_io_uring_setup,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_kexec_load,
    ];
    let rules = forbidden.into_iter().map(|call| (call, Vec::new())).collect();
    let refusal = SeccompAction::Errno(libc::EPERM as u32);
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    Ok(SeccompFilter::new(rules, SeccompAction::Allow, refusal, architecture)?.try_into()?)
}

fn restrict_resources(child: &Child, limits: &Limits) -> Enforcement {
    let wanted = [
        (Resource::As, limits.memory_bytes, limits.memory_bytes),
        // The soft limit sends SIGXCPU, which is told apart from other deaths; the hard one kills.
        (
            Resource::Cpu,
            limits.cpu.as_secs().max(1),
            limits.cpu.as_secs().max(1) + 5,
        ),
        (Resource::Fsize, limits.output_bytes, limits.output_bytes),
        (Resource::Nofile, 64, 64),
        (Resource::Core, 0, 0),
    ];
    // A child that is gone already leaves a zombie until it is waited for: the id can't be another's.
    let pid = Pid::from_child(child);
    let applied = wanted
        .into_iter()
        .filter(|&(resource, soft, hard)| set_limit(pid, resource, soft, hard))
        .count();
    match applied {
        0 => Enforcement::None,
        count if count == wanted.len() => Enforcement::Full,
        _ => Enforcement::Partial,
    }
}

fn set_limit(pid: Pid, resource: Resource, soft: u64, hard: u64) -> bool {
    // Without privileges a hard limit only goes down: where the system's own is lower, it stays.
    let lower = |ceiling: Option<u64>| Rlimit {
        current: Some(ceiling.map_or(soft, |value| value.min(soft))),
        maximum: Some(ceiling.map_or(hard, |value| value.min(hard))),
    };
    let ceiling = rustix::process::getrlimit(resource).maximum;
    match prlimit(Some(pid), resource, lower(ceiling)) {
        Ok(_) => true,
        Err(error) => {
            tracing::debug!(?resource, %error, "resource limit not applied");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    fn run(script: &str, access: &Access) -> (String, SandboxReport) {
        let mut command = Command::new("/bin/bash");
        command
            .args(["-c", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .stdin(Stdio::null());
        let (child, report) = spawn(&mut command, access, &Limits::default()).unwrap();
        let output = child.wait_with_output().unwrap();
        (String::from_utf8_lossy(&output.stdout).trim().to_owned(), report)
    }

    #[test]
    fn a_child_reads_what_it_was_given_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (given, other) = (folder.path().join("given"), folder.path().join("other"));
        std::fs::write(&given, "yes").unwrap();
        std::fs::write(&other, "no").unwrap();
        let access = Access {
            read: vec![given.clone()],
            write: Vec::new(),
        };
        let script = format!(
            "cat {g}; cat {o}; echo x > {o}; echo x > {g}; cat /etc/passwd; head -c 1 /dev/urandom | wc -c",
            g = given.display(),
            o = other.display()
        );
        let (said, report) = run(&script, &access);
        if report.landlock == Enforcement::None {
            eprintln!("skipped: this kernel has no landlock");
            return;
        }
        assert_eq!(said, "yes1");
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "no");
        assert_eq!(std::fs::read_to_string(&given).unwrap(), "yes");
    }

    #[test]
    fn a_child_opens_no_socket() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected || echo refused");
        let (said, report) = run(&script, &Access::default());
        if report.seccomp == Enforcement::None && report.landlock == Enforcement::None {
            eprintln!("skipped: this kernel has neither seccomp nor landlock");
            return;
        }
        assert_ne!(said, "connected");
        // The restrictions stay with the child: this process still connects.
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    }

    #[test]
    fn the_limits_of_a_child_are_the_ones_asked_for() {
        let (said, report) = run("sleep 0.1; ulimit -v; ulimit -c; ulimit -t", &Access::default());
        assert_ne!(report.resource_limits, Enforcement::None);
        let numbers: Vec<u64> = said.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(numbers, [2 << 20, 0, 4 * 3600]);
    }
}
