//! Candidates as text: what is read is written so that it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsubame_stun::ice::Candidate;

fuzz_target!(|text: &str| {
    let Ok(candidate) = text.parse::<Candidate>() else { return };
    let written = candidate.to_string();
    assert_eq!(written.parse::<Candidate>().expect("ours"), candidate, "{written}");
});
