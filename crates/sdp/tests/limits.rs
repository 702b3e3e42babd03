//! Each limit, on both of its sides.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use tsubame_sdp::{
    MAX_CANDIDATES, MAX_FEEDBACK, MAX_LENGTH, MAX_MEDIA, MAX_SSRCS, ParseError, SessionDescription,
};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
const VIDEO: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";

fn parse(body: &str) -> Result<SessionDescription, ParseError> {
    format!("{HEAD}{body}").parse()
}

fn repeat(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, index| {
        writeln!(text, "{}\r", line(index)).unwrap();
        text
    })
}

fn too_many(result: Result<SessionDescription, ParseError>) -> usize {
    match result {
        Err(ParseError::TooMany { limit, .. }) => limit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn length() {
    let fill = |length: usize| {
        let body = format!("a=x:{}\r\n", "y".repeat(length - HEAD.len() - 6));
        assert_eq!(HEAD.len() + body.len(), length);
        parse(&body)
    };
    assert!(fill(MAX_LENGTH).is_ok());
    assert_eq!(fill(MAX_LENGTH + 1), Err(ParseError::TooLong { length: MAX_LENGTH + 1 }));
    assert_eq!(MAX_LENGTH, 131_072);
}

#[test]
fn media_sections() {
    let sections = |count| parse(&repeat(count, |_| VIDEO.trim_end().to_owned()));
    assert_eq!(sections(MAX_MEDIA).unwrap().media.len(), 200);
    assert_eq!(too_many(sections(MAX_MEDIA + 1)), 200);
}

#[test]
fn candidates_of_all_levels_together() {
    let candidate = |index| format!("a=candidate:1 1 udp {index} 192.0.2.1 9 typ host");
    let candidates = |session, first, second| {
        parse(&format!(
            "{}{VIDEO}{}{VIDEO}{}",
            repeat(session, candidate),
            repeat(first, candidate),
            repeat(second, candidate)
        ))
    };
    let description = candidates(10, 60, 30).unwrap();
    assert_eq!((description.media[0].candidates.len(), MAX_CANDIDATES), (60, 100));
    assert_eq!(description.media[0].candidates[3], "candidate:1 1 udp 3 192.0.2.1 9 typ host");
    assert_eq!(too_many(candidates(11, 60, 30)), 100);
    assert_eq!(too_many(candidates(10, 60, 31)), 100);
}

#[test]
fn sources_of_a_section() {
    let sources = |count| {
        parse(&format!("{VIDEO}{}", repeat(count, |ssrc| format!("a=ssrc:{ssrc} cname:c"))))
    };
    assert_eq!(sources(MAX_SSRCS).unwrap().media[0].ssrcs.len(), 64);
    assert_eq!(too_many(sources(MAX_SSRCS + 1)), 64);
    // Many lines of one source are one source.
    let lines = repeat(100, |line| format!("a=ssrc:7 attribute{line}:value"));
    assert_eq!(parse(&format!("{VIDEO}{lines}")).unwrap().media[0].ssrcs.len(), 1);
}

#[test]
fn feedback_of_a_payload_type() {
    let feedback = |own, wildcard| {
        parse(&format!(
            "{VIDEO}{}{}",
            repeat(own, |index| format!("a=rtcp-fb:96 own{index}")),
            repeat(wildcard, |index| format!("a=rtcp-fb:* all{index}"))
        ))
    };
    assert_eq!(feedback(6, 10).unwrap().media[0].codecs[0].feedback.len(), MAX_FEEDBACK);
    assert_eq!(too_many(feedback(6, 11)), MAX_FEEDBACK);
    assert_eq!(too_many(feedback(17, 0)), MAX_FEEDBACK);
}

#[test]
fn address_lines() {
    // "o=- 1 1 IN IP4 " and "c=IN IP4 " before the name.
    let origin = |length: usize| {
        let name = "a.".repeat(length / 2);
        format!("v=0\r\no=- 1 1 IN IP4 {name}\r\ns=-\r\n").parse::<SessionDescription>()
    };
    assert!(origin(100).is_ok(), "a domain name is an address");
    assert_eq!(origin(1000).unwrap_err().line(), Some(2));
    let connection = |length: usize| parse(&format!("c=IN IP4 {}\r\n", "a.".repeat(length / 2)));
    assert!(connection(100).is_ok());
    assert_eq!(connection(1000).unwrap_err().line(), Some(5));
}

#[test]
fn worst_cases_of_full_length_are_read() {
    // Everything that could cost more than its length: many lines, formats, words, parameters.
    let room = MAX_LENGTH - HEAD.len() - VIDEO.len() - 100;
    for (prefix, unit) in [
        ("", "a=x\r\n"),
        (VIDEO, "a=x\r\n"),
        (VIDEO, "b=AS:1\r\n"),
        (VIDEO, "a=fmtp:96 a;b;c;d;e;f;g\r\n"),
        (VIDEO, "a=rtcp-fb:1 nack\r\n"),
        ("m=video 9 UDP/TLS/RTP/SAVPF", " 1"),
        ("a=group:BUNDLE", " 1"),
        ("a=ice-options:", " x"),
        ("m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=simulcast:send a", ";a"),
        ("m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ssrc-group:FID", " 1"),
    ] {
        let body = format!("{prefix}{}", unit.repeat(room / unit.len()));
        assert!(parse(&body).is_ok(), "{prefix:?} {unit:?}");
    }
}
