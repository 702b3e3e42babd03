//! Damaged, odd and hostile texts: nothing panics, what is accepted is stable, and what is refused names its line.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use tsubame_sdp::{Format, Fragment, MAX_SSRCS, Media, ParseError, SessionDescription};

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

/// A line of a golden description, and around it what makes its level: the first three lines of its description, the `m=` line of its
/// section, and what the section says of the payload type the line is about. A parser looks at nothing else to read it.
struct Line {
    before: String,
    text: String,
    after: String,
}

impl Line {
    fn replaced_by(&self, octets: &[u8]) -> Vec<u8> {
        [self.before.as_bytes(), octets, b"\r\n", self.after.as_bytes()].concat()
    }
}

/// Every line of the golden descriptions; of those that differ in digits alone, and speak of one codec if they are `a=fmtp`, one.
fn distinct_lines() -> Vec<Line> {
    let goldens = goldens();
    let mut shapes = BTreeSet::new();
    let mut lines = Vec::new();
    for (_, text) in &goldens {
        let all: Vec<_> = text.lines().collect();
        for (section, index) in all
            .chunk_by(|_, next| !next.starts_with("m="))
            .flat_map(|section| (0..section.len()).map(move |index| (section, index)))
        {
            let shape = shape(section[index]);
            let level = section[0].starts_with("m=").then(|| encoding(section, section[index]));
            if shapes.insert((level, shape)) {
                lines.push(line_in_context(&all[..3], section, index));
            }
        }
    }
    assert!(lines.len() > 150, "{}", lines.len());
    lines
}

/// What is left without digits.
fn shape(line: &str) -> String {
    let parts = line.split(|c: char| c.is_ascii_hexdigit()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("0")
}

/// The payload type that an attribute begins with.
fn payload_type<'a>(line: &'a str, names: &[&str]) -> Option<&'a str> {
    let (name, value) = line.strip_prefix("a=")?.split_once(':')?;
    names.contains(&name).then(|| value.split(' ').next())?
}

/// Whose parameters an `a=fmtp` has.
fn encoding<'a>(section: &[&'a str], line: &str) -> Option<&'a str> {
    let described = payload_type(line, &["fmtp"])?;
    let map = section.iter().find(|line| payload_type(line, &["rtpmap"]) == Some(described))?;
    map.split([' ', '/']).nth(1)
}

fn line_in_context(head: &[&str], section: &[&str], index: usize) -> Line {
    let line = section[index];
    let first = || section.iter().find_map(|line| payload_type(line, &["rtpmap"]));
    let subject = payload_type(line, &["rtpmap", "fmtp", "rtcp-fb"]).or_else(first);
    let matters = |at: usize| {
        let described = payload_type(section[at], &["rtpmap", "fmtp"]);
        at == 0 || (described.is_some() && described == subject)
    };
    let lines = |range: Range<usize>| -> String {
        range.filter(|at| matters(*at)).map(|at| format!("{}\r\n", section[at])).collect()
    };
    let text = line.to_owned();
    if section[0].starts_with("m=") {
        let head = head.join("\r\n");
        let before = format!("{head}\r\n{}", lines(0..index));
        return Line { before, text, after: lines(index + 1..section.len()) };
    }
    let whole = |lines: &[&str]| lines.iter().map(|line| format!("{line}\r\n")).collect();
    let split = index.min(head.len());
    Line { before: whole(&head[..split]), text, after: whole(head.get(split + 1..).unwrap_or(&[])) }
}

/// Whatever is accepted can be written, and reads as the same, type by type. Whatever is refused says where, in few words.
fn is_stable(octets: &[u8]) -> bool {
    match SessionDescription::from_bytes(octets) {
        Ok(description) => {
            let written = description.to_string();
            let again = written.parse::<SessionDescription>();
            assert_eq!(again.as_ref(), Ok(&description), "{}", String::from_utf8_lossy(octets));
            // Text outside ASCII may grow in an error, not in a description.
            assert!(written.len() <= 4 * octets.len() + 200);
            description.media.iter().for_each(types_are_stable);
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

/// What is read from values that the description keeps as text.
fn types_are_stable(media: &Media) {
    for candidate in media.parsed_candidates().flatten() {
        assert_eq!(candidate.to_string().parse().as_ref(), Ok(&candidate));
        let _ = (candidate.ip(), candidate.tcp_type());
    }
    for codec in &media.codecs {
        if let Ok(format) = codec.format() {
            let mut written = codec.clone();
            format.write(&mut written);
            assert_eq!(written.format().as_ref(), Ok(&format), "{codec:?}");
        }
        let feedback: Vec<_> = codec.feedback_types().map(|kind| kind.to_string()).collect();
        assert_eq!(feedback, codec.feedback);
        assert!(codec.associated_payload_type().is_none_or(|apt| apt <= 127), "{codec:?}");
    }
    for rid in &media.rids {
        assert!(rid.payload_types().iter().all(|payload_type| *payload_type <= 127), "{rid:?}");
    }
    for ssrc in &media.ssrcs {
        let _ = (ssrc.cname(), ssrc.msid(), media.grouped_ssrc("FID", ssrc.id));
    }
}

/// The same of what may follow by `application/trickle-ice-sdpfrag`.
fn is_a_stable_fragment(text: &str) -> bool {
    let Ok(fragment) = text.parse::<Fragment>() else { return false };
    assert_eq!(fragment.to_string().parse().as_ref(), Ok(&fragment), "{text}");
    true
}

/// The smallest golden description is short enough for anything.
fn smallest_golden() -> String {
    goldens().into_iter().map(|(_, text)| text).min_by_key(String::len).unwrap()
}

/// Else the tests below would damage lines that nobody reads.
#[test]
fn lines_in_their_context_reach_the_types_of_their_codecs() {
    let mut typed = BTreeSet::new();
    for line in distinct_lines() {
        let octets = line.replaced_by(line.text.as_bytes());
        assert!(is_stable(&octets), "{}", String::from_utf8_lossy(&octets));
        let description = SessionDescription::from_bytes(&octets).unwrap();
        for codec in description.media.iter().flat_map(|media| &media.codecs) {
            if line.text.starts_with("a=fmtp:") && codec.format() != Ok(Format::Other) {
                typed.insert(codec.name.to_ascii_lowercase());
            }
        }
    }
    let expected = [
        "av1",
        "flexfec-03",
        "h264",
        "h265",
        "opus",
        "red",
        "rtx",
        "telephone-event",
        "vp8",
        "vp9",
    ];
    assert_eq!(typed, BTreeSet::from(expected.map(str::to_owned)));
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
    for line in distinct_lines() {
        (0..=line.text.len()).for_each(|end| {
            is_stable(&line.replaced_by(&line.text.as_bytes()[..end]));
        });
    }
    // And one altogether.
    let whole = smallest_golden();
    (0..=whole.len()).for_each(|end| {
        is_stable(&whole.as_bytes()[..end]);
    });
}

#[test]
fn a_golden_flipped_at_every_bit() {
    let mut octets = smallest_golden().into_bytes();
    for position in 0..octets.len() {
        for bit in 0..8 {
            octets[position] ^= 1 << bit;
            is_stable(&octets);
            octets[position] ^= 1 << bit;
        }
    }
}

/// What stands behind the first four lines of a description is a fragment.
#[test]
fn a_fragment_flipped_at_every_bit_and_cut_at_every_octet() {
    let whole = smallest_golden();
    let text: String = whole.split_inclusive('\n').skip(4).collect();
    assert!(is_a_stable_fragment(&text));
    for position in 0..text.len() {
        is_a_stable_fragment(&text[..position]);
        for bit in 0..7 {
            let mut octets = text.clone().into_bytes();
            octets[position] ^= 1 << bit;
            is_a_stable_fragment(std::str::from_utf8(&octets).unwrap());
        }
    }
}

#[test]
fn every_bit_of_every_line_flipped() {
    for line in distinct_lines() {
        let mut octets = line.text.clone().into_bytes();
        for position in 0..octets.len() {
            for bit in 0..8 {
                octets[position] ^= 1 << bit;
                is_stable(&line.replaced_by(&octets));
                octets[position] ^= 1 << bit;
            }
        }
    }
}

#[test]
fn every_octet_of_every_line_replaced_by_a_separator() {
    for line in distinct_lines() {
        let mut octets = line.text.clone().into_bytes();
        for position in 0..octets.len() {
            for replacement in *b" :\r\n=9/~;,*" {
                let octet = std::mem::replace(&mut octets[position], replacement);
                is_stable(&line.replaced_by(&octets));
                octets[position] = octet;
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
