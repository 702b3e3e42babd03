//! Any text as a session description: what is read is written so that it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsubame_sdp::SessionDescription;

fuzz_target!(|text: &str| {
    let Ok(description) = text.parse::<SessionDescription>() else { return };
    let written = description.to_string();
    let again = written.parse::<SessionDescription>();
    assert_eq!(again.as_ref().ok(), Some(&description), "{written}\n{again:?}");
});
