//! Any text as a session description: what is read is written so that it reads the same, and writes the same again.

use tsubame_sdp::{MAX_CANDIDATES, MAX_MEDIA, MAX_SSRCS, SessionDescription};

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let description = match text.parse::<SessionDescription>() {
        Ok(description) => description,
        Err(error) => {
            let lines = text.lines().count();
            assert!(error.line().is_none_or(|line| line <= lines + 1), "{error}");
            assert!(error.to_string().len() < 1_000, "an error as long as what it is about");
            return;
        }
    };
    let media = &description.media;
    assert!(media.len() <= MAX_MEDIA);
    assert!(media.iter().map(|media| media.candidates.len()).sum::<usize>() <= MAX_CANDIDATES);
    assert!(media.iter().all(|media| media.ssrcs.len() <= MAX_SSRCS));
    let _ = (description.bundle(), description.has_crypto());
    let written = description.to_string();
    let again = written.parse::<SessionDescription>();
    assert_eq!(again.as_ref(), Ok(&description), "{written}");
    assert_eq!(again.map(|again| again.to_string()), Ok(written));
}
