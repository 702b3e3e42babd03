//! Candidates as browsers, servers and people write them.

mod common;

use common::mutations;
use tsubame_stun::ice::{
    Candidate, CandidateAddress, CandidateError, CandidateKind, CandidateTransport, TcpType,
};

fn read(text: &str) -> Candidate {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What browsers write, in the form that we write.
const LINES: [&str; 7] = [
    "candidate:842163049 1 udp 1677729535 203.0.113.5 46154 typ srflx raddr 10.0.1.1 rport 46154",
    "candidate:0 1 udp 2122252543 4f3e2d1c-0b0a-4908-8706-050403020100.local 54123 typ host",
    "candidate:1 1 udp 2122187007 2001:db8::5 9 typ host",
    "candidate:3 1 tcp 1518280447 192.0.2.3 9 typ host tcptype active",
    "candidate:3 1 tcp 1518280446 192.0.2.3 4443 typ host tcptype passive",
    "candidate:3 1 tcp 1518280445 192.0.2.3 4443 typ prflx raddr 192.0.2.4 rport 5 tcptype so",
    "candidate:a+/9 255 udp 41885439 198.51.100.1 3478 typ relay raddr 0.0.0.0 rport 0",
];

#[test]
fn what_browsers_write_is_read_and_written_again() {
    for text in LINES {
        assert_eq!(read(text).to_string(), text);
        assert_eq!(read(&format!("a={text}")), read(text));
        assert_eq!(read(text.strip_prefix("candidate:").unwrap()), read(text));
    }
}

#[test]
fn the_case_of_the_transport_and_the_end_of_the_line_do_not_matter() {
    let plain = read("candidate:1 1 udp 5 192.0.2.3 4 typ host");
    for text in [
        "candidate:1 1 UDP 5 192.0.2.3 4 typ host",
        "candidate:1 1 Udp 5 192.0.2.3 4 typ host",
        "candidate:1 1 udp 5 192.0.2.3 4 typ host\r\n",
    ] {
        assert_eq!(read(text), plain, "{text}");
    }
}

/// Lines with pairs of name and value that have no field.
const LINES_WITH_EXTENSIONS: [&str; 8] = [
    "candidate:1 1 udp 5 192.0.2.3 4 typ host generation 0 ufrag I9wd network-id 1 network-cost 10",
    "candidate:3 1 tcp 5 192.0.2.3 9 typ host tcptype active generation 2 x-new thing x-new other",
    "candidate:2 1 udp 5 192.0.2.3 4 typ srflx raddr 10.0.0.1 rport 5 generation 0",
    // What cannot be understood is kept as it is.
    "candidate:2 1 udp 5 192.0.2.3 4 typ srflx raddr hidden.local rport 5 generation 0",
    "candidate:2 1 udp 5 192.0.2.3 4 typ srflx rport 5",
    "candidate:2 1 udp 5 192.0.2.3 4 typ srflx raddr 10.0.0.1 rport 65536",
    "candidate:2 1 udp 5 192.0.2.3 4 typ srflx raddr 10.0.0.1 rport +5",
    "candidate:2 1 udp 5 192.0.2.3 4 typ host tcptype active",
];

#[test]
fn extensions_survive_a_round_trip() {
    for text in LINES_WITH_EXTENSIONS {
        assert_eq!(read(text).to_string(), text);
    }
}

/// Every cut and every flipped bit of every line. What is no UTF-8 any more has a replacement character there, for a line is
/// text before it comes here.
#[test]
fn mutations_are_refused_or_survive_a_round_trip() {
    let (mut taken, mut refused) = (0, 0);
    for line in LINES.into_iter().chain(LINES_WITH_EXTENSIONS) {
        for prefix in ["", "a="] {
            for mutation in mutations(format!("{prefix}{line}").as_bytes()) {
                let text = String::from_utf8_lossy(&mutation);
                let Ok(candidate) = text.parse::<Candidate>() else {
                    refused += 1;
                    continue;
                };
                taken += 1;
                let written = candidate.to_string();
                assert_eq!(written.parse(), Ok(candidate), "{text:?} {written:?}");
            }
        }
    }
    assert!(taken > 5000 && refused > 5000, "{taken} taken, {refused} refused");
}

#[test]
fn the_extensions_of_libwebrtc_are_typed() {
    let candidate = read(
        "candidate:1 1 udp 5 192.0.2.3 4 typ host generation 3 ufrag I9wd network-id 2 network-cost 900",
    );
    assert_eq!(candidate.generation(), Some(3));
    assert_eq!(candidate.ufrag(), Some("I9wd"));
    assert_eq!(candidate.network_id(), Some(2));
    assert_eq!(candidate.network_cost(), Some(900));
    assert_eq!(candidate.extension("nonsense"), None);
    let odd = read("candidate:1 1 udp 5 192.0.2.3 4 typ host generation -1 network-cost 65536");
    assert_eq!((odd.generation(), odd.ufrag(), odd.network_cost()), (None, None, None));
}

#[test]
fn a_name_of_mdns_stays_a_name() {
    let text = "candidate:0 1 udp 5 4f3e2d1c-0b0a-4908-8706-050403020100.local 54123 typ host";
    let host = "4f3e2d1c-0b0a-4908-8706-050403020100.local".to_owned();
    assert_eq!(read(text).address, CandidateAddress::Name { host, port: 54_123 });
}

#[test]
fn fields_go_where_they_belong() {
    let candidate = read(
        "candidate:7 2 tcp 9 host.example 443 typ relay raddr 192.0.2.9 rport 8 tcptype passive",
    );
    assert_eq!(
        candidate,
        Candidate {
            foundation: "7".into(),
            component: 2,
            transport: CandidateTransport::Tcp(TcpType::Passive),
            priority: 9,
            address: CandidateAddress::Name { host: "host.example".into(), port: 443 },
            kind: CandidateKind::Relay,
            related: Some("192.0.2.9:8".parse().unwrap()),
            extensions: Vec::new(),
        }
    );
}

#[test]
fn what_is_wrong_is_named() {
    use CandidateError as E;
    for (text, error) in [
        ("", E::Foundation),
        ("candidate:", E::Foundation),
        ("candidate:a-b 1 udp 5 192.0.2.3 4 typ host", E::Foundation),
        ("candidate:1", E::Component),
        ("candidate:1 0 udp 5 192.0.2.3 4 typ host", E::Component),
        ("candidate:1 257 udp 5 192.0.2.3 4 typ host", E::Component),
        ("candidate:1 +1 udp 5 192.0.2.3 4 typ host", E::Component),
        ("candidate:1 1 udp 5 192.0.2.3 4 typ host lonely", E::Extension),
        ("candidate:1 1 udp 5 192.0.2.3 4 typ host a b lonely", E::Extension),
        ("candidate:1 1", E::Transport),
        ("candidate:1 1 sctp 5 192.0.2.3 4 typ host", E::Transport),
        ("candidate:1 1 udp", E::Priority),
        ("candidate:1 1 udp 2147483648 192.0.2.3 4 typ host", E::Priority),
        ("candidate:1 1 udp 0 192.0.2.3 4 typ host", E::Priority),
        ("candidate:1 1 udp +5 192.0.2.3 4 typ host", E::Priority),
        ("candidate:1 1 udp -1 192.0.2.3 4 typ host", E::Priority),
        ("candidate:1 1 udp 5", E::Address),
        ("candidate:1 1 udp 5 192.0.2.300 4 typ host", E::Address),
        ("candidate:1 1 udp 5 fe80::1%eth0 4 typ host", E::Address),
        ("candidate:1 1 udp 5 192.0.2.3", E::Port),
        ("candidate:1 1 udp 5 192.0.2.3 65536 typ host", E::Port),
        ("candidate:1 1 udp 5 192.0.2.3 +4 typ host", E::Port),
        ("candidate:1 1 udp 5 192.0.2.3 4", E::Kind),
        ("candidate:1 1 udp 5 192.0.2.3 4 typ", E::Kind),
        ("candidate:1 1 udp 5 192.0.2.3 4 typ guest", E::Kind),
        ("candidate:1 1 udp 5 192.0.2.3 4 kind host", E::Kind),
        ("candidate:1 1 tcp 5 192.0.2.3 4 typ host", E::TcpType),
        ("candidate:1 1 tcp 5 192.0.2.3 4 typ host tcptype both", E::TcpType),
    ] {
        assert_eq!(text.parse::<Candidate>(), Err(error), "{text:?}");
    }
}

/// The table that the reader in `crates/sdp` has as well: what one takes the other takes, but for kinds that an agent cannot
/// use.
#[test]
fn candidates_are_read_as_descriptions_are() {
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
        (with("1", "1", "1", "new"), false),
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
    let named = read("candidate:1 1 udp 5 192.0.2.3 4 typ srflx raddr name.local rport 5");
    assert_eq!((named.related, named.extension("raddr")), (None, Some("name.local")));
}

#[test]
fn limits_of_length() {
    let foundation =
        |length| format!("candidate:{} 1 udp 5 192.0.2.3 4 typ host", "f".repeat(length));
    assert!(foundation(32).parse::<Candidate>().is_ok());
    assert_eq!(foundation(33).parse::<Candidate>(), Err(CandidateError::Foundation));
    let name = |length| format!("candidate:1 1 udp 5 {} 4 typ host", "n".repeat(length));
    assert!(name(253).parse::<Candidate>().is_ok());
    assert_eq!(name(254).parse::<Candidate>(), Err(CandidateError::Address));
    let mut text = "candidate:1 1 udp 5 192.0.2.3 4 typ host".to_owned();
    text.extend(std::iter::repeat_n(" x y", (1024 - text.len()) / 4));
    assert!(text.len() > 1020 && text.parse::<Candidate>().is_ok());
    text.push_str(" x x");
    assert!(matches!(text.parse::<Candidate>(), Err(CandidateError::TooLong { .. })));
}

/// Found by the fuzz target `ice_candidate`: what was read could be longer once it was written, and was then not read again.
#[test]
fn what_is_read_is_not_too_long_when_it_is_written() {
    let of = |prefix: &str, address: &str, length: usize| {
        let text = format!("{prefix}1 1 udp 5 {address} 9 typ host x ");
        format!("{text}{}", "y".repeat(length - text.len()))
    };
    let refused = |text: String, length| {
        assert_eq!(text.parse::<Candidate>(), Err(CandidateError::TooLong { length }));
    };
    for address in ["192.0.2.1", "2001:db8::1"] {
        for (prefix, room) in [("", 1014), ("candidate:", 1024)] {
            let candidate: Candidate = of(prefix, address, room).parse().unwrap();
            assert_eq!(candidate.to_string().len(), 1024);
            assert_eq!(candidate.to_string().parse(), Ok(candidate));
            refused(of(prefix, address, room + 1), 1025);
        }
    }
    // Read as it comes, written with the IPv4 address in decimals.
    refused(of("candidate:", "::ffff:1:1", 1024), 1028);
}

/// Found by fuzzing: such a word at the end was cut off when it was read again.
#[test]
fn space_that_does_not_separate_words_is_a_part_of_one() {
    for odd in ["\u{a0}", "\u{3000}"] {
        let candidate =
            read(&format!("candidate:1 1 udp 5 192.0.2.3 4 typ host name {odd} other x"));
        let at_the_end = read(&format!("candidate:1 1 udp 5 192.0.2.3 4 typ host name {odd}"));
        assert_eq!(read(&candidate.to_string()), candidate);
        assert_eq!(read(&at_the_end.to_string()), at_the_end);
        assert_eq!(at_the_end.extensions, [("name".to_owned(), odd.to_owned())]);
    }
}

#[test]
fn a_host_candidate_of_ours() {
    let candidate = Candidate::host("[::ffff:192.0.2.1]:3478".parse().unwrap(), 65_535);
    let text = candidate.to_string();
    assert!(text.ends_with(" 1 udp 2130706431 192.0.2.1 3478 typ host"), "{text}");
    assert_eq!(read(&text), candidate);
}

#[test]
fn control_characters_are_not_passed_on() {
    let candidate = read("candidate:1 1 udp 5 192.0.2.3 4 typ host x-a \u{b} y\u{7f} 1 z 2");
    assert_eq!(candidate.to_string(), "candidate:1 1 udp 5 192.0.2.3 4 typ host z 2");
}
