//! The Tsubame server: `tsubame --help` says how to run it.

mod candidates;
mod cli;
mod config;
mod wiring;

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use crate::config::Settings;

fn main() -> ExitCode {
    let arguments = cli::parse();
    let result = Settings::load(arguments).map_err(|error| error.to_string());
    match result.and_then(wiring::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => fail(sentence),
    }
}

/// Whoever starts the server reads one sentence: what is wrong, and how to mend it.
fn fail(sentence: impl Display) -> ExitCode {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "tsubame: {sentence}");
    ExitCode::from(2)
}
