//! Each limit, on both of its sides.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use tsubame_sdp::{
    Candidate, MAX_ADDRESS_LINE, MAX_CANDIDATE_LENGTH, MAX_CANDIDATES, MAX_FEEDBACK,
    MAX_FEEDBACK_LENGTH, MAX_LENGTH, MAX_LINES, MAX_MEDIA, MAX_SSRCS, ParseError,
    SessionDescription,
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

/// It is an error only to who asks: a section keeps it as text.
#[test]
fn length_of_a_candidate() {
    let candidate = |prefix: &str, length: usize| {
        let text = format!("{prefix}1 1 udp 1 192.0.2.1 9 typ host x ");
        let text = format!("{text}{}", "y".repeat(length - text.len()));
        text.parse::<Candidate>().map(|candidate| candidate.to_string().len())
    };
    assert_eq!(candidate("candidate:", MAX_CANDIDATE_LENGTH), Ok(1024));
    assert!(candidate("candidate:", MAX_CANDIDATE_LENGTH + 1).is_err());
    // Without the word in front it is counted as it will be written.
    assert_eq!(candidate("", MAX_CANDIDATE_LENGTH - 10), Ok(1024));
    assert!(candidate("", MAX_CANDIDATE_LENGTH - 9).is_err());
    let line = format!("a=candidate:{}", "y".repeat(MAX_CANDIDATE_LENGTH));
    let media = parse(&format!("{VIDEO}{line}\r\n")).unwrap().media.remove(0);
    assert_eq!(media.candidates, [line.trim_start_matches("a=")]);
    assert!(media.parsed_candidates().next().unwrap().is_err());
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

/// The wildcard's feedback is kept once per payload type: what a small text grows to is bounded.
#[test]
fn length_of_feedback() {
    let feedback = |length| parse(&format!("{VIDEO}a=rtcp-fb:* {}\r\n", "x".repeat(length)));
    assert_eq!(feedback(MAX_FEEDBACK_LENGTH).unwrap().media[0].codecs[0].feedback[0].len(), 64);
    assert_eq!(feedback(MAX_FEEDBACK_LENGTH + 1).unwrap_err().line(), Some(7));

    let types: String = (0..128).map(|pt| format!(" {pt}")).collect();
    let maps = repeat(128, |pt| format!("a=rtpmap:{pt} X/1"));
    let wildcards = repeat(16, |index| format!("a=rtcp-fb:* {index:064}"));
    let section = format!("m=video 9 UDP/TLS/RTP/SAVPF{types}\r\n{maps}{wildcards}");
    let sections = MAX_LENGTH / section.len() - 1;
    let description = parse(&section.repeat(sections)).unwrap();
    assert!(description.to_string().len() < 48 * MAX_LENGTH, "the worst case");
}

#[test]
fn lines_of_a_description() {
    // HEAD has four, and what follows the last line end is one more.
    let lines = |count: usize| parse(&"a=x\r\n".repeat(count - 5));
    assert_eq!(lines(MAX_LINES).unwrap().attributes.len(), MAX_LINES - 5);
    assert!(lines(MAX_LINES + 1).is_ok(), "the last one is empty");
    assert_eq!(too_many(lines(MAX_LINES + 2)), MAX_LINES);
    let empty = parse(&format!("{}a=x\r\n", "\r\n".repeat(MAX_LINES)));
    assert_eq!(empty.unwrap_err().line(), Some(MAX_LINES + 5), "empty lines count");
}

#[test]
fn length_of_address_lines() {
    let origin = |length: usize| {
        let line = format!("o=- 1 1 IN IP4 {}", "a".repeat(length - 15));
        assert_eq!(line.len(), length);
        format!("v=0\r\n{line}\r\ns=-\r\n").parse::<SessionDescription>()
    };
    assert!(origin(60).is_ok(), "a domain name is an address");
    assert!(origin(MAX_ADDRESS_LINE).is_ok());
    assert_eq!(origin(MAX_ADDRESS_LINE + 1).unwrap_err().line(), Some(2));
    let connection = |length: usize| {
        let line = format!("c=IN IP4 {}", "a".repeat(length - 9));
        assert_eq!(line.len(), length);
        parse(&format!("{line}\r\n"))
    };
    assert!(connection(MAX_ADDRESS_LINE).is_ok());
    match connection(MAX_ADDRESS_LINE + 1).unwrap_err() {
        ParseError::Unexpected { line: 5, expected: "a c= line of at most 512 bytes", .. } => {}
        other => panic!("{other}"),
    }
}

#[test]
fn worst_cases_of_full_length_are_read() {
    // Everything that could cost more than its length: many lines, formats, words, parameters.
    let room = MAX_LENGTH - HEAD.len() - VIDEO.len() - 100;
    for (prefix, unit) in [
        ("", "a=xxxxxx\r\n"),
        (VIDEO, "a=xxxxxx\r\n"),
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
