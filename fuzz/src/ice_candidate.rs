//! Candidates as text: what is read is written so that it reads the same.

use tsubame_stun::ice::Candidate;

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Candidate>() {
        Ok(candidate) => {
            let written = candidate.to_string();
            assert_eq!(written.parse::<Candidate>().as_ref(), Ok(&candidate), "{written}");
        }
        Err(error) => drop(error.to_string()),
    }
}
