//! Descriptions of real clients (see golden/README.md): that nothing gets lost, that everything is typed, and what is read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use tsubame_sdp::format::{FlexFec, Format, H264, H264Profile, H265, Opus, ProfileLevelId, Rtx};
use tsubame_sdp::{
    CandidateKind, Direction, Feedback, MediaKind, Msid, SessionDescription, Setup, SsrcGroup,
};

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
    assert_eq!(all.len(), 27, "golden descriptions");
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

/// Every attribute that a client writes has a type. One that is new to the crate belongs in the list, or gets a type.
#[test]
fn what_has_no_type_is_known() {
    let mut untyped = BTreeSet::new();
    for (name, text) in all() {
        let description: SessionDescription = text.parse().unwrap();
        let client = name.split('-').next().unwrap().to_owned();
        let sections = description.media.iter().flat_map(|media| &media.attributes);
        for attribute in description.attributes.iter().chain(sections) {
            untyped.insert((client.clone(), attribute.name.clone()));
        }
        assert!(description.other_lines.is_empty(), "{name}");
    }
    assert_eq!(untyped, BTreeSet::new());
}

#[test]
fn every_candidate_is_read_and_written_as_it_stood() {
    let mut candidates = 0;
    for (name, text) in all() {
        for media in parse(&name).media {
            for (text, candidate) in media.candidates.iter().zip(media.parsed_candidates()) {
                assert_eq!(&candidate.unwrap().to_string(), text, "{name}");
                candidates += 1;
            }
        }
        assert!(!text.contains(".local") && !text.contains("10.99."), "{name}: addresses");
    }
    assert!(candidates >= 30, "{candidates}");
}

#[test]
fn every_format_and_every_feedback_is_typed() {
    for (name, _) in all() {
        for codec in parse(&name).media.iter().flat_map(|media| &media.codecs) {
            let format = codec.format().unwrap_or_else(|error| panic!("{name}: {error}"));
            if !["pcmu", "pcma", "g722", "cn", "isac", "ilbc", "ulpfec"]
                .contains(&codec.name.to_ascii_lowercase().as_str())
            {
                assert_ne!(format, Format::Other, "{name}: {}", codec.name);
            }
            for (text, feedback) in codec.feedback.iter().zip(codec.feedback_types()) {
                assert!(!matches!(feedback, Feedback::Other(_)), "{name}: {text}");
                assert_eq!(&feedback.to_string(), text);
            }
        }
    }
}

/// Reading a format and writing it back changes no parameter.
#[test]
fn formats_written_back_say_the_same() {
    for (name, _) in all() {
        for codec in parse(&name).media.iter().flat_map(|media| &media.codecs) {
            let format = codec.format().unwrap();
            // Of events it writes what goes without saying.
            if !matches!(format, Format::TelephoneEvent(_)) || !codec.parameters.is_empty() {
                let mut written = codec.clone();
                format.write(&mut written);
                assert_eq!(&written, codec, "{name}");
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
fn chromium_and_android_offer_repair_by_flexfec() {
    for (name, payload_type) in
        [("chromium-offer-renegotiated.sdp", 49), ("android-offer-gathered.sdp", 121)]
    {
        let offer = parse(name);
        let flexfec = offer.media.iter().find_map(|media| media.codec(payload_type)).unwrap();
        let expected = FlexFec { repair_window: 10_000_000 };
        assert_eq!(flexfec.format(), Ok(Format::FlexFec(expected)), "{name}: ten seconds");
    }
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
        assert_eq!(data.sctp_port, Some(5000), "{name}");
        assert!(data.max_message_size >= Some(262_144), "{name}");
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

#[test]
fn chromium_renegotiates() {
    let offer = parse("chromium-offer-renegotiated.sdp");
    assert_eq!(offer.origin.session_version, 3, "one more than the first, which is 2");
    let ports: Vec<_> = offer.media.iter().map(|media| media.port == 0).collect();
    assert_eq!(ports, [false, true, false, false], "the second section was stopped");
    assert_eq!(offer.media[0].direction, Direction::Inactive);
    assert_eq!(offer.bundle().unwrap(), ["0", "2", "3"]);
    let first = parse("chromium-offer-gathered.sdp");
    assert_ne!(first.media[0].ice_ufrag, offer.media[0].ice_ufrag, "ICE restarts");
    let section = parse("firefox-answer-gathered.sdp").media.remove(0);
    let tcp = section.parsed_candidates().last().unwrap().unwrap();
    assert_eq!((tcp.transport.as_str(), tcp.tcp_type()), ("TCP", Some("active")));
}

#[test]
fn firefox_bundles_only_what_it_says() {
    let offer = parse("firefox-offer-gathered.sdp");
    let bundled: Vec<_> =
        offer.media.iter().map(|media| (media.port == 0, media.bundle_only)).collect();
    assert_eq!(
        bundled,
        [(false, false), (true, true), (true, true)],
        "max-bundle: port 0 rejects nothing"
    );
    let audio = &offer.media[0];
    assert!(audio.end_of_candidates && audio.rtcp.is_some());
    let components: BTreeSet<_> = audio.parsed_candidates().map(|c| c.unwrap().component).collect();
    assert_eq!(
        components,
        BTreeSet::from([1, 2]),
        "RTCP of its own, should the answer not multiplex"
    );
    assert_eq!(offer.media[2].max_message_size, Some(1_073_741_823));
}

#[test]
fn libwebrtc_without_a_browser() {
    let offer = parse("libwebrtc-offer-datachannel.sdp");
    assert!(offer.cryptex && offer.extmap_allow_mixed);
    let [audio, video, data] = offer.media.as_slice() else { panic!("three sections") };
    assert_eq!(audio.msids[0].stream, "-", "a track of no stream");
    assert_eq!(audio.rtcp_xr, ["rcvr-rtt=all"]);
    assert!(
        audio.codec(111).unwrap().feedback_types().any(|f| f == Feedback::ReceiverReferenceTime)
    );
    let media = video.ssrc_groups[0].ssrcs[0];
    assert_eq!(video.grouped_ssrc("FID", media), Some(video.ssrc_groups[0].ssrcs[1]));
    assert_eq!(video.grouped_ssrc("FEC-FR", media), None);
    assert_eq!((data.sctp_port, data.max_message_size), (Some(5000), Some(262_144)));
}

#[test]
fn safari_offers_h265_without_parameters() {
    let video = parse("safari-offer-datachannel.sdp").media.remove(1);
    let Ok(Format::H265(h265)) = video.codec(104).unwrap().format() else { panic!("H265") };
    assert_eq!(h265, H265::default(), "main profile, level 3.1");
    let Ok(Format::H264(high)) = video.codec(96).unwrap().format() else { panic!("H264") };
    assert_eq!(high.profile_level_id.profile(), Some(H264Profile::ConstrainedHigh));
    assert_eq!(high.profile_level_id.level(), 31);
    let Ok(Format::H264(single)) = video.codec(100).unwrap().format() else { panic!("H264") };
    assert!(!high.is_compatible(&single), "another packetization mode");
    let rtx = Rtx { associated_payload_type: 96, rtx_time: None };
    assert_eq!(video.codec(97).unwrap().format(), Ok(Format::Rtx(rtx)));
}

#[test]
fn ios_tells_streams_by_source() {
    let offer = parse("ios-offer-labels.sdp");
    let video = offer.media_by_mid("video").unwrap();
    let msid = Msid { stream: "stream".to_owned(), track: Some("video0".to_owned()) };
    assert!(video.ssrcs.iter().all(|ssrc| ssrc.msid().as_ref() == Some(&msid)));
    assert_eq!(video.ssrcs[0].attribute("mslabel"), Some("stream"));
    assert_eq!(video.ice_options, ["trickle", "renomination"]);
    let Ok(Format::H264(h264)) = video.codec(98).unwrap().format() else { panic!("H264") };
    assert_eq!(h264.profile_level_id, ProfileLevelId(0x42e034));
    assert!(h264.is_compatible(&H264 {
        profile_level_id: ProfileLevelId(0x42e01f),
        packetization_mode: 1,
        ..H264::default()
    }));
}

#[test]
fn android_has_all_kinds_of_candidates() {
    let offer = parse("android-offer-gathered.sdp");
    let candidates: Vec<_> = offer.media[0].parsed_candidates().map(Result::unwrap).collect();
    let kinds: Vec<_> = candidates.iter().map(|candidate| candidate.kind.clone()).collect();
    assert_eq!(kinds, [CandidateKind::Host, CandidateKind::ServerReflexive, CandidateKind::Relay]);
    assert_eq!(candidates[2].related, Some(("198.51.100.7".to_owned(), 8360)));
    assert_eq!(candidates[0].ip(), Some("192.0.2.10".parse().unwrap()));
    assert_eq!(candidates[1].extension("network-cost"), Some("10"));
}

#[test]
fn ffmpeg_waits_for_dtls() {
    let offer = parse("ffmpeg-offer-whip.sdp");
    assert_eq!(
        (offer.origin.username.as_str(), offer.name.as_str()),
        ("FFmpeg", "FFmpegPublishSession")
    );
    let [audio, video] = offer.media.as_slice() else { panic!("two sections") };
    assert_eq!((audio.setup, video.setup), (Some(Setup::Passive), Some(Setup::Passive)));
    assert_eq!(offer.msid_semantic.as_ref().unwrap().streams, [""; 0]);
    let fid = SsrcGroup { semantics: "FID".to_owned(), ssrcs: vec![3_131_370_073, 3_131_370_074] };
    assert_eq!(video.ssrc_groups, [fid]);
    assert_eq!(video.ssrcs.len(), 1, "the source of retransmissions stands in the group alone");
    assert!(video.candidates.is_empty(), "it only ever connects");
}

#[test]
fn gstreamer_multiplexes_always() {
    let offer = parse("gstreamer-offer-publish.sdp");
    let [video, audio] = offer.media.as_slice() else { panic!("two sections") };
    assert!(video.rtcp_mux && video.rtcp_mux_only && audio.bundle_only);
    assert_eq!(offer.ice_options, ["trickle"], "on the session level");
    let Ok(Format::H264(h264)) = video.codec(97).unwrap().format() else { panic!("H264") };
    assert_eq!(h264.sprop_parameter_sets.unwrap().split(',').count(), 2);
    assert_eq!(h264.profile_level_id.profile(), Some(H264Profile::ConstrainedBaseline));
    assert_eq!(video.ssrcs[0].msid().unwrap().track.unwrap(), "webrtctransceiver0");
    assert!(video.msids.is_empty(), "tracks are told by source");
    assert!(audio.codec(96).unwrap().is("opus"), "OPUS");
    let watch = parse("gstreamer-offer-watch-datachannel.sdp");
    assert!(watch.media[0].codec(96).unwrap().has_feedback("ccm fir"));
    assert_eq!(watch.media[2].sctp_port, Some(5000));
    assert_eq!(watch.media[2].max_message_size, None);
    let rate = video.frame_rate.as_ref().unwrap();
    assert_eq!((rate.as_str(), rate.frames_per_second()), ("30", 30.0));
}

#[test]
fn obs_says_most_things_for_the_session() {
    for name in ["obs-offer-whip.sdp", "libdatachannel-offer.sdp"] {
        let offer = parse(name);
        let semantics: Vec<_> = offer.groups.iter().map(|group| group.semantics.as_str()).collect();
        assert_eq!(semantics, ["BUNDLE", "LS"], "{name}");
        assert_eq!(offer.fingerprints.len(), 1, "{name}");
        let Ok(Format::Opus(opus)) = offer.media[0].codec(111).unwrap().format() else {
            panic!("Opus")
        };
        let expected = Opus {
            max_average_bitrate: Some(96_000),
            min_ptime: Some(10),
            stereo: true,
            sprop_stereo: true,
            use_inband_fec: true,
            ..Opus::default()
        };
        assert_eq!(opus, expected);
    }
    let offer = parse("obs-offer-whip.sdp");
    assert_eq!((offer.ice_ufrag.as_deref(), offer.setup), (Some("riAt"), Some(Setup::ActPass)));
    assert_eq!(offer.media[0].ice_ufrag, None);
    assert_eq!(offer.ice_options, ["ice2,trickle"], "a comma where RFC 8839 has a space");
    assert_eq!(offer.media[0].port, 57249);
}
