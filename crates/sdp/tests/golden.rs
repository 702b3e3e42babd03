//! Descriptions recorded from browsers: what is read, that nothing gets lost, that no piece of one panics.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use tsubame_sdp::{Direction, MediaKind, SessionDescription, Setup};

fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn parse(name: &str) -> SessionDescription {
    golden(name).parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn all() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut all: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sdp"))
        .map(|name| (name.clone(), golden(&name)))
        .collect();
    all.sort();
    assert_eq!(all.len(), 10, "recorded descriptions");
    all
}

/// The lines of one description level by level, without order and without what is rewritten on purpose.
fn levels(text: &str) -> Vec<BTreeSet<String>> {
    let mut levels = vec![BTreeSet::new()];
    for line in text.lines() {
        if line.starts_with("m=") {
            levels.push(BTreeSet::new());
        }
        levels.last_mut().unwrap().insert(line.trim_end().replace("; ", ";").replace(": ", ":"));
    }
    levels
}

#[test]
fn every_line_survives_a_round_trip() {
    for (name, text) in all() {
        let description: SessionDescription = text.parse().unwrap();
        let written = description.to_string();
        assert_eq!(written.parse::<SessionDescription>().unwrap(), description, "{name}");
        assert!(written.split("\r\n").all(|line| !line.contains('\n')), "{name}: CRLF");

        let (before, after) = (levels(&text), levels(&written));
        assert_eq!(before.len(), after.len(), "{name}");
        for (mut before, after) in before.into_iter().zip(after) {
            // The session's direction becomes each section's own.
            before.remove("a=sendrecv");
            let lost: Vec<_> = before.difference(&after).collect();
            assert!(lost.is_empty(), "{name} lost {lost:?}");
        }
    }
}

/// What the parser makes of a line depends on the line and on the level alone, so a changed line
/// needs only the shortest description around it.
fn around(level: &str, line: &str) -> String {
    format!("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n{level}{line}")
}

/// Every different line of the recordings, with what makes its level.
fn distinct_lines() -> BTreeSet<(&'static str, String)> {
    let mut lines = BTreeSet::new();
    for (_, text) in all() {
        let mut level = "";
        for line in text.lines() {
            lines.insert((level, line.to_owned()));
            if line.starts_with("m=") {
                level = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";
            }
        }
    }
    assert!(lines.len() > 200);
    lines
}

/// Whatever is accepted can be written, and reads as the same.
fn is_stable(text: &str) {
    if let Ok(description) = text.parse::<SessionDescription>() {
        let written = description.to_string();
        assert_eq!(written.parse::<SessionDescription>().as_ref(), Ok(&description), "{text}");
    }
}

#[test]
fn no_truncation_panics() {
    for (level, line) in distinct_lines() {
        (0..=line.len()).for_each(|end| is_stable(&around(level, &line[..end])));
    }
    let (_, whole) = all().into_iter().min_by_key(|(_, text)| text.len()).unwrap();
    (0..=whole.len()).for_each(|end| is_stable(&whole[..end]));
}

#[test]
fn no_changed_byte_panics() {
    for (level, line) in distinct_lines() {
        for position in 0..line.len() {
            for replacement in [b' ', b':', b'\r', b'=', b'9', b'/', b'~'] {
                let mut bytes = line.clone().into_bytes();
                bytes[position] = replacement;
                is_stable(&around(level, &String::from_utf8(bytes).unwrap()));
            }
        }
    }
}

#[test]
fn no_missing_line_panics() {
    for (_, text) in all() {
        let lines: Vec<_> = text.lines().collect();
        for missing in 0..lines.len() {
            let mut lines = lines.clone();
            let line = lines.remove(missing);
            let result = lines.join("\n").parse::<SessionDescription>();
            // Without its m= line a section falls into the one before, and everything is there twice.
            if missing < 3 {
                assert!(result.is_err(), "v=, o= and s= cannot be missed");
            } else if !line.starts_with("m=") {
                assert!(result.is_ok(), "{line}: {result:?}");
            }
        }
    }
}

#[test]
fn chromium_offer_sendonly() {
    let offer = parse("chromium-offer-sendonly.sdp");
    assert_eq!(offer.bundle().unwrap(), ["0", "1"]);
    assert!(offer.extmap_allow_mixed && !offer.ice_lite);
    let [audio, video] = offer.media.as_slice() else { panic!("two sections") };
    assert_eq!((&audio.kind, audio.direction), (&MediaKind::Audio, Direction::SendOnly));
    assert_eq!((&video.kind, video.direction), (&MediaKind::Video, Direction::SendOnly));
    assert_eq!(audio.setup, Some(Setup::ActPass));
    assert_eq!(audio.protocol, "UDP/TLS/RTP/SAVPF");
    assert!(audio.rtcp_mux && video.rtcp_mux && video.rtcp_rsize);
    assert_eq!(audio.ice_options, ["trickle"]);
    assert_eq!(audio.fingerprints[0].algorithm, "sha-256");

    let opus = audio.codec(111).unwrap();
    assert!(opus.is("OPUS"));
    assert_eq!((opus.clock_rate, opus.channels), (48000, Some(2)));
    assert_eq!(
        (opus.parameter("minptime"), opus.parameter("useinbandfec")),
        (Some("10"), Some("1"))
    );
    assert_eq!(opus.feedback, ["transport-cc"]);
    // Order of preference is that of the m= line.
    let listed: Vec<_> = video.codecs.iter().map(|c| c.payload_type.to_string()).collect();
    assert_eq!(listed, video.formats);

    let rtx = video.codec(97).unwrap();
    assert_eq!(rtx.associated_payload_type(), Some(96));
    assert!(video.codec(96).unwrap().has_feedback("nack pli"));
    assert_eq!(video.codec(96).unwrap().associated_payload_type(), None);
    assert_eq!(video.ssrc_groups[0].semantics, "FID");
    let sources: Vec<_> = video.ssrcs.iter().map(|ssrc| ssrc.id).collect();
    assert_eq!(sources, video.ssrc_groups[0].ssrcs);
    assert!(video.ssrcs[0].cname().is_some());
    assert_eq!(video.msids[0].stream, audio.msids[0].stream);
}

#[test]
fn firefox_answer_inherits_nothing_it_says_itself() {
    let answer = parse("firefox-answer-recvonly.sdp");
    assert!(answer.origin.username.starts_with("mozilla"));
    assert_eq!(answer.fingerprints.len(), 1, "at the session level");
    assert_eq!(answer.ice_options, ["trickle"]);
    for media in &answer.media {
        assert_eq!(
            media.direction,
            Direction::RecvOnly,
            "a=sendrecv of the session does not count"
        );
        assert_eq!(media.setup, Some(Setup::Active));
        assert!(media.fingerprints.is_empty());
    }
    let telephone_event = answer.media[0].codec(101).unwrap();
    assert_eq!(telephone_event.parameters, [("0-15".to_owned(), None)]);
}

#[test]
fn data_channel_sections() {
    for name in
        ["chromium-offer-recvonly-datachannel.sdp", "firefox-offer-recvonly-datachannel.sdp"]
    {
        let offer = parse(name);
        let data = offer.media.last().unwrap();
        assert_eq!(data.kind, MediaKind::Application);
        assert_eq!(data.formats, ["webrtc-datachannel"]);
        assert_eq!(data.protocol, "UDP/DTLS/SCTP");
        assert!(data.attributes.iter().any(|a| a.name == "sctp-port"), "{name}");
    }
}

#[test]
fn simulcast_offers() {
    for name in ["chromium-offer-simulcast.sdp", "firefox-offer-simulcast.sdp"] {
        let offer = parse(name);
        let video = &offer.media[0];
        let rids: Vec<_> = video.rids.iter().map(|rid| rid.id.as_str()).collect();
        assert_eq!(rids, ["r0", "r1", "r2"], "{name}");
        let simulcast = video.simulcast.as_ref().unwrap();
        let sent: Vec<_> = simulcast.send.iter().map(|ids| ids[0].id.as_str()).collect();
        assert_eq!(sent, ["r0", "r1", "r2"], "{name}");
        assert!(simulcast.receive.is_empty());
    }
}
