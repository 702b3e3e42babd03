//! Every target over its committed corpus: what was found once stays mended. Needs neither libFuzzer nor a nightly compiler.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

fn replay(name: &str) {
    let (_, run) = tsubame_fuzz::TARGETS.iter().find(|(known, _)| *known == name).expect("known");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(&corpus)
        .unwrap_or_else(|error| panic!("{}: {error}", corpus.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", corpus.display());
    for file in &files {
        let data = std::fs::read(file).expect("a file");
        if catch_unwind(AssertUnwindSafe(|| run(&data))).is_err() {
            panic!("{} made {name} panic", file.display());
        }
    }
    // An empty input is an input.
    run(&[]);
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn every_target_is_replayed() {
            let replayed = [$(stringify!($name)),*];
            let all: Vec<_> = tsubame_fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(all, replayed);
        }
    };
}

targets! {
    stun_message
    stun_builder
    stun_turn
    ice_candidate
    ice_lite
    ice_controlling
    ice_pair
    dtls_message
    dtls_connection
    dtls_handshake
    dtls_records
    srtp_unprotect
    srtp_session
    rtp_packet
    rtp_header
    rtp_rewrite
    rtp_extension
    rtp_codec
    rtp_statistics
    rtcp_compound
    rtcp_writer
    sdp_session
    sfu_media
    sfu_shard
}
