//! Candidates as browsers, servers and people write them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tsubame_sdp::{Candidate, MAX_CANDIDATE_LENGTH, SessionDescription};

#[test]
fn candidates_that_are_none() {
    let read = |text: &str| text.parse::<Candidate>().map_err(|error| error.to_string());
    for (text, error) in [
        ("candidate:", "candidate ended, expected a foundation"),
        (
            "candidate:1 0 udp 1 192.0.2.1 9 typ host",
            "candidate: expected a component from 1 to 256, found \"0\"",
        ),
        (
            "candidate:1 257 udp 1 192.0.2.1 9 typ host",
            "candidate: expected a component from 1 to 256, found \"257\"",
        ),
        (
            "candidate:1 1 udp 4294967296 192.0.2.1 9 typ host",
            "candidate: expected a priority from 1 to 2147483647, found \"4294967296\"",
        ),
        (
            "candidate:1 1 udp +1 192.0.2.1 9 typ host",
            "candidate: expected a priority from 1 to 2147483647, found \"+1\"",
        ),
        (
            "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
            "candidate: expected a port, found \"65536\"",
        ),
        ("candidate:1 1 udp 1 192.0.2.1 9 host", "candidate: expected typ, found \"host\""),
        ("candidate:1 1 udp 1 192.0.2.1 9 typ", "candidate ended, expected a candidate type"),
        (
            "candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr 192.0.2.2 9",
            "candidate ended, expected the value of an extension",
        ),
        (
            "candidate:1 1 udp 1 192.0.2.1 9 typ host generation",
            "candidate ended, expected the value of an extension",
        ),
        (
            "candidate:1 1 TCP 1 192.0.2.1 9 typ host",
            "candidate ended, expected tcptype active, passive or so",
        ),
        (
            "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype both",
            "candidate: expected tcptype active, passive or so, found \"both\"",
        ),
        (
            "candidate:1 1 u\0p 1 192.0.2.1 9 typ host",
            "candidate: expected a transport, found \"u\\0p\"",
        ),
        (
            "candidate:1 1 udp 1 \u{7f} 9 typ host",
            "candidate: expected an address, found \"\\u{7f}\"",
        ),
        (
            "candidate:1 1 udp 1 192.0.2.1 9 typ \u{85}",
            "candidate: expected a candidate type, found \"\\u{85}\"",
        ),
    ] {
        assert_eq!(read(text), Err(error.to_owned()), "{text}");
    }
    let too_long = read(&"1".repeat(MAX_CANDIDATE_LENGTH + 1)).unwrap_err();
    let expected =
        "candidate: expected a candidate of at most 1024 bytes, candidate: included, found ";
    assert_eq!(too_long, format!("{expected}{:?}", "1".repeat(80)));
}

/// The agent passes over what it cannot use; here it is text like any.
#[test]
fn what_is_new_is_kept_as_text() {
    let read = |text: &str| text.parse::<Candidate>().unwrap();
    let mdns = read("a=candidate:1 1 udp 1 0f1e2d3c-0000-4000-8000-000000000000.local 9 typ host");
    assert_eq!(mdns.ip(), None);
    assert_eq!(read("1 1 udp 1 192.0.2.1 9 typ new").kind.as_str(), "new");
    for text in [
        "candidate:1 1 sctp 1 192.0.2.1 9 typ host",
        "candidate:1 1 udp 1 192.0.2.300 9 typ host",
        "candidate:1 1 udp 1 fe80::1%eth0 9 typ host",
        "candidate:1 1 udp 1 2001:0db8::1 9 typ host",
        "candidate:1 1 UDP 1 192.0.2.1 9 typ host",
    ] {
        assert_eq!(read(text).to_string(), text);
    }
}

/// The table that the reader in crates/stun has as well: what one takes the other takes, but for types that an agent cannot use.
#[test]
fn candidates_are_read_as_the_ice_agent_reads_them() {
    let long = "a".repeat(32);
    let too_long = "a".repeat(33);
    let with = |foundation: &str, component: &str, priority: &str, rest: &str| {
        format!("candidate:{foundation} {component} udp {priority} 192.0.2.1 9 typ {rest}")
    };
    let of_length = |prefix: &str, length: usize| {
        let text = format!("{prefix}1 1 udp 1 192.0.2.1 9 typ host x ");
        format!("{text}{}", "y".repeat(length - text.len()))
    };
    for (text, accepted) in [
        (with("aZ09+/", "1", "1", "host"), true),
        (with(&long, "1", "1", "host"), true),
        (with(&too_long, "1", "1", "host"), false),
        (with("a-b", "1", "1", "host"), false),
        (with("a_b", "1", "1", "host"), false),
        (with("\u{e9}", "1", "1", "host"), false),
        (with("1", "256", "1", "host"), true),
        (with("1", "257", "1", "host"), false),
        (with("1", "0", "1", "host"), false),
        (with("1", "+1", "1", "host"), false),
        (with("1", "-1", "1", "host"), false),
        (with("1", "1", "2147483647", "host"), true),
        (with("1", "1", "2147483648", "host"), false),
        (with("1", "1", "4294967295", "host"), false),
        (with("1", "1", "0", "host"), false),
        (with("1", "1", "+5", "host"), false),
        (with("1", "1", "0x5", "host"), false),
        (with("1", "1", "1", "new"), true),
        (with("1", "1", "1", "host generation"), false),
        (with("1", "1", "1", "host generation 0 ufrag"), false),
        (with("1", "1", "1", "srflx raddr 192.0.2.2 rport 9"), true),
        (with("1", "1", "1", "srflx raddr 2001:db8::1 rport 9 generation 0"), true),
        (with("1", "1", "1", "srflx raddr 192.0.2.2 rport"), false),
        (with("1", "1", "1", "srflx raddr 192.0.2.2"), true),
        (with("1", "1", "1", "srflx raddr hidden.local rport 9"), true),
        (with("1", "1", "1", "srflx raddr 192.0.2.2 rport 65536"), true),
        (with("1", "1", "1", "srflx raddr 192.0.2.2 rport +9"), true),
        (with("1", "1", "1", "host tcptype active"), true),
        ("candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active".to_owned(), true),
        ("candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype so x y".to_owned(), true),
        ("candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype both".to_owned(), false),
        ("candidate:1 1 tcp 1 192.0.2.1 9 typ host".to_owned(), false),
        ("Candidate:1 1 udp 1 192.0.2.1 9 typ host".to_owned(), false),
        ("candidate :1 1 udp 1 192.0.2.1 9 typ host".to_owned(), false),
        ("candidate:1 1 u\u{7f}dp 1 192.0.2.1 9 typ host".to_owned(), false),
        ("candidate:1 1 udp 1 192.0.2.1\0 9 typ host".to_owned(), false),
        (with("1", "1", "1", "ho\u{b}st"), false),
        (of_length("candidate:", 1024), true),
        (of_length("candidate:", 1025), false),
        (of_length("", 1015), false),
    ] {
        let read = text.parse::<Candidate>();
        assert_eq!(read.is_ok(), accepted, "{text}: {read:?}");
        if let Ok(read) = read {
            assert_eq!(read.to_string(), text);
        }
    }
    // What is written otherwise than it came.
    for (text, written) in [
        ("1 1 udp 1 192.0.2.1 9 typ host".to_owned(), with("1", "1", "1", "host")),
        ("a=candidate:1 1 udp 1 192.0.2.1 9 typ host".to_owned(), with("1", "1", "1", "host")),
        (
            "\t candidate:1\t1 udp 1  192.0.2.1 9 typ\t host \r\n".to_owned(),
            with("1", "1", "1", "host"),
        ),
        (
            with("1", "1", "1", "host x-a \u{b} y\u{7f} 1 \u{85} 1 z 2"),
            with("1", "1", "1", "host z 2"),
        ),
        (
            with("1", "1", "1", "host x \u{a0} y \u{3000}"),
            with("1", "1", "1", "host x \u{a0} y \u{3000}"),
        ),
        (
            with("1", "1", "1", "srflx generation 0 raddr 192.0.2.2 rport 9"),
            with("1", "1", "1", "srflx raddr 192.0.2.2 rport 9 generation 0"),
        ),
        (
            with("1", "1", "1", "srflx rport 9 x y raddr 192.0.2.2 raddr 192.0.2.3"),
            with("1", "1", "1", "srflx raddr 192.0.2.2 rport 9 x y"),
        ),
        (of_length("", 1014), of_length("candidate:", 1024)),
    ] {
        let read = text.parse::<Candidate>().map(|read| read.to_string());
        assert_eq!(read, Ok(written), "{text:?}");
    }
}

#[test]
fn a_name_as_related_address_is_kept_as_a_pair() {
    let related = |rest: &str| {
        let text = format!("candidate:1 1 udp 1 192.0.2.1 9 typ srflx {rest}");
        let Candidate { related, extensions, .. } = text.parse().unwrap();
        let pairs: Vec<_> =
            extensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (related, pairs.join(" "))
    };
    let address = Some(("192.0.2.2".to_owned(), 9));
    assert_eq!(related("raddr 192.0.2.2 rport 9 x y"), (address, "x=y".to_owned()));
    let kept = "raddr=hidden.local rport=9 x=y".to_owned();
    assert_eq!(related("raddr hidden.local rport 9 x y"), (None, kept));
    let kept = "raddr=192.0.2.2 rport=65536".to_owned();
    assert_eq!(related("raddr 192.0.2.2 rport 65536"), (None, kept));
}

/// The agent reads what the description keeps, and takes the name in lower case only.
#[test]
fn a_line_is_kept_as_a_candidate_is_written() {
    let head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
    let candidate = "candidate:1 1 udp 1 192.0.2.1 9 typ host";
    for line in [
        "a=candidate:1 1 udp 1 192.0.2.1 9 typ host",
        "a=Candidate:1 1 udp 1 192.0.2.1 9 typ host",
        "a= candidate :\t1 1 udp 1 192.0.2.1 9 typ host ",
    ] {
        let description: SessionDescription = format!("{head}{line}\r\n").parse().unwrap();
        assert_eq!(description.media[0].candidates, [candidate], "{line}");
    }
    let odd: SessionDescription = format!("{head}a=Candidate\r\na=candidate:\r\n").parse().unwrap();
    assert_eq!(odd.media[0].candidates, ["candidate", "candidate:"]);
    assert_eq!(odd.to_string().parse().as_ref(), Ok(&odd));
    assert!(odd.media[0].parsed_candidates().all(|candidate| candidate.is_err()));
}
