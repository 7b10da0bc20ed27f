//! `marey`, the person's tool: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    marey::run(std::env::args_os())
}
