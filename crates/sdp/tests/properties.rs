//! Whatever is made of legal values and written reads as the same; and arbitrary text never panics.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tsubame_sdp::{
    Attribute, Bandwidth, BandwidthKind, Candidate, CandidateKind, Codec, Direction, ExtMap,
    FingerprintLine, Fragment, FrameRate, Group, Media, MediaKind, Msid, Origin, Rid, RidDirection,
    Rtcp, SctpMap, SessionDescription, Setup, Simulcast, SimulcastId, Ssrc, SsrcGroup,
};

/// A word of the characters that RFC 8866 §9 calls a token.
fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,12}"
}

fn direction() -> impl Strategy<Value = Direction> {
    select(vec![Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive])
}

fn setup() -> impl Strategy<Value = Setup> {
    select(vec![Setup::ActPass, Setup::Active, Setup::Passive, Setup::HoldConn])
}

fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    // Names that have no type here.
    let name = "x-[a-z]{1,8}";
    let value = option::of("[ -~\u{e9}\u{1f426}]{0,20}");
    vec((name, value).prop_map(|(name, value)| Attribute { name, value }), 0..4)
}

fn fingerprints() -> impl Strategy<Value = Vec<FingerprintLine>> {
    let algorithm = select(vec![
        ("sha-1", 20),
        ("sha-224", 28),
        ("sha-256", 32),
        ("sha-384", 48),
        ("sha-512", 64),
    ]);
    let line = algorithm.prop_flat_map(|(algorithm, length)| {
        vec(any::<u8>(), length).prop_map(move |octets| {
            let octets: Vec<_> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
            FingerprintLine { algorithm: algorithm.to_owned(), value: octets.join(":") }
        })
    });
    vec(line, 0..3)
}

fn extensions() -> impl Strategy<Value = Vec<ExtMap>> {
    let extension = (
        1..=255_u8,
        option::of(direction()),
        "urn:[a-z:]{1,20}",
        option::of("[a-z0-9]{1,8}( [a-z]{1,4})?"),
    );
    let extension = extension.prop_map(|(id, direction, uri, attributes)| ExtMap {
        id,
        direction,
        uri,
        attributes,
    });
    vec(extension, 0..4).prop_map(|mut extensions| {
        // An identifier means one extension.
        let mut ids = HashSet::new();
        extensions.retain(|extension| ids.insert(extension.id));
        extensions
    })
}

fn codec(payload_type: u8) -> impl Strategy<Value = Codec> {
    let parameter = (token_without_equals(), option::of("[A-Za-z0-9,+/-]{1,12}"));
    let feedback =
        select(vec!["nack", "nack pli", "ccm fir", "transport-cc", "goog-remb", "x-new thing"]);
    let name = select(vec!["opus", "VP8", "H264", "AV1", "rtx", "red", "flexfec-03", "x-new"]);
    (name, 1..=u32::MAX, option::of(1..=255_u8), vec(parameter, 0..4), vec(feedback, 0..4))
        .prop_map(move |(name, clock_rate, channels, parameters, feedback)| Codec {
            parameters,
            feedback: feedback.into_iter().map(str::to_owned).collect(),
            ..Codec::new(payload_type, name, clock_rate, channels)
        })
}

fn token_without_equals() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,10}"
}

fn simulcast() -> impl Strategy<Value = Simulcast> {
    let id =
        ("[A-Za-z0-9_-]{1,6}", any::<bool>()).prop_map(|(id, paused)| SimulcastId { id, paused });
    let streams = vec(vec(id, 1..3), 0..4);
    (streams.clone(), streams)
        .prop_map(|(send, receive)| Simulcast { send, receive })
        .prop_filter("one that is written", |s| !s.send.is_empty() || !s.receive.is_empty())
}

fn candidate() -> impl Strategy<Value = Candidate> {
    let kind = select(vec![
        CandidateKind::Host,
        CandidateKind::ServerReflexive,
        CandidateKind::PeerReflexive,
        CandidateKind::Relay,
        CandidateKind::Other("new".to_owned()),
    ]);
    let related = any::<Option<(std::net::IpAddr, u16)>>()
        .prop_map(|related| related.map(|(address, port)| (address.to_string(), port)));
    let is_keyword = |word: &str| ["raddr", "rport", "tcptype"].contains(&word);
    let word = "[a-z0-9-]{1,8}".prop_filter("a keyword", move |word| !is_keyword(word));
    let extensions = vec((word.clone(), word), 0..4);
    let head = (
        "[A-Za-z0-9+/]{1,32}",
        1..=256_u16,
        select(vec!["udp", "UDP", "tcp"]),
        1..=0x7fff_ffff_u32,
    );
    (head, "[0-9a-z.:-]{1,40}", any::<u16>(), kind, related, extensions).prop_map(
        |(
            (foundation, component, transport, priority),
            address,
            port,
            kind,
            related,
            mut extensions,
        )| {
            if transport == "tcp" {
                extensions.push(("tcptype".to_owned(), "passive".to_owned()));
            }
            Candidate {
                foundation,
                component,
                transport: transport.to_owned(),
                priority,
                address,
                port,
                kind,
                related,
                extensions,
            }
        },
    )
}

fn media() -> impl Strategy<Value = Media> {
    let kind =
        select(vec![MediaKind::Audio, MediaKind::Video, MediaKind::Other("image".to_owned())]);
    let types = proptest::sample::subsequence((0..128_u8).collect::<Vec<_>>(), 1..6).prop_shuffle();
    let codecs = types.prop_flat_map(|types| types.into_iter().map(codec).collect::<Vec<_>>());
    let transport = (
        option::of(token()),
        option::of(token()),
        vec(token(), 0..3),
        fingerprints(),
        option::of(setup()),
    );
    let flags = vec(any::<bool>(), 7);
    let sources = proptest::collection::btree_map(
        any::<u32>(),
        vec((token_without_equals(), option::of("[ -~]{0,12}[!-~]")), 0..3),
        0..4,
    );
    let groups = vec((select(vec!["FID", "SIM", "FEC-FR", "NEW"]), vec(any::<u32>(), 1..4)), 0..3);
    let rids = vec(
        ("[A-Za-z0-9_-]{1,6}", any::<bool>(), option::of("pt=[0-9]{1,2}(;max-width=[0-9]{1,4})?")),
        0..3,
    );
    let numbers = (
        option::of(any::<u16>()),
        option::of(any::<u64>()),
        option::of(any::<u32>()),
        option::of(any::<u32>()),
    );
    let rest = (
        extensions(),
        option::of(simulcast()),
        vec(candidate(), 0..3),
        attributes(),
        direction(),
        numbers,
    );
    (kind, codecs, transport, flags, sources, groups, rids, rest).prop_map(
        |(kind, codecs, transport, flags, sources, groups, rids, rest)| {
            let mut media = Media::new(kind);
            codecs.into_iter().for_each(|codec| media.push_codec(codec));
            (media.ice_ufrag, media.ice_pwd, media.ice_options, media.fingerprints, media.setup) =
                transport;
            media.rtcp_mux = flags[0];
            media.rtcp_mux_only = flags[1];
            media.rtcp_rsize = flags[2];
            media.bundle_only = flags[3];
            media.extmap_allow_mixed = flags[4];
            media.end_of_candidates = flags[5];
            media.cryptex = flags[6];
            media.ssrcs =
                sources.into_iter().map(|(id, attributes)| Ssrc { id, attributes }).collect();
            let group = |(semantics, ssrcs): (&str, _)| SsrcGroup {
                semantics: semantics.to_owned(),
                ssrcs,
            };
            media.ssrc_groups = groups.into_iter().map(group).collect();
            let rid = |(id, send, restrictions)| Rid {
                id,
                direction: if send { RidDirection::Send } else { RidDirection::Recv },
                restrictions,
            };
            media.rids = rids.into_iter().map(rid).collect();
            let mut ids = HashSet::new();
            media.rids.retain(|rid| ids.insert(rid.id.clone()));
            let numbers;
            let candidates: Vec<Candidate>;
            (
                media.extensions,
                media.simulcast,
                candidates,
                media.attributes,
                media.direction,
                numbers,
            ) = rest;
            media.candidates = candidates.iter().map(ToString::to_string).collect();
            (media.sctp_port, media.max_message_size, media.ptime, media.max_ptime) = numbers;
            media.frame_rate =
                media.ptime.and_then(|rate| FrameRate::new(&format!("{rate}.{}", rate % 1000)));
            media.rtcp =
                media.sctp_port.map(|port| Rtcp { port, address: "192.0.2.1".parse().ok() });
            media.sctp_map = media.sctp_port.map(|port| SctpMap {
                port,
                protocol: "webrtc-datachannel".to_owned(),
                streams: Some(port),
            });
            media.port_count = media.sctp_port;
            media.msids = vec![Msid { stream: "-".to_owned(), track: media.ice_ufrag.clone() }];
            media.bandwidth = vec![Bandwidth {
                kind: BandwidthKind::TransportIndependent,
                value: media.ptime.unwrap_or(1),
            }];
            media
        },
    )
}

fn description() -> impl Strategy<Value = SessionDescription> {
    let session = (
        any::<u64>(),
        any::<u64>(),
        option::of(token()),
        option::of(token()),
        fingerprints(),
        option::of(setup()),
    );
    (session, extensions(), attributes(), any::<[bool; 3]>(), vec(media(), 0..4)).prop_map(
        |((id, version, ufrag, pwd, fingerprints, setup), extensions, attributes, flags, media)| {
            let mut description = SessionDescription::new(Origin::new(id, version));
            (description.ice_ufrag, description.ice_pwd) = (ufrag, pwd);
            (description.fingerprints, description.setup) = (fingerprints, setup);
            (description.extensions, description.attributes) = (extensions, attributes);
            [description.ice_lite, description.extmap_allow_mixed, description.cryptex] = flags;
            description.media = media;
            for (index, media) in description.media.iter_mut().enumerate() {
                media.mid = Some(index.to_string());
            }
            let mids = (0..description.media.len()).map(|index| index.to_string()).collect();
            description.groups = vec![Group { semantics: "BUNDLE".to_owned(), mids }];
            description
        },
    )
}

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n";

const SECTION: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_as_the_same(description in description()) {
        let written = description.to_string();
        let read: SessionDescription = written.parse().map_err(|error| TestCaseError::fail(format!("{error}\n{written}")))?;
        prop_assert_eq!(read, description, "{}", written);
    }

    #[test]
    fn candidates_read_as_they_are_written(candidate in candidate()) {
        prop_assert_eq!(candidate.to_string().parse::<Candidate>(), Ok(candidate));
    }

    /// Any octets where the first line is awaited, where the session's are and where a section's are: an error then names a line of
    /// theirs, which shows that they were looked at.
    #[test]
    fn octets_of_any_value_are_refused_where_they_are_or_stable(
        octets in vec(any::<u8>(), 0..400),
        level in 0..3_usize,
    ) {
        let head = ["", HEAD, SECTION][level];
        let whole = [head.as_bytes(), &octets].concat();
        match SessionDescription::from_bytes(&whole) {
            Ok(read) => {
                prop_assert!(level > 0, "no octets make a v= line");
                prop_assert_eq!(read.to_string().parse::<SessionDescription>(), Ok(read));
            }
            Err(error) => {
                let first = head.lines().count() + 1;
                let last = whole.split(|octet| *octet == b'\n').count();
                prop_assert!(error.line().map_or(level == 0, |line| (first..=last).contains(&line)), "{}", error);
            }
        }
    }

    /// The same of octets that a description is made of, few enough to meet the grammar often.
    #[test]
    fn octets_of_the_grammar_are_refused_where_they_are_or_stable(
        lines in vec(("[abcmikt]?=?[a-z]{0,4}", "[:= /;,~0-9a-z\t*-]{0,16}", "(\r\n|\n|\r)?"), 0..30),
        section: bool,
    ) {
        let head = if section { SECTION } else { HEAD };
        let body: String = lines.into_iter().flat_map(|(name, value, end)| [name, value, end]).collect();
        match format!("{head}{body}").parse::<SessionDescription>() {
            Ok(read) => prop_assert_eq!(read.to_string().parse::<SessionDescription>(), Ok(read)),
            Err(error) => prop_assert!(error.line() > Some(head.lines().count()), "{}", error),
        }
    }

    /// Lines of the right form with anything in them, on both levels.
    #[test]
    fn lines_of_anything_are_stable(lines in vec(("[aaabceikprtuz]", "[a-z-]{0,12}", "[ -~\u{e9}]{0,40}"), 0..12), section in any::<bool>()) {
        let mut text = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n");
        if section {
            text.push_str("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n");
        }
        for (kind, name, value) in lines {
            text.push_str(&format!("{kind}={name}:{value}\r\n"));
        }
        if let Ok(description) = text.parse::<SessionDescription>() {
            prop_assert_eq!(description.to_string().parse::<SessionDescription>(), Ok(description));
        }
        let rest: String = text.split_inclusive('\n').skip(3).collect();
        if let Ok(fragment) = rest.parse::<Fragment>() {
            prop_assert_eq!(fragment.to_string().parse::<Fragment>(), Ok(fragment));
        }
    }

    /// The same with the names of attributes that have a type.
    #[test]
    fn attributes_of_anything_are_stable(
        name in select(vec![
            "candidate", "cryptex", "end-of-candidates", "extmap", "fingerprint", "fmtp", "framerate", "group", "ice-options", "ice-ufrag", "identity",
            "maxptime", "max-message-size", "mid", "msid", "msid-semantic", "ptime", "rid", "rtcp", "rtcp-fb", "rtcp-xr", "rtpmap",
            "sctp-port", "sctpmap", "setup", "simulcast", "ssrc", "ssrc-group",
        ]),
        value in "[ 0-9A-Za-z:;,=~/*+.-]{0,30}",
        section in any::<bool>(),
    ) {
        let level = if section { "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n" } else { "" };
        let text = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n{level}a={name}:{value}\r\n");
        if let Ok(description) = text.parse::<SessionDescription>() {
            prop_assert_eq!(description.to_string().parse::<SessionDescription>(), Ok(description));
        }
    }
}
