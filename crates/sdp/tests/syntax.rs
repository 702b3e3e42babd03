//! Odd lines, refused lines, and what errors say about them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tsubame_sdp::format::{FlexFec, Format, Red, Rtx, TelephoneEvent};
use tsubame_sdp::{
    Attribute, Bandwidth, BandwidthKind, Direction, Fragment, Media, MediaKind, Origin, ParseError,
    RidDirection, Rtcp, SctpMap, SessionDescription,
};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
const VIDEO: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\n";

fn parse(body: &str) -> Result<SessionDescription, ParseError> {
    format!("{HEAD}{body}").parse()
}

fn video(lines: &str) -> tsubame_sdp::Media {
    parse(&format!("{VIDEO}{lines}")).unwrap().media.remove(0)
}

/// (line, expected)
fn refused(body: &str) -> (usize, &'static str) {
    match parse(body) {
        Err(ParseError::Unexpected { line, expected, .. }) => (line, expected),
        other => panic!("{body:?}: {other:?}"),
    }
}

#[test]
fn unknown_attributes_survive_where_they_stood() {
    let body = format!("a=tool:libtool 1:2\r\na=Odd\r\n{VIDEO}a=x-google:a:b \r\na=empty:\r\n");
    let description = parse(&body).unwrap();
    let attribute = |name: &str, value: Option<&str>| Attribute {
        name: name.to_owned(),
        value: value.map(str::to_owned),
    };
    assert_eq!(
        description.attributes,
        [attribute("tool", Some("libtool 1:2")), attribute("Odd", None)]
    );
    assert_eq!(
        description.media[0].attributes,
        [attribute("x-google", Some("a:b ")), attribute("empty", Some(""))]
    );
    let written = description.to_string();
    for line in ["a=tool:libtool 1:2\r\n", "a=Odd\r\n", "a=x-google:a:b \r\n", "a=empty:\r\n"] {
        assert!(written.contains(line), "{line:?} in {written}");
    }
}

#[test]
fn known_attributes_on_the_wrong_level_survive_without_meaning() {
    let description = parse("a=mid:0\r\na=rtpmap:96 VP8/90000\r\n").unwrap();
    assert_eq!(description.attributes.len(), 2);
    let media = video("a=group:BUNDLE 0\r\na=ice-lite\r\n");
    assert_eq!(media.attributes.len(), 2);
}

#[test]
fn lines_without_use_survive_in_their_places() {
    let body = "i=info\r\nu=https://example.com/\r\ne=a@example.com\r\np=+1 1\r\nr=1 1 1\r\nz=1 1\r\nk=clear:x\r\n";
    let description =
        parse(&format!("{body}b=AS:1\r\n\r\n  \r\n{VIDEO}i=camera\r\nk=prompt\r\nb=AS:2\r\n"))
            .unwrap();
    assert_eq!(description.other_lines.len(), 7, "t=0 0 goes without saying");
    let written = description.to_string();
    assert!(written.contains(
        "s=-\r\ni=info\r\nu=https://example.com/\r\ne=a@example.com\r\np=+1 1\r\nb=AS:1\r\nt=0 0\r\nr=1 1 1\r\nz=1 1\r\nk=clear:x\r\n"
    ), "{written}");
    assert!(
        written.contains("SAVPF 96 97\r\ni=camera\r\nc=IN IP4 0.0.0.0\r\nb=AS:2\r\nk=prompt\r\n"),
        "{written}"
    );
    assert!(SessionDescription::new(Origin::new(1, 1)).to_string().contains("\r\nt=0 0\r\n"));
}

#[test]
fn line_feeds_alone_end_lines() {
    let text = format!("{HEAD}{VIDEO}a=mid:x\r\n").replace("\r\n", "\n");
    let description: SessionDescription = text.parse().unwrap();
    assert_eq!(description.media[0].mid.as_deref(), Some("x"));
}

#[test]
fn rejected_and_foreign_sections() {
    let description = parse(
        "m=video 0 UDP/TLS/RTP/SAVPF 0\r\na=inactive\r\nm=audio 9 RTP/SAVP 111\r\n\
         m=audio 9 X/Y 1 2\r\nm=image 9/2 UDPTL t38\r\nm=VIDEO 9 X/Y z\r\n",
    )
    .unwrap();
    let seen: Vec<_> = description
        .media
        .iter()
        .map(|m| (m.kind.as_str(), m.port, m.protocol.as_str(), m.formats.len()))
        .collect();
    assert_eq!(
        seen,
        [
            ("video", 0, "UDP/TLS/RTP/SAVPF", 1),
            ("audio", 9, "RTP/SAVP", 1),
            ("audio", 9, "X/Y", 2),
            ("image", 9, "UDPTL", 1),
            ("video", 9, "X/Y", 1),
        ]
    );
    assert_eq!(description.media[3].port_count, Some(2));
    assert!(description.to_string().contains("m=image 9/2 UDPTL t38\r\n"));
    assert_eq!(description.media[0].direction, Direction::Inactive);
    assert_eq!(description.media[3].kind, MediaKind::Other("image".to_owned()));
}

/// Found by fuzzing: with a space more a protocol was unknown to webrtc-sdp, which then did not look at the formats; written with one space
/// it was known, and they were wrong.
#[test]
fn spaces_of_an_m_line_are_read_as_one() {
    for spaced in [
        "video  9 UDP/TLS/RTP/SAVPF 96",
        "video 9\tUDP/TLS/RTP/SAVPF  96 ",
        " video 9  UDP/TLS/RTP/SAVPF 96",
    ] {
        let description = parse(&format!("m={spaced}\r\n")).unwrap();
        assert!(description.to_string().contains("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"), "{spaced}");
        assert_eq!(description.to_string().parse().as_ref(), Ok(&description), "{spaced}");
        let wrong = spaced.replace("96", "90.0");
        assert_eq!(refused(&format!("m={wrong}\r\n")).0, 5, "{wrong}");
    }
}

#[test]
fn the_session_speaks_for_silent_sections() {
    let description = parse(&format!(
        "c=IN IP6 2001:db8::1\r\na=recvonly\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n{VIDEO}a=sendonly\r\n"
    ))
    .unwrap();
    let [audio, video] = description.media.as_slice() else { panic!("two sections") };
    assert_eq!(audio.direction, Direction::RecvOnly);
    assert_eq!(audio.connection.to_string(), "2001:db8::1");
    assert_eq!(video.direction, Direction::SendOnly);
    assert_eq!(video.connection.to_string(), "0.0.0.0");
    assert!(description.to_string().contains("c=IN IP6 2001:db8::1\r\n"));
}

#[test]
fn codec_lines_come_in_any_order() {
    let media = video(
        "a=fmtp:97 apt=96\r\na=rtcp-fb:* transport-cc\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:99 nack\r\n\
         a=fmtp:98 x=y\r\na=rtpmap:97 rtx/90000\r\na=rtpmap:96 H264/90000\r\n\
         a=fmtp:96 ; level-asymmetry-allowed = 1;profile-level-id=42E01F;; odd\r\na=rtcp-fb:96 x-odd thing\r\n",
    );
    assert_eq!(media.codecs.iter().map(|c| c.payload_type).collect::<Vec<_>>(), [96, 97]);
    let h264 = media.codec(96).unwrap();
    assert_eq!(h264.feedback, ["transport-cc", "nack", "x-odd thing"]);
    assert_eq!(h264.parameter("PROFILE-level-id"), Some("42E01F"));
    assert_eq!(h264.parameters.len(), 3);
    assert_eq!(media.codec(97).unwrap().associated_payload_type(), Some(96));
    assert_eq!(media.codec(97).unwrap().feedback, ["transport-cc"]);
    // What no a=rtpmap explains stays as it is.
    let kept: Vec<_> = media.attributes.iter().map(ToString::to_string).collect();
    assert_eq!(kept, ["fmtp:98 x=y", "rtcp-fb:99 nack"]);
}

#[test]
fn header_extensions() {
    let media = video(
        "a=extmap:2/inactive urn:x a b\r\na=extmap:14/recvonly urn:y\r\na=extmap:4096 urn:z\r\na=extmap:0 urn:n\r\n",
    );
    assert_eq!(media.extensions.len(), 2);
    assert_eq!(media.extensions[0].direction, Some(Direction::Inactive));
    assert_eq!(media.extensions[0].attributes.as_deref(), Some("a b"));
    assert_eq!(media.extensions[1].direction, Some(Direction::RecvOnly));
    assert_eq!(media.extensions[1].to_string(), "14/recvonly urn:y");
    assert_eq!(media.attributes.len(), 2, "ids that no packet can carry are kept as they are");
}

/// Else one end would take an element for one extension, the other end for another.
/// RFC 8851 §6.3: whoever passed over one of them alone would believe another than its peer.
#[test]
fn rids_that_lines_say_different_things_of_are_passed_over() {
    let ids = |lines: &str| -> Vec<String> {
        let description = parse(&format!("{VIDEO}{lines}")).unwrap();
        assert_eq!(description.to_string().parse().as_ref(), Ok(&description));
        description.media[0].rids.iter().map(|rid| rid.id.clone()).collect()
    };
    assert_eq!(ids("a=rid:r0 send\r\na=rid:r1 send\r\na=rid:r0 recv\r\n"), ["r1"]);
    assert_eq!(ids("a=rid:r0 send\r\na=rid:r0 send max-width=1\r\na=rid:r0 send\r\n"), [""; 0]);
    // Twice the same is no contradiction.
    assert_eq!(ids("a=rid:r0 send\r\na=rid:r0 send\r\n"), ["r0"]);
}

#[test]
fn an_identifier_means_one_header_extension_in_each_direction() {
    const EXPECTED: &str = "one a=extmap per identifier and direction";
    for (first, second, is_fine) in [
        ("1", "1", false),
        ("1", "2", true),
        ("1", "1/sendrecv", false),
        ("1", "1/recvonly", false),
        ("1/sendonly", "1/sendonly", false),
        ("1/sendonly", "1/recvonly", true),
        ("1/inactive", "1", true),
        ("1/inactive", "1/inactive", false),
    ] {
        let lines = format!("a=extmap:{first} urn:x\r\na=extmap:{second} urn:y\r\n");
        if is_fine {
            assert_eq!(parse(&lines).unwrap().extensions.len(), 2, "{lines}");
            assert_eq!(video(&lines).extensions.len(), 2, "{lines}");
        } else {
            assert_eq!(refused(&lines), (6, EXPECTED), "{lines}");
            assert_eq!(refused(&format!("{VIDEO}{lines}")), (8, EXPECTED), "{lines}");
        }
    }
    // Twice the same is no contradiction.
    let line = "a=extmap:1/sendonly urn:x y\r\n";
    assert_eq!(video(&line.repeat(2)).extensions.len(), 1);
    // What another section says is its own; that those of a bundle agree is for policy to see.
    let line = "a=extmap:1 urn:x\r\n";
    assert!(parse(&format!("{line}{VIDEO}{line}{VIDEO}{line}")).is_ok());
}

/// Found by fuzzing: the URI became another.
#[test]
fn a_uri_that_ends_in_a_direction_is_not_one() {
    let text = "a=extmap:1 urn:x/inactive a/inactive b\r\na=extmap:2/inactive urn:y/inactive c\r\n";
    let description = parse(text).unwrap();
    let read: Vec<_> = description.extensions.iter().collect();
    assert_eq!((read[0].direction, read[0].uri.as_str()), (None, "urn:x/inactive"));
    assert_eq!(read[0].attributes.as_deref(), Some("a/inactive b"));
    let second = (Some(Direction::Inactive), "urn:y/inactive");
    assert_eq!((read[1].direction, read[1].uri.as_str()), second);
    assert_eq!(description.to_string().parse().as_ref(), Ok(&description));
}

#[test]
fn sources_rids_bandwidth_and_groups() {
    let media = video(
        "b=AS:500\r\nb=TIAS:500000\r\nb=X-Y:1\r\na=ssrc:1\r\na=ssrc:2 cname:a:b\r\na=ssrc:2 msid:s t\r\n\
         a=ssrc-group:FID 1 2\r\na=ssrc-group:NEW 1\r\na=rid:hi recv pt=96;odd\r\na=simulcast:recv hi,~lo;x send y\r\n",
    );
    assert_eq!(
        media.bandwidth,
        [
            Bandwidth { kind: BandwidthKind::ApplicationSpecific, value: 500 },
            Bandwidth { kind: BandwidthKind::TransportIndependent, value: 500_000 },
            Bandwidth { kind: BandwidthKind::Other("X-Y".to_owned()), value: 1 },
        ]
    );
    assert_eq!(media.ssrcs[1].cname(), Some("a:b"));
    assert!(media.ssrcs[0].attributes.is_empty());
    assert_eq!(media.ssrc_groups[1].semantics, "NEW");
    assert_eq!(media.rids[0].direction, RidDirection::Recv);
    assert_eq!(media.rids[0].restrictions.as_deref(), Some("pt=96;odd"));
    assert_eq!(media.simulcast.as_ref().unwrap().to_string(), "send y recv hi,~lo;x");
    assert_eq!(media.rids[0].payload_types(), [96]);
    assert_eq!(
        media.rids[0].restriction_list().collect::<Vec<_>>(),
        [("pt", Some("96")), ("odd", None)]
    );
    assert_eq!(parse("a=group:new 1 2\r\n").unwrap().groups[0].semantics, "NEW");
}

#[test]
fn fingerprints() {
    let hash = "ab:".repeat(31) + "0F";
    let media = video(&format!("a=fingerprint:SHA-256 {hash}\r\na=fingerprint:md5 00:11\r\n"));
    assert_eq!(media.fingerprints[0].algorithm, "sha-256");
    assert_eq!(media.fingerprints[0].value, hash.to_uppercase());
    assert_eq!(media.fingerprints[1].algorithm, "md5", "for policy to refuse");
    for wrong in [
        &hash[3..],
        &hash.replacen("ab", "+b", 1),
        &hash.replacen("ab", "abc", 1),
        &hash.replacen(':', " ", 1),
    ] {
        let (line, expected) = refused(&format!("{VIDEO}a=fingerprint:sha-256 {wrong}\r\n"));
        assert_eq!((line, &expected[..14]), (7, "a=fingerprint:"));
    }
}

#[test]
fn crypto_is_seen_on_every_level() {
    assert!(!parse(VIDEO).unwrap().has_crypto());
    assert!(
        parse(&format!("{VIDEO}a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n"))
            .unwrap()
            .has_crypto()
    );
    assert!(
        parse(&format!("a=CRYPTO:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n{VIDEO}"))
            .unwrap()
            .has_crypto()
    );
    // A section's is known with space around its name, and so is the session's.
    for line in ["a= crypto:1 x inline:x", "a=crypto :1 x inline:x", "a=\tCrypto\t:x", "a=crypto "]
    {
        for text in [format!("{line}\r\n{VIDEO}"), format!("{VIDEO}{line}\r\n")] {
            assert!(parse(&text).unwrap().has_crypto(), "{text:?}");
        }
    }
    assert!(!parse(&format!("a=crypto-policy:x\r\n{VIDEO}")).unwrap().has_crypto());
}

#[test]
fn errors_name_the_line_and_what_was_expected() {
    for (body, line, expected) in [
        ("x=1\r\n", 5, "a line of the session level or an m= line"),
        ("v=0\r\n", 5, "a line of the session level or an m= line"),
        ("nothing\r\n", 5, "<letter>=<value>"),
        ("ab=1\r\n", 5, "<letter>=<value>"),
        ("a=x\ry\r\n", 5, "no CR or NUL inside a line"),
        ("a=x\0y\r\n", 5, "no CR or NUL inside a line"),
        ("a=setup:both\r\n", 5, "a=setup:actpass, active, passive or holdconn"),
        ("b=AS\r\n", 5, "b=<type>:<number>"),
        ("b=AS:4294967296\r\n", 5, "b=<type>:<number>"),
        ("c=IN IP4\r\n", 5, "c=IN IP4|IP6 <address>"),
        ("a=ice-ufrag:\r\n", 5, "a value without spaces"),
        ("a=ice-ufrag:a\r\na=ice-ufrag:b\r\n", 6, "this line once per level"),
        ("a=ice-lite:1\r\n", 5, "this attribute without a value"),
        ("a=group:\r\n", 5, "a=group:<semantics> <mid>..."),
        ("m=audio 9 UDP/TLS/RTP/SAVPF\r\n", 5, "m=<media> <port> <protocol> <format>..."),
        ("m=audio 65536 RTP/AVP 0\r\n", 5, "m=<media> <port> <protocol> <format>..."),
        ("m=audio -1 X/Y 0\r\n", 5, "m=<media> <port> <protocol> <format>..."),
    ] {
        assert_eq!(refused(body), (line, expected), "{body:?}");
    }
    for (lines, expected) in [
        ("t=0 0", "a line of a media section or an m= line"),
        ("a=mid:a b", "a value without spaces"),
        ("a=rtpmap:96 VP8", "a=rtpmap:<payload type> <name>/<clock rate>[/<channels>]"),
        ("a=rtpmap:96 /90000", "a=rtpmap:<payload type> <name>/<clock rate>[/<channels>]"),
        ("a=rtpmap:128 VP8/90000", "a=rtpmap:<payload type> <name>/<clock rate>[/<channels>]"),
        ("a=rtpmap:96 opus/48000/256", "at most 255 channels"),
        ("a=fmtp:x y", "a=fmtp:<payload type> <parameters>"),
        ("a=rtcp-fb:x nack", "a=rtcp-fb:<payload type or *> <feedback>"),
        ("a=ssrc:x cname:y", "a=ssrc:<number> <attribute>[:<value>]"),
        ("a=ssrc-group:FID x", "a=ssrc-group:<semantics> <number>..."),
        ("a=ssrc-group:NEW x", "a=ssrc-group:<semantics> <number>..."),
        ("a=rid:r0", "a=rid:<id> send|recv [<restrictions>]"),
        ("a=simulcast:r0", "a=simulcast:send|recv <rid>[,<rid>...][;<rid>...]"),
        ("a=simulcast:send", "a=simulcast:send|recv <rid>[,<rid>...][;<rid>...]"),
        ("a=simulcast:send a;;b", "a=simulcast:send|recv <rid>[,<rid>...][;<rid>...]"),
        ("a=simulcast:send ~", "a=simulcast:send|recv <rid>[,<rid>...][;<rid>...]"),
        ("a=simulcast:send a send b", "each direction of a=simulcast once"),
        ("a=ssrc-group:FID", "a=ssrc-group:<semantics> <number>..."),
        ("a=ssrc-group:FID +1", "a=ssrc-group:<semantics> <number>..."),
        ("a=sctp-port:65536", "a=sctp-port:<port>"),
        ("a=max-message-size:-1", "a=max-message-size:<octets>"),
        ("a=rtcp-mux:1", "this attribute without a value"),
        ("a=extmap:x urn:y", "a=extmap:<id>[/<direction>] <uri>"),
        ("a=msid:", "a=msid:<stream> [<track>]"),
    ] {
        assert_eq!(refused(&format!("{VIDEO}{lines}\r\n")), (7, expected), "{lines:?}");
    }
    let twice = "a=rtpmap:96 VP8/90000\r\na=rtpmap:96 VP9/90000\r\n";
    assert_eq!(refused(&format!("{VIDEO}{twice}")), (8, "one a=rtpmap per payload type"));
    let mids = format!("{VIDEO}a=mid:0\r\n{VIDEO}a=mid:0\r\n");
    assert_eq!(refused(&mids), (10, "a mid that no other section has"));
    let connections = "c=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.2\r\n";
    assert_eq!(refused(connections), (6, "this line once per level"));

    let error = parse("a=setup:both\r\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "SDP line 5: expected a=setup:actpass, active, passive or holdconn, found \"a=setup:both\""
    );
}

#[test]
fn excerpts_are_short_and_whole_characters() {
    let error = parse(&format!("nothing {}\r\n", "é".repeat(100))).unwrap_err();
    let ParseError::Unexpected { text, .. } = error else { panic!("{error:?}") };
    assert!(text.len() <= 80 && text.ends_with('é'));
}

#[test]
fn the_head_comes_first_and_in_order() {
    let parse = |text: &str| text.parse::<SessionDescription>();
    assert_eq!(parse(""), Err(ParseError::Ended { expected: "v=0" }));
    assert_eq!(parse("v=0\r\n").unwrap_err().line(), None);
    assert_eq!(parse("v=1\r\n").unwrap_err().line(), Some(1));
    assert_eq!(parse("v=0\r\ns=-\r\n").unwrap_err().line(), Some(2));
    assert_eq!(parse("v=0\r\no=- -1 1 IN IP4 127.0.0.1\r\n").unwrap_err().line(), Some(2));
    assert_eq!(parse("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\nt=0 0\r\n").unwrap_err().line(), Some(3));
    let named = parse("v=0\r\no=x 1 18446744073709551615 IN IP6 name.example\r\ns= \r\n").unwrap();
    assert_eq!(named.origin.session_version, u64::MAX);
    assert_eq!(named.origin.address.to_string(), "::");
}

#[test]
fn no_value_breaks_out_of_its_line() {
    let mut description = SessionDescription::new(Origin::new(1, 1));
    description.name = "a\r\nm=audio 9 RTP/AVP 0\0".to_owned();
    description.ice_ufrag = Some("b\na=setup:active".to_owned());
    let written = description.to_string();
    assert!(written.contains("\r\ns=am=audio 9 RTP/AVP 0\r\n"), "{written}");
    assert!(written.contains("\r\na=ice-ufrag:ba=setup:active\r\n"), "{written}");
    let read: SessionDescription = written.parse().unwrap_or_else(|e| panic!("{e}"));
    assert!(read.media.is_empty() && read.setup.is_none());
}

#[test]
fn what_stands_around_media() {
    let media = video(
        "a=rtcp:9 IN IP6 2001:db8::1\r\na=rtcp-mux-only\r\na=rtcp-xr:rcvr-rtt=all stat-summary\r\na=cryptex\r\n\
         a=ptime:20\r\na=maxptime:60\r\na=sctp-port:5000\r\na=max-message-size:0\r\na=sctpmap:5000 webrtc-datachannel 1024\r\n",
    );
    assert_eq!(media.rtcp, Some(Rtcp { port: 9, address: "2001:db8::1".parse().ok() }));
    assert_eq!(media.rtcp_xr, ["rcvr-rtt=all", "stat-summary"]);
    assert!(media.rtcp_mux_only && media.cryptex && !media.rtcp_mux);
    assert_eq!((media.ptime, media.max_ptime), (Some(20), Some(60)));
    assert_eq!((media.sctp_port, media.max_message_size), (Some(5000), Some(0)));
    let map =
        SctpMap { port: 5000, protocol: "webrtc-datachannel".to_owned(), streams: Some(1024) };
    assert_eq!(media.sctp_map, Some(map));
    assert!(media.attributes.is_empty());
    let session = parse("a=cryptex\r\na=identity:eyJpZHAi ext=1\r\n").unwrap();
    assert_eq!((session.cryptex, session.identity.as_deref()), (true, Some("eyJpZHAi ext=1")));
}

/// RFC 8866 §6.13: GStreamer writes as many digits as a double has.
#[test]
fn a_second_frame_rate_is_kept_as_it_stands() {
    let media = video("a=framerate:25\r\na=framerate:30\r\n");
    assert_eq!(media.frame_rate, tsubame_sdp::FrameRate::new("25"));
    assert_eq!(media.attributes.len(), 1);
    let description = parse(&format!("{VIDEO}a=framerate:25\r\na=framerate:30\r\n")).unwrap();
    assert_eq!(description.to_string().parse().as_ref(), Ok(&description));
}

#[test]
fn a_frame_rate_is_a_decimal_number_and_written_as_it_stood() {
    for (text, rate) in [
        ("30", 30.0),
        ("29.97", 29.97),
        ("0.5", 0.5),
        ("30.0", 30.0),
        ("29.970029970029969", 29.97002997002997),
    ] {
        let description = parse(&format!("{VIDEO}a=framerate: {text} \r\n")).unwrap();
        let read = description.media[0].frame_rate.as_ref().unwrap();
        assert_eq!((read.as_str(), read.frames_per_second()), (text, rate));
        assert!(description.to_string().contains(&format!("a=framerate:{text}\r\n")), "{text}");
        assert_eq!(description.to_string().parse().as_ref(), Ok(&description));
        assert!(description.media[0].attributes.is_empty());
    }
    let huge = "9".repeat(400);
    for text in [
        "", "0", "0.00", "+30", "-30", "30.", ".5", "3e1", "inf", "NaN", "30/1", "1.2.3", "1.+2",
        &huge,
    ] {
        let media = video(&format!("a=framerate:{text}\r\n"));
        assert_eq!((media.frame_rate.as_ref(), media.attributes.len()), (None, 1), "{text}");
    }
}

/// A parameter without a type stays in its place.
#[test]
fn the_repair_window_of_flexfec_is_read_and_written() {
    for name in ["flexfec-03", "FlexFEC"] {
        let mut media =
            video(&format!("a=rtpmap:97 {name}/90000\r\na=fmtp:97 L=5;repair-window=10;D=1\r\n"));
        let codec = &mut media.codecs[0];
        assert_eq!(codec.format(), Ok(Format::FlexFec(FlexFec { repair_window: 10 })));
        FlexFec { repair_window: 200_000 }.write(codec);
        assert_eq!(codec.parameter("repair-window"), Some("200000"));
        assert_eq!((codec.parameters[0].0.as_str(), codec.parameters[2].0.as_str()), ("L", "D"));
    }
}

/// Nobody needs them, so an odd one is no reason to refuse a description.
#[test]
fn odd_values_of_what_is_not_needed_are_kept() {
    let lines = "a=rtcp:9 IN IP4 host.example\r\na=rtcp:x\r\na=rtcp:9 IN IP4 ::1\r\na=ptime:2.5\r\na=sctpmap:odd\r\na=ts-refclk:ptp=IEEE1588-2008\r\n\
                 a=mediaclk:direct=0\r\na=framerate:29,97\r\na=imageattr:97 send [x=640,y=480] recv *\r\na=content:main\r\n";
    let media = video(lines);
    assert_eq!(media.attributes.len(), 10);
    let written: String =
        media.attributes.iter().map(|attribute| format!("a={attribute}\r\n")).collect();
    assert_eq!(written, lines, "byte for byte");
}

/// RFC 3264 §6: the section stays in its place, with what the offer called it.
#[test]
fn a_rejected_section_has_port_0_and_the_formats_of_the_offer() {
    let lines = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=ice-ufrag:abcd\r\na=sctp-port:5000\r\n";
    let mut answer = SessionDescription::new(Origin::new(1, 1));
    for offered in [&parse(lines).unwrap().media[0], &video("a=mid:v\r\na=rtpmap:96 VP8/90000\r\n")]
    {
        answer.media.push(Media::rejected(offered));
    }
    let written = answer.to_string();
    let sections: Vec<_> = written.split("m=").skip(1).collect();
    assert_eq!(
        sections,
        [
            "application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:d\r\na=inactive\r\n",
            "video 0 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\na=inactive\r\n",
        ]
    );
    assert_eq!(written.parse().as_ref(), Ok(&answer));
}

#[test]
fn the_simulcast_of_an_early_draft() {
    let media = video("a=simulcast: send rid=r0;~r1\r\n");
    assert_eq!(media.simulcast.unwrap().to_string(), "send r0;~r1");
}

#[test]
fn a_simulcast_without_streams_is_not_written() {
    let mut media = tsubame_sdp::Media::new(MediaKind::Video);
    media.simulcast = Some(tsubame_sdp::Simulcast::default());
    media.push_codec(tsubame_sdp::Codec::new(96, "VP8", 90_000, None));
    let mut description = SessionDescription::new(Origin::new(1, 1));
    description.media.push(media);
    assert!(!description.to_string().contains("simulcast"));
}

/// `write` promises to leave what it does not know.
#[test]
fn writing_a_list_of_numbers_leaves_other_parameters_in_their_places() {
    for (name, line, read, expected) in [
        ("telephone-event", "0-15;x-flag;x=1;y", "0-11,16", "0-11,16;x-flag;x=1;y"),
        ("telephone-event", "x-flag;x=1;0-15", "1", "x-flag;x=1;1"),
        ("telephone-event", "x-flag;x=1", "0-15", "0-15;x-flag;x=1"),
        ("telephone-event", "0-15;x-flag", "", "x-flag"),
        ("red", "111/111;x-flag;y", "63", "63;x-flag;y"),
        ("red", "x-flag;111/111", "", "x-flag"),
        ("red", "x-flag", "63/63", "63/63;x-flag"),
    ] {
        let mut media = video(&format!("a=rtpmap:97 {name}/8000\r\na=fmtp:97 {line}\r\n"));
        let numbers = |separator: char| read.split(separator).filter(|word| !word.is_empty());
        let codec = &mut media.codecs[0];
        if name == "red" {
            let payload_types = numbers('/').map(|word| word.parse().unwrap()).collect();
            Red { payload_types }.write(codec);
        } else {
            let range = |word: &str| {
                let (first, last) = word.split_once('-').unwrap_or((word, word));
                first.parse().unwrap()..=last.parse().unwrap()
            };
            TelephoneEvent { events: numbers(',').map(range).collect() }.write(codec);
        }
        let parameters = codec.parameters.iter().map(|(name, value)| match value {
            Some(value) => format!("{name}={value}"),
            None => name.clone(),
        });
        let written: Vec<_> = parameters.collect();
        assert_eq!(written.join(";"), expected, "{line}");
    }
}

/// They are what `Rtx` makes of them, and what a packet can carry.
#[test]
fn payload_types_that_lines_refer_to_are_seven_bits_without_a_sign() {
    for (apt, read) in
        [("96", Some(96)), ("127", Some(127)), ("128", None), ("200", None), ("+96", None)]
    {
        let media = video(&format!("a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt={apt}\r\n"));
        let codec = &media.codecs[0];
        assert_eq!(codec.associated_payload_type(), read, "{apt}");
        let rtx = Rtx::read(codec).ok().map(|rtx| rtx.associated_payload_type);
        assert_eq!(rtx, read, "{apt}");
    }
    let rid = &video("a=rid:r0 send pt=96,+97, 98 ,200,x;max-width=640\r\n").rids[0];
    assert_eq!(rid.payload_types(), [96, 98]);
}

/// An `a=fmtp` that says nothing but its payload type would be no line of RFC 8866 §6.15.
#[test]
fn an_empty_list_of_numbers_is_not_written() {
    let mut codec = tsubame_sdp::Codec::new(101, "telephone-event", 8_000, None);
    #[allow(clippy::reversed_empty_ranges, reason = "which ranges may be")]
    let backwards = vec![15..=0];
    for events in [Vec::new(), backwards] {
        TelephoneEvent { events }.write(&mut codec);
        assert_eq!(TelephoneEvent::read(&codec), Ok(TelephoneEvent::default()));
    }
    let mut media = tsubame_sdp::Media::new(MediaKind::Audio);
    media.push_codec(codec);
    let mut description = SessionDescription::new(Origin::new(1, 1));
    description.media.push(media);
    assert!(!description.to_string().contains("fmtp"), "{description}");
}

#[test]
fn formats_that_are_wrong() {
    for (codec, wrong) in [
        (
            "96 H264/90000\r\na=fmtp:96 profile-level-id=42e01",
            "a=fmtp:96 profile-level-id: expected six hexadecimal digits, found \"42e01\"",
        ),
        (
            "96 H264/90000\r\na=fmtp:96 packetization-mode=3",
            "a=fmtp:96 packetization-mode: expected 0, 1 or 2, found \"3\"",
        ),
        (
            "96 VP9/90000\r\na=fmtp:96 profile-id=4",
            "a=fmtp:96 profile-id: expected a profile from 0 to 3, found \"4\"",
        ),
        (
            "96 AV1/90000\r\na=fmtp:96 level-idx=32",
            "a=fmtp:96 level-idx: expected 0 to 31, found \"32\"",
        ),
        (
            "96 H265/90000\r\na=fmtp:96 tier-flag",
            "a=fmtp:96 tier-flag: expected 0 or 1, found nothing",
        ),
        (
            "96 opus/48000/2\r\na=fmtp:96 stereo=yes",
            "a=fmtp:96 stereo: expected 0 or 1, found \"yes\"",
        ),
        (
            "96 rtx/90000\r\na=fmtp:96 rtx-time=1",
            "a=fmtp:96 apt: expected a payload type from 0 to 127, found nothing",
        ),
        (
            "96 red/48000/2\r\na=fmtp:96 111/128",
            "a=fmtp:96 : expected payload types with slashes between, found \"111/128\"",
        ),
        (
            "96 flexfec-03/90000\r\na=fmtp:96 L=5",
            "a=fmtp:96 repair-window: expected microseconds, found nothing",
        ),
        (
            "96 flexfec-03/90000\r\na=fmtp:96 repair-window=4294967296",
            "a=fmtp:96 repair-window: expected microseconds, found \"4294967296\"",
        ),
        (
            "96 telephone-event/8000\r\na=fmtp:96 0-256",
            "a=fmtp:96 : expected a list of event codes, 0-15 for example, found \"0-256\"",
        ),
        (
            "96 telephone-event/8000\r\na=fmtp:96 15-0",
            "a=fmtp:96 : expected a list of event codes, 0-15 for example, found \"15-0\"",
        ),
        (
            "96 telephone-event/8000\r\na=fmtp:96 0-+15",
            "a=fmtp:96 : expected a list of event codes, 0-15 for example, found \"0-+15\"",
        ),
        (
            "96 red/48000/2\r\na=fmtp:96 111/+111",
            "a=fmtp:96 : expected payload types with slashes between, found \"111/+111\"",
        ),
        (
            "96 rtx/90000\r\na=fmtp:96 apt=+96",
            "a=fmtp:96 apt: expected a payload type from 0 to 127, found \"+96\"",
        ),
    ] {
        let media = video(&format!("a=rtpmap:{codec}\r\n"));
        assert_eq!(media.codecs[0].format().unwrap_err().to_string(), wrong);
    }
}

#[test]
fn octets_that_are_no_text() {
    let mut octets = format!("{HEAD}a=tool:").into_bytes();
    octets.extend_from_slice(b"\xff\xfe\r\na=x\r\n");
    assert_eq!(
        SessionDescription::from_bytes(&octets).unwrap_err().to_string(),
        "SDP line 5: expected UTF-8, found \"a=tool:\u{fffd}\u{fffd}\""
    );
    assert!(SessionDescription::from_bytes(HEAD.as_bytes()).is_ok());
}

#[test]
fn fragments_of_trickled_candidates() {
    // As RFC 9725 §4.3.1 shows one, with the lines in our order.
    let text = "a=group:BUNDLE 0 1\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=ice-options:trickle\r\n\
                m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\n\
                a=end-of-candidates\r\na=mid:0\r\n";
    let fragment: Fragment = text.parse().unwrap();
    assert_eq!(fragment.to_string(), text);
    assert_eq!(fragment.ice_options, ["trickle"]);
    let media = &fragment.media[0];
    assert_eq!(media.parsed_candidates().next().unwrap().unwrap().extension("ufrag"), Some("EsAw"));
    // What does not belong into one is no reason to refuse it, and what is written reads as the same.
    let odd = "a=end-of-candidates\r\na=x\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 192.0.2.1\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\n";
    let fragment: Fragment = odd.parse().unwrap();
    assert!(fragment.end_of_candidates);
    assert_eq!(fragment.to_string().parse::<Fragment>().as_ref(), Ok(&fragment));
    assert!(!fragment.to_string().contains("c="), "{fragment}");
    assert_eq!("".parse::<Fragment>(), Ok(Fragment::default()));
    assert_eq!(Fragment::new().to_string(), "");
}

/// Origin, certificate and the rest of a session: a fragment neither keeps them nor makes them up.
#[test]
fn a_fragment_writes_nothing_that_only_a_description_says() {
    let text = format!(
        "b=AS:1\r\nt=0 0\r\na=setup:active\r\na=fingerprint:sha-1 {}\r\na=ice-ufrag:abcd\r\n",
        [":00"; 20].concat().split_off(1)
    );
    let fragment: Fragment = text.parse().unwrap();
    assert_eq!(fragment.to_string(), "a=ice-ufrag:abcd\r\n");
}

/// Found by fuzzing: of two the first was read over and the second kept, until it was the first.
#[test]
fn a_fragment_reads_over_every_msid_semantic() {
    let text = "a=msid-semantic: WMS x\r\na=msid-semantic: WMS y\r\na=Msid-Semantic : z\r\na=x\r\n";
    let fragment: Fragment = text.parse().unwrap();
    assert_eq!(fragment.to_string(), "a=x\r\n");
    // A description keeps the others as they stand.
    let description = parse(text).unwrap();
    assert_eq!(description.msid_semantic.as_ref().unwrap().streams, ["x"]);
    assert_eq!(description.attributes.len(), 3);
    assert_eq!(description.to_string().parse().as_ref(), Ok(&description));
}

#[test]
fn fragments_are_refused_with_their_line() {
    let line = |text: &str| text.parse::<Fragment>().unwrap_err().line();
    assert_eq!(line("a=ice-ufrag:a b\r\n"), Some(1));
    assert_eq!(line("a=ice-ufrag:a\r\nv=0\r\n"), Some(2), "a description is no fragment");
    let long = "a=x\r\n".repeat(tsubame_sdp::MAX_LENGTH / 5 + 1);
    assert_eq!(long.parse::<Fragment>(), Err(ParseError::TooLong { length: long.len() }));
}
