//! Answers that are refused, each made from one that is accepted.

use super::recorded::{answer, script};
use super::script;
use crate::negotiate::{Answer, AnswerError, Negotiator};

/// A negotiator that waits for the second answer of the recorded `sendrecv` session.
fn waiting(browser: &str) -> Negotiator {
    let script = script("sendrecv");
    let mut negotiator = script::negotiator(&script.join());
    negotiator.offer();
    negotiator.apply_answer(&answer(browser, "sendrecv", 1)).unwrap();
    negotiator.offer();
    negotiator
}

fn first(text: &str) -> Result<Answer, AnswerError> {
    let mut negotiator = script::negotiator(&script("sendrecv").join());
    negotiator.offer();
    negotiator.apply_answer(text)
}

/// Chromium's first answer with a replacement in it, which must occur.
fn with(from: &str, to: &str) -> Result<Answer, AnswerError> {
    let text = answer("chromium", "sendrecv", 1);
    assert!(text.contains(from), "{from:?}");
    first(&text.replace(from, to))
}

/// The same, changing only the first occurrence.
fn with_first(from: &str, to: &str) -> Result<Answer, AnswerError> {
    let text = answer("chromium", "sendrecv", 1);
    assert!(text.contains(from), "{from:?}");
    first(&text.replacen(from, to, 1))
}

/// The same, with every line that begins like this left out.
fn without(start: &str) -> Result<Answer, AnswerError> {
    let text = answer("chromium", "sendrecv", 1);
    let kept: Vec<_> = text.lines().filter(|line| !line.starts_with(start)).collect();
    assert!(kept.len() < text.lines().count(), "{start:?}");
    first(&(kept.join("\r\n") + "\r\n"))
}

#[test]
fn unchanged_it_is_accepted() {
    assert!(first(&answer("chromium", "sendrecv", 1)).is_ok());
}

#[test]
fn sections_that_do_not_match_the_offer() {
    let text = answer("chromium", "sendrecv", 1);
    let video = text.find("m=video").unwrap();
    let twice = format!("{text}{}", text[video..].replace("a=mid:1", "a=mid:2"));
    assert_eq!(first(&twice), Err(AnswerError::SectionCount { offered: 2, answered: 3 }));
    assert_eq!(first(&text[..video]), Err(AnswerError::SectionCount { offered: 2, answered: 1 }));
    let swapped = with("m=video 9", "m=audio 9");
    assert_eq!(swapped, Err(AnswerError::Kind { section: 2 }));
    assert_eq!(with("a=mid:1\r\n", "a=mid:7\r\n"), Err(AnswerError::Mid { section: 2 }));
    assert_eq!(without("a=mid:1"), Err(AnswerError::Mid { section: 2 }));
}

#[test]
fn anything_but_dtls_srtp() {
    for protocol in ["RTP/AVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "X/Y"] {
        let result = with_first("UDP/TLS/RTP/SAVPF", protocol);
        assert_eq!(result, Err(AnswerError::Protocol { section: 1 }), "{protocol}");
    }
    let crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n";
    assert_eq!(
        with_first("a=mid:1\r\n", &format!("a=mid:1\r\n{crypto}")),
        Err(AnswerError::Crypto)
    );
    assert_eq!(with_first("t=0 0\r\n", &format!("t=0 0\r\n{crypto}")), Err(AnswerError::Crypto));
}

#[test]
fn fingerprints() {
    assert_eq!(without("a=fingerprint"), Err(AnswerError::NoFingerprint));
    let text = answer("chromium", "sendrecv", 1);
    let line = text.lines().find(|line| line.starts_with("a=fingerprint")).unwrap();
    let hash = |octets: usize| vec!["AB"; octets].join(":");
    let replaced = |lines: &str| first(&text.replace(line, lines));
    let sha1 = format!("a=fingerprint:sha-1 {}", hash(20));
    assert_eq!(replaced(&sha1), Err(AnswerError::WeakFingerprint));
    assert_eq!(replaced("a=fingerprint:md5 00:11"), Err(AnswerError::WeakFingerprint));
    for (algorithm, octets) in [("sha-256", 32), ("sha-384", 48), ("SHA-512", 64)] {
        let accepted = replaced(&format!("a=fingerprint:{algorithm} {}", hash(octets))).unwrap();
        assert_eq!(accepted.fingerprints[0].bytes, vec![0xab; octets]);
    }
    let both = replaced(&format!("{sha1}\r\n{line}")).unwrap();
    assert_eq!(both.fingerprints.len(), 1, "a weak one beside a good one does not count");
    // Firefox says it once for all sections.
    let firefox = answer("firefox", "sendrecv", 1);
    assert!(firefox.find("a=fingerprint").unwrap() < firefox.find("m=").unwrap());
    assert!(first(&firefox).is_ok());
}

#[test]
fn ice_credentials() {
    assert_eq!(without("a=ice-ufrag"), Err(AnswerError::IceCredentials));
    assert_eq!(without("a=ice-pwd"), Err(AnswerError::IceCredentials));
    let text = answer("chromium", "sendrecv", 1);
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    for (start, min) in [("a=ice-ufrag:", 4), ("a=ice-pwd:", 22)] {
        let of = |value: &str| first(&text.replace(&line(start), &format!("{start}{value}")));
        assert_eq!(of(&"x".repeat(min - 1)), Err(AnswerError::IceCredentials));
        assert!(of(&"x".repeat(min)).is_ok());
        assert!(of(&"x".repeat(256)).is_ok());
        assert_eq!(of(&"x".repeat(257)), Err(AnswerError::IceCredentials));
        assert_eq!(of(&":".repeat(min)), Err(AnswerError::IceCredentials));
    }
}

#[test]
fn dtls_roles() {
    assert!(with("a=setup:active", "a=setup:passive").is_ok());
    for wrong in ["actpass", "holdconn"] {
        let result = with("a=setup:active", &format!("a=setup:{wrong}"));
        assert_eq!(result, Err(AnswerError::Setup), "{wrong}");
    }
    assert_eq!(without("a=setup"), Err(AnswerError::Setup));
}

#[test]
fn bundle() {
    assert_eq!(without("a=group"), Err(AnswerError::Bundle));
    assert_eq!(with("BUNDLE 0 1", "BUNDLE 1 0"), Err(AnswerError::Bundle));
    assert_eq!(with("BUNDLE 0 1", "BUNDLE"), Err(AnswerError::Bundle));
    assert_eq!(with("BUNDLE 0 1", "BUNDLE 0"), Err(AnswerError::Unbundled { section: 2 }));
    assert_eq!(with("m=audio 9", "m=audio 0"), Err(AnswerError::TaggedRefused));
    assert!(with("m=video 9", "m=video 0").is_ok());
    assert_eq!(without("a=rtcp-mux"), Err(AnswerError::NoRtcpMux { section: 1 }));
}

#[test]
fn bundled_sections_have_one_transport() {
    let text = answer("chromium", "sendrecv", 1);
    let (audio, video) = text.split_at(text.find("m=video").unwrap());
    let line = |start: &str| video.lines().find(|line| line.starts_with(start)).unwrap();
    let differs = |from: &str, to: &str| first(&format!("{audio}{}", video.replace(from, to)));
    let expected = Err(AnswerError::TransportDiffers { section: 2 });
    assert_eq!(differs(line("a=ice-ufrag"), "a=ice-ufrag:other"), expected);
    assert_eq!(differs(line("a=ice-pwd"), "a=ice-pwd:0123456789012345678901"), expected);
    let other = format!("a=fingerprint:sha-256 {}", vec!["00"; 32].join(":"));
    assert_eq!(differs(line("a=fingerprint"), &other), expected);
    assert_eq!(differs("a=setup:active", "a=setup:passive"), expected);
    // RFC 9143 §7.1.3: only the first section has to say it.
    let silent: Vec<_> = video
        .lines()
        .filter(|line| !["a=ice-", "a=fingerprint", "a=setup"].iter().any(|s| line.starts_with(s)))
        .collect();
    assert!(first(&format!("{audio}{}\r\n", silent.join("\r\n"))).is_ok());
}

#[test]
fn codecs_are_the_offered_ones_under_their_payload_types() {
    let expected = Err(AnswerError::Codec { section: 2 });
    assert_eq!(with("VP8/90000", "VP9/90000"), expected);
    assert_eq!(with("VP8/90000", "VP8/8000"), expected);
    assert_eq!(without("a=rtpmap:96"), expected);
    assert_eq!(with("SAVPF 96 97", "SAVPF 97"), expected);
    assert_eq!(with("opus/48000", "opus/8000"), Err(AnswerError::Codec { section: 1 }));
    assert!(with("VP8/90000", "vp8/90000").is_ok(), "names ignore case");
    let more = "SAVPF 96 97 100\r\na=rtpmap:100 H264/90000";
    assert!(with("SAVPF 96 97", more).is_ok(), "what was not offered means nothing");
}

#[test]
fn rtx_needs_its_association() {
    let rtx = |result: Result<Answer, AnswerError>| result.unwrap().own[1].rtx;
    assert!(rtx(with("VP8/90000", "VP8/90000")));
    assert!(!rtx(with("SAVPF 96 97", "SAVPF 96")));
    assert!(!rtx(with("apt=96", "apt=98")));
    assert!(!rtx(without("a=rtpmap:97")));
}

#[test]
fn feedback_is_what_the_answer_says() {
    let own = |result: Result<Answer, AnswerError>| result.unwrap().own.remove(1);
    assert!(!own(with("a=rtcp-fb:96 nack\r\n", "")).nack);
    assert!(own(with("a=rtcp-fb:96 nack\r\n", "")).pli);
    assert!(!own(without("a=rtcp-fb:96 nack pli")).pli);
    assert!(own(without("a=rtcp-fb:96 nack pli")).fir);
    assert!(!own(without("a=rtcp-fb:96 ccm")).fir);
    assert!(!own(without("a=rtcp-fb:96 transport-cc")).transport_cc);
}

#[test]
fn header_extensions_keep_their_meaning() {
    let video = |result: Result<Answer, AnswerError>| result.unwrap().own.remove(1).extensions;
    assert!(video(with("a=extmap:5 ", "a=extmap:5/sendonly ")).contains(5));
    assert!(!video(without("a=extmap:5 ")).contains(5));
    assert!(!video(with("a=extmap:5 ", "a=extmap:5/inactive ")).contains(5));
    assert!(!video(with("a=extmap:5 ", "a=extmap:15 ")).contains(5), "ids are ours to give");
    let changed = with("a=extmap:5 urn:3gpp:video-orientation", "a=extmap:5 urn:other");
    assert_eq!(changed, Err(AnswerError::Extension { section: 2, id: 5 }));
}

#[test]
fn a_paused_own_section_stays_but_does_not_send() {
    let text = answer("chromium", "sendrecv", 1);
    let paused = first(&text.replace("a=sendonly", "a=inactive")).unwrap();
    assert!(paused.own.iter().all(|section| !section.sending) && paused.own.len() == 2);
}

#[test]
fn the_transport_stays_the_same_without_a_restart() {
    for browser in ["chromium", "firefox"] {
        // The recorded second answer has more sections; the first one again is a valid answer to the same offer again.
        let text = answer(browser, "sendrecv", 1);
        let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap();
        let again = |from: &str, to: &str| waiting(browser).apply_answer(&text.replace(from, to));
        assert!(again("", "").is_ok(), "{browser}");
        assert_eq!(again(line("a=ice-ufrag"), "a=ice-ufrag:other"), Err(AnswerError::IceRestart));
        let pwd = "a=ice-pwd:0123456789012345678901";
        assert_eq!(again(line("a=ice-pwd"), pwd), Err(AnswerError::IceRestart));
        assert_eq!(again("a=setup:active", "a=setup:passive"), Err(AnswerError::DtlsChanged));
        let other = format!("a=fingerprint:sha-256 {}", vec!["00"; 32].join(":"));
        assert_eq!(again(line("a=fingerprint"), &other), Err(AnswerError::DtlsChanged));
    }
}

#[test]
fn no_changed_line_panics_and_reasons_fit_into_a_close_frame() {
    let text = answer("chromium", "sendrecv", 1);
    let lines: Vec<_> = text.lines().collect();
    let mut reasons = std::collections::BTreeSet::new();
    let mut try_lines = |lines: &[&str]| {
        if let Err(error) = first(&(lines.join("\r\n") + "\r\n")) {
            let reason = error.to_string();
            assert!(reason.len() <= 123, "{} bytes: {reason}", reason.len());
            assert!(reason.bytes().all(|b| (b' '..=b'~').contains(&b)), "{reason}");
            reasons.insert(reason);
        }
    };
    for index in 0..lines.len() {
        let mut fewer = lines.clone();
        let removed = fewer.remove(index);
        try_lines(&fewer);
        let mut doubled = lines.clone();
        doubled.insert(index, removed);
        try_lines(&doubled);
        let mut cut = lines.clone();
        cut[index] = &removed[..removed.len() / 2];
        try_lines(&cut);
        let mut longer = lines.clone();
        let junk = format!("{removed}\u{e9}{}", "x".repeat(500));
        longer[index] = &junk;
        try_lines(&longer);
    }
    assert!(reasons.len() > 15, "{reasons:#?}");
    // The longest numbers there can be.
    for error in [
        AnswerError::SectionCount { offered: 100, answered: 200 },
        AnswerError::TransportDiffers { section: 200 },
        AnswerError::Extension { section: 200, id: 255 },
        AnswerError::IceCredentials,
        AnswerError::Malformed(tsubame_sdp::ParseError::TooLong { length: usize::MAX }),
        AnswerError::Malformed(tsubame_sdp::ParseError::TooMany {
            line: 65_536,
            what: "synchronization sources in a section",
            limit: 64,
        }),
    ] {
        assert!(error.to_string().len() <= 123, "{error}");
    }
}
