//! Damaged, odd and hostile texts: nothing panics, what is accepted is stable, and what is refused names its line.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use tsubame_sdp::{MAX_SSRCS, ParseError, SessionDescription};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
const VIDEO: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";

fn goldens() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "sdp"))
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    all.sort();
    assert!(all.len() > 20);
    all
}

/// What the parser makes of a line depends on the line and on the level alone, so a damaged line
/// needs only the shortest description around it.
fn around(level: &str, line: &[u8]) -> Vec<u8> {
    [b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n", level.as_bytes(), line].concat()
}

/// Every line of the golden descriptions, with what makes its level; of those that differ in digits alone, one.
fn distinct_lines() -> Vec<(&'static str, String)> {
    let mut shapes = BTreeSet::new();
    let mut lines = Vec::new();
    for (_, text) in goldens() {
        let mut level = "";
        for line in text.lines() {
            let shape: Vec<_> = line
                .split(|c: char| c.is_ascii_hexdigit())
                .filter(|part| !part.is_empty())
                .collect();
            if shapes.insert((level, shape.join("0"))) {
                lines.push((level, line.to_owned()));
            }
            if line.starts_with("m=") {
                level = VIDEO;
            }
        }
    }
    assert!(lines.len() > 150, "{}", lines.len());
    lines
}

/// Whatever is accepted can be written, and reads as the same. Whatever is refused says where, in few words.
fn is_stable(octets: &[u8]) -> bool {
    match SessionDescription::from_bytes(octets) {
        Ok(description) => {
            let written = description.to_string();
            let again = written.parse::<SessionDescription>();
            assert_eq!(again.as_ref(), Ok(&description), "{}", String::from_utf8_lossy(octets));
            // Text outside ASCII may grow in an error, not in a description.
            assert!(written.len() <= 4 * octets.len() + 200);
            for candidate in
                description.media.iter().flat_map(|media| media.parsed_candidates()).flatten()
            {
                assert_eq!(candidate.to_string().parse().as_ref(), Ok(&candidate));
            }
            for codec in description.media.iter().flat_map(|media| &media.codecs) {
                let _typed = codec.format();
            }
            true
        }
        Err(error) => {
            let lines = octets.split(|octet| *octet == b'\n').count();
            assert!(error.line().is_none_or(|line| (1..=lines).contains(&line)), "{error}");
            assert!(error.to_string().len() < 700, "{error}");
            false
        }
    }
}

#[test]
fn a_golden_cut_at_every_octet() {
    for (_, text) in goldens() {
        // Octet by octet to the end of the line, in the description as it is up to there.
        let mut begin = 0;
        for line in text.split_inclusive('\n') {
            let end = begin + line.len();
            // In front of whole lines it is a description, from its third line on.
            if text[..begin].lines().count() >= 3 {
                assert!(is_stable(&text.as_bytes()[..begin]), "{}", &text[..begin]);
            }
            begin = end;
        }
    }
    for (level, line) in distinct_lines() {
        (0..=line.len()).for_each(|end| {
            is_stable(&around(level, &line.as_bytes()[..end]));
        });
    }
    // And one altogether, the smallest.
    let (_, whole) = goldens().into_iter().min_by_key(|(_, text)| text.len()).unwrap();
    (0..=whole.len()).for_each(|end| {
        is_stable(&whole.as_bytes()[..end]);
    });
}

#[test]
fn every_bit_of_every_line_flipped() {
    for (level, line) in distinct_lines() {
        for position in 0..line.len() {
            for bit in 0..8 {
                let mut octets = line.clone().into_bytes();
                octets[position] ^= 1 << bit;
                is_stable(&around(level, &octets));
            }
        }
    }
}

#[test]
fn every_octet_of_every_line_replaced_by_a_separator() {
    for (level, line) in distinct_lines() {
        for position in 0..line.len() {
            for replacement in *b" :\r\n=9/~;,*" {
                let mut octets = line.clone().into_bytes();
                octets[position] = replacement;
                is_stable(&around(level, &octets));
            }
        }
    }
}

#[test]
fn every_line_missing() {
    for (name, text) in goldens() {
        let lines: Vec<_> = text.lines().collect();
        for missing in 0..lines.len() {
            let mut lines = lines.clone();
            let line = lines.remove(missing);
            let result = lines.join("\n").parse::<SessionDescription>();
            // Without its m= line a section falls into the one before, and everything is there twice.
            if missing < 3 {
                assert!(result.is_err(), "v=, o= and s= cannot be missed");
            } else if !line.starts_with("m=") {
                assert!(result.is_ok(), "{name}: {line}: {result:?}");
            }
        }
    }
}

/// Either it is a list, or it says the same once more, or it is refused: the second never replaces the first.
#[test]
fn every_line_twice() {
    for (name, text) in goldens() {
        let original: SessionDescription = text.parse().unwrap();
        let lines: Vec<_> = text.lines().collect();
        for at in 0..lines.len() {
            let mut lines = lines.clone();
            lines.insert(at, lines[at]);
            let Ok(description) = lines.join("\n").parse::<SessionDescription>() else { continue };
            assert_eq!(description.origin, original.origin, "{name}");
            for (twice, once) in description.media.iter().zip(&original.media) {
                if description.media.len() == original.media.len() {
                    assert_eq!(
                        (&twice.ice_ufrag, &twice.ice_pwd),
                        (&once.ice_ufrag, &once.ice_pwd)
                    );
                    assert_eq!((twice.setup, twice.direction), (once.setup, once.direction));
                    assert_eq!((&twice.mid, twice.sctp_port), (&once.mid, once.sctp_port));
                    assert_eq!((&twice.rids, &twice.extensions), (&once.rids, &once.extensions));
                    assert_eq!(twice.connection, once.connection);
                }
            }
        }
    }
}

#[test]
fn what_may_be_said_once_is_refused_when_said_twice() {
    let refused = |level: &str, line: &str| {
        let text = format!("{HEAD}{level}{line}\r\n{line}\r\n");
        let error = text.parse::<SessionDescription>().unwrap_err();
        assert_eq!(error.line(), Some(6 + level.lines().count()), "{line}: {error}");
    };
    for line in [
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuv",
        "a=setup:active",
        "a=recvonly",
        "a=identity:x",
        "c=IN IP4 192.0.2.1",
        "a=extmap:1 urn:x",
    ] {
        refused("", line);
    }
    for line in [
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuv",
        "a=setup:active",
        "a=sendonly",
        "a=mid:0",
        "a=rtpmap:97 rtx/90000",
        "a=simulcast:send r0",
        "a=rtcp:9",
        "a=ptime:20",
        "a=maxptime:20",
        "a=sctp-port:5000",
        "a=max-message-size:1",
        "a=sctpmap:5000 webrtc-datachannel",
        "a=extmap:1 urn:x",
        "a=rid:r0 send",
    ] {
        refused(VIDEO, line);
    }
    // The other direction is a second one too.
    let both = format!("{HEAD}{VIDEO}a=sendonly\r\na=recvonly\r\n").parse::<SessionDescription>();
    assert_eq!(both.unwrap_err().line(), Some(8));
}

#[test]
fn line_ends_of_all_kinds() {
    for (name, text) in goldens() {
        let expected: SessionDescription = text.parse().unwrap();
        let parse = |text: String| text.parse::<SessionDescription>();
        assert_eq!(parse(text.replace("\r\n", "\n")).as_ref(), Ok(&expected), "{name}: LF");
        assert_eq!(
            parse(text.trim_end().to_owned()).as_ref(),
            Ok(&expected),
            "{name}: none at the end"
        );
        assert_eq!(
            parse(text.replace("\r\n", "\r\n\r\n")).as_ref(),
            Ok(&expected),
            "{name}: empty lines"
        );
        assert_eq!(parse(format!("\r\n{text}\r\n\r\n")).as_ref(), Ok(&expected), "{name}: around");
        let mixed = text.split_inclusive("\r\n").enumerate().map(|(index, line)| match index % 2 {
            0 => line.to_owned(),
            _ => line.replace("\r\n", "\n"),
        });
        assert_eq!(parse(mixed.collect()).as_ref(), Ok(&expected), "{name}: mixed");
        for wrong in ["\r", "\r\r\n", "\n\r", "\u{85}", "\u{2028}", "\0"] {
            assert!(parse(text.replace("\r\n", wrong)).is_err(), "{name}: {wrong:?}");
        }
    }
}

#[test]
fn numbers_out_of_range_are_refused_with_their_line() {
    for (level, line) in [
        ("", "b=AS:4294967296"),
        (VIDEO, "m=video 65536 UDP/TLS/RTP/SAVPF 96"),
        (VIDEO, "m=video 99999999999999999999 X/Y 96"),
        (VIDEO, "m=video 9/65536 X/Y 96"),
        (VIDEO, "a=rtpmap:128 VP8/90000"),
        (VIDEO, "a=rtpmap:97 VP8/4294967296"),
        (VIDEO, "a=rtpmap:97 opus/48000/4294967296"),
        (VIDEO, "a=fmtp:256 x=y"),
        (VIDEO, "a=rtcp-fb:256 nack"),
        (VIDEO, "a=ssrc:4294967296 cname:x"),
        (VIDEO, "a=ssrc-group:FID 1 4294967296"),
        (VIDEO, "a=sctp-port:65536"),
        (VIDEO, "a=max-message-size:18446744073709551616"),
    ] {
        let error = format!("{HEAD}{level}{line}\r\n").parse::<SessionDescription>().unwrap_err();
        assert_eq!(error.line(), Some(5 + level.lines().count()), "{line}: {error}");
    }
    for origin in ["18446744073709551616 1", "1 18446744073709551616", "-1 1", "1e3 1", "0x1 1"] {
        let text = format!("v=0\r\no=- {origin} IN IP4 127.0.0.1\r\ns=-\r\n");
        assert_eq!(text.parse::<SessionDescription>().unwrap_err().line(), Some(2), "{origin}");
    }
}

#[test]
fn signs_are_no_part_of_numbers() {
    for line in
        ["m=video +9 X/Y 96", "a=sctp-port:+5000", "a=max-message-size:+1", "a=ssrc-group:FID +1"]
    {
        assert!(
            format!("{HEAD}{VIDEO}{line}\r\n").parse::<SessionDescription>().is_err(),
            "{line}"
        );
    }
}

#[test]
fn text_outside_ascii_is_kept_and_means_nothing() {
    // Four-octet characters, combining ones, a right-to-left override, a byte order mark in the middle, other digits and spaces.
    let odd = "\u{1f426}e\u{301}\u{202e}\u{feff}\u{0663}\u{3000}x";
    let text = format!("{HEAD}a=tool:{odd}\r\n{VIDEO}a=mid:\u{1f426}\r\na=\u{e9}:{odd}\r\n");
    let description: SessionDescription = text.parse().unwrap();
    assert_eq!(description.attributes[0].value.as_deref(), Some(odd));
    assert_eq!(description.media[0].mid.as_deref(), Some("\u{1f426}"));
    assert!(description.to_string().contains(&format!("a=\u{e9}:{odd}\r\n")));
    let refused = |line: &str| {
        assert!(
            format!("{HEAD}{VIDEO}{line}\r\n").parse::<SessionDescription>().is_err(),
            "{line}"
        );
    };
    // Digits of other scripts are no digits, letters that look alike are no letters, spaces of other kinds end no word.
    refused("a=sctp-port:\u{0665}");
    refused("a=mid:a\u{3000}b");
    refused("a=setup:\u{430}ctive");
    refused("\u{430}=mid:0");
    refused("m=video 9 UDP/TLS/RTP/SAVPF\u{a0}96");
    assert!(format!("\u{feff}{HEAD}").parse::<SessionDescription>().is_err(), "a byte order mark");
}

#[test]
fn octets_that_are_no_utf_8_name_their_line() {
    for wrong in
        [&b"\xc3"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xff", b"\xe2\x82"]
    {
        let octets = [HEAD.as_bytes(), b"a=tool:", wrong, b"\r\na=x\r\n"].concat();
        match SessionDescription::from_bytes(&octets) {
            Err(ParseError::Unexpected { line: 5, expected: "UTF-8", text }) => {
                assert!(text.starts_with("a=tool:\u{fffd}"), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Counts that a line claims, and lists that go on: what is kept is what is there.
#[test]
fn lists_without_end_cost_what_they_are_long() {
    let list = |prefix: &str, unit: &str| {
        format!("{HEAD}{VIDEO}{prefix}{}\r\n", unit.repeat(60_000 / unit.len()))
    };
    for (prefix, unit) in [
        ("a=simulcast:send a", ",a"),
        ("a=simulcast:send a", ";a"),
        ("a=rid:a send pt=1", ",1"),
        ("a=rid:a send x", ";x=1"),
        ("a=fmtp:96 x", ";x=1"),
        ("a=ice-options:x", " x"),
        ("a=ssrc-group:SIM", " 1"),
        ("a=rtcp-xr:x", " x"),
        ("a=candidate:1 1 udp 1 192.0.2.1 9 typ host", " x y"),
        ("a=msid:", "x"),
        ("a=extmap:1 urn:x", " x"),
        ("a=group:BUNDLE", " x"),
    ] {
        let text = list(prefix, unit);
        let description: SessionDescription = text.parse().unwrap();
        assert!(description.to_string().len() <= text.len() + 100, "{prefix}");
    }
    // A hash has a length, and feedback a limit of its own.
    for (prefix, unit) in [("a=fingerprint:sha-1 00", ":00"), ("a=rtcp-fb:*", " x")] {
        let error = list(prefix, unit).parse::<SessionDescription>().unwrap_err();
        assert_eq!(error.line(), Some(7), "{error}");
        assert!(error.to_string().len() < 300, "{error}");
    }
    let sources: String =
        (0..=MAX_SSRCS).map(|ssrc| format!("a=ssrc:{ssrc} cname:x\r\n")).collect();
    let error = format!("{HEAD}{VIDEO}{sources}").parse::<SessionDescription>().unwrap_err();
    assert_eq!(
        error,
        ParseError::TooMany { line: 71, what: "synchronization sources in a section", limit: 64 }
    );
}

/// threats-and-limits: "any profile but UDP/TLS/RTP/SAVPF, a=crypto, a missing fingerprint: refused". That is policy's; here each can be seen.
#[test]
fn a_plaintext_downgrade_can_be_seen() {
    let (_, offer) = goldens()
        .into_iter()
        .find(|(name, _)| name.ends_with("chromium-offer-sendonly.sdp"))
        .unwrap();
    let parse = |text: &str| text.parse::<SessionDescription>().unwrap();
    assert!(!parse(&offer).has_crypto());
    let profile = parse(&offer.replacen("UDP/TLS/RTP/SAVPF", "RTP/AVP", 1));
    assert_eq!(profile.media[0].protocol, "RTP/AVP");
    let crypto = offer.replacen(
        "a=rtcp-mux",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\na=rtcp-mux",
        1,
    );
    assert!(parse(&crypto).has_crypto());
    let bare: String = offer
        .lines()
        .filter(|line| !line.starts_with("a=fingerprint"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    let bare = parse(&bare);
    assert!(
        bare.fingerprints.is_empty()
            && bare.media.iter().all(|media| media.fingerprints.is_empty())
    );
}
