//! The protocol crates beside the best that crates.io has, interleaved in one run.
//!
//! `benches/peers/run` builds and starts it. Without arguments it prints the tables; see `--help`.

mod document;
mod dtls;
mod dtls_openssl;
mod dtls_peers;
mod measure;
mod rfc3711;
mod rtp;
mod sdp;
mod srtp;
mod str0m_srtp;
mod stun;
mod table;
#[path = "../../workload/mod.rs"]
#[allow(dead_code, reason = "shared with the criterion benches")]
mod workload;

use table::{Group, markdown, measure};

const USAGE: &str = "\
usage: benches/peers/run [--update-docs] [--quick] [--only WORD]
    --update-docs  write the tables into docs/benchmarks.md as well
    --quick        a tenth of the rounds
    --only WORD    only the tables whose name contains WORD, upper and lower case alike
";

/// Batches of each contestant in a row.
const ROUNDS: usize = 1000;

fn main() {
    let mut rounds = ROUNDS;
    let mut update = false;
    let mut only = String::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--update-docs" => update = true,
            "--quick" => rounds = ROUNDS / 10,
            "--only" => only = arguments.next().unwrap_or_default().to_lowercase(),
            _ => {
                eprint!("{USAGE}");
                std::process::exit(if argument == "--help" { 0 } else { 2 });
            }
        }
    }
    assert!(!update || only.is_empty(), "--update-docs writes all tables, --only measures some");

    let mut tables = String::new();
    for group in groups().into_iter().filter(|group| group.name.to_lowercase().contains(&only)) {
        let (name, rows) = measure(group, rounds);
        let table = markdown(name, &rows);
        println!("{table}");
        tables.push_str(&table);
        tables.push('\n');
    }
    if update {
        document::update(&tables);
    }
}

fn groups() -> Vec<Group> {
    let mut all = Vec::new();
    all.extend(srtp::groups());
    // The feature changes nothing in the others.
    if cfg!(not(feature = "ring")) {
        all.extend(rfc3711::groups());
        all.extend(rtp::groups());
        all.extend(stun::groups());
    }
    all.extend(dtls::groups());
    if cfg!(not(feature = "ring")) {
        all.extend(sdp::groups());
    }
    all
}
