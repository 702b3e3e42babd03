//! A shim between BoGo, BoringSSL's protocol test runner, and `tsubame-dtls`.
//!
//! The runner starts this program once per test, with flags that say what to do, and plays the peer over a TCP connection
//! that carries datagrams and commands. The exit status says how it went: 0, 1 with the reason on standard error, or 89 for
//! what is not implemented. `run` beside this crate fetches and builds the runner and judges its results.
//!
//! Two settings differ from what the crate does by default. Errors in the clear end the handshake
//! ([`UnauthenticatedErrors::Fail`](tsubame_dtls::UnauthenticatedErrors)), because the runner waits for the alert of a TLS
//! stack; and neither extended master secret nor client certificates are required, because most tests are of servers and
//! clients without.

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "the runner reads both")]

mod exchange;
mod flags;
mod options;
mod wire;

use std::process::ExitCode;
use std::time::Instant;

use exchange::{Failure, Legacy};
use options::Options;

/// What the runner takes for "not implemented".
const UNIMPLEMENTED: u8 = 89;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // The runner asks once whether half of a handshake can be done by another process.
    if arguments.iter().any(|argument| argument == "-is-handshaker-supported") {
        println!("No");
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Unimplemented(what)) => {
            eprintln!("not implemented: {what}");
            ExitCode::from(UNIMPLEMENTED)
        }
        Err(Failure::Failed(why)) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let flags = flags::parse(arguments)?;
    // All are read before the first connection: what is not implemented is to be said at the start.
    #[expect(clippy::disallowed_methods, reason = "virtual time has to start somewhere")]
    let now = Instant::now();
    let tickets = options::ticket_key(now)?;
    let connections = (0..=flags.resume_count)
        .map(|number| Options::of_connection(&flags, number, &tickets))
        .collect::<Result<Vec<_>, _>>()?;
    let mut legacy = Legacy { session: None, verdict: None, now };
    for options in &connections {
        legacy = exchange::run(&flags, options, legacy)?;
    }
    Ok(())
}
