//! The Tsubame server: `tsubame --help` says how to run it.

mod candidates;
mod cli;
mod config;
mod load_test;
mod wiring;

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use crate::cli::Task;
use crate::config::Settings;

fn main() -> ExitCode {
    let result = match cli::parse() {
        Task::Serve(arguments) => {
            Settings::load(*arguments).map_err(|error| error.to_string()).and_then(wiring::run)
        }
        Task::LoadTest(arguments) => load_test::run(&arguments),
    };
    match result {
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
