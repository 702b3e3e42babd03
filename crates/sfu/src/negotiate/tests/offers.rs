//! What stands in offers.

use tsubame_rtp::Codec;
use tsubame_sdp::{Bandwidth, BandwidthKind, Direction, Media, SessionDescription, Setup};

use super::script::{negotiator, publisher};
use crate::api::{AudioSettings, Join, Mids, Role, VideoCodec, VideoSettings};
use crate::negotiate::table::{self, ExtensionSet};
use crate::negotiate::{Negotiator, RemoteTrack};

pub(super) fn join(role: Role, audio: bool, video: Option<VideoCodec>) -> Join {
    Join {
        channel: "channel".to_owned(),
        connection_id: publisher(0),
        bundle_id: None,
        role,
        audio: audio.then(AudioSettings::default),
        video: video.map(|codec| VideoSettings {
            codec,
            bit_rate_kbps: None,
            h264_profile_level_id: None,
        }),
    }
}

pub(super) fn track(number: u8, codec: Codec) -> RemoteTrack {
    let ssrc = 100 * u32::from(number);
    RemoteTrack {
        publisher: publisher(number),
        codec,
        ssrc,
        rtx_ssrc: (codec != Codec::Opus).then_some(ssrc + 1),
    }
}

fn offer(negotiator: &mut Negotiator) -> SessionDescription {
    negotiator.offer().parse().unwrap()
}

fn first_offer(join: &Join) -> SessionDescription {
    offer(&mut negotiator(join))
}

/// (mid, direction, payload types)
fn shape(media: &Media) -> (&str, Direction, String) {
    (media.mid.as_deref().unwrap(), media.direction, media.formats.join(" "))
}

#[test]
fn the_session_level() {
    let mut negotiator = negotiator(&join(Role::RecvOnly, true, None));
    let first = offer(&mut negotiator);
    assert!(first.ice_lite && first.extmap_allow_mixed);
    assert_eq!((first.origin.session_id, first.origin.session_version), (1234, 1));
    assert_eq!(first.msid_semantic.as_ref().unwrap().streams, ["*"]);
    assert_eq!(offer(&mut negotiator).origin.session_version, 2, "grows with every offer");
}

#[test]
fn every_section_describes_the_one_transport() {
    let mut negotiator = negotiator(&join(Role::SendRecv, true, Some(VideoCodec::Vp8)));
    negotiator.add_track(track(1, Codec::Opus)).unwrap();
    let offer = offer(&mut negotiator);
    assert_eq!(offer.bundle().unwrap(), ["0", "1", "2"]);
    for (index, media) in offer.media.iter().enumerate() {
        assert_eq!((media.port, media.protocol.as_str()), (9, "UDP/TLS/RTP/SAVPF"));
        assert_eq!(media.setup, Some(Setup::ActPass));
        assert_eq!(media.fingerprints[0].algorithm, "sha-256");
        assert!(media.rtcp_mux && media.rtcp_rsize);
        assert_eq!(media.ice_ufrag, offer.media[0].ice_ufrag);
        assert_eq!(media.ice_pwd, offer.media[0].ice_pwd);
        assert_eq!(
            (media.candidates.len(), media.end_of_candidates),
            if index == 0 { (1, true) } else { (0, false) }
        );
    }
    let candidate = &offer.media[0].candidates[0];
    assert!(candidate.contains("udp 2130706431 127.0.0.1 40000 typ host"), "{candidate}");
}

#[test]
fn candidates_stand_in_the_order_of_preference() {
    let join = join(Role::RecvOnly, true, None);
    let addresses = ["192.0.2.7:4000".parse().unwrap(), "[2001:db8::7]:4000".parse().unwrap()];
    let credentials = tsubame_stun::ice::Credentials::from_random([1; 24]);
    let fingerprint = tsubame_dtls::Fingerprint::of(tsubame_dtls::HashAlgorithm::Sha256, b"");
    let mut negotiator = Negotiator::new(&join, &credentials, fingerprint, &addresses, 1);
    let offer = offer(&mut negotiator);
    let priorities: Vec<u32> = offer.media[0]
        .candidates
        .iter()
        .map(|text| text.parse::<tsubame_stun::ice::Candidate>().unwrap().priority)
        .collect();
    assert_eq!(priorities.len(), 2);
    assert!(priorities[0] > priorities[1]);
}

#[test]
fn own_sections_come_first_and_name_one_codec() {
    for (codec, formats) in [
        (VideoCodec::Vp8, "96 97"),
        (VideoCodec::Vp9, "98 99"),
        (VideoCodec::H264, "102 103"),
        (VideoCodec::Av1, "104 105"),
        (VideoCodec::H265, "106 107"),
    ] {
        let mut negotiator = negotiator(&join(Role::SendRecv, true, Some(codec)));
        negotiator.add_track(track(1, Codec::Vp8)).unwrap();
        let mids = Mids { audio: Some("0".to_owned()), video: Some("1".to_owned()) };
        assert_eq!(negotiator.mids(), mids);
        let offer = offer(&mut negotiator);
        let shapes: Vec<_> = offer.media.iter().map(shape).collect();
        assert_eq!(
            shapes,
            [
                ("0", Direction::RecvOnly, "111".to_owned()),
                ("1", Direction::RecvOnly, formats.to_owned()),
                ("2", Direction::SendOnly, "96 97".to_owned()),
            ]
        );
        assert!(offer.media[1].msids.is_empty() && offer.media[1].ssrcs.is_empty());
    }
}

#[test]
fn the_first_section_is_always_opus() {
    for (role, audio, video, direction, mids) in [
        (Role::SendOnly, true, None, Direction::RecvOnly, (Some("0"), None)),
        (Role::RecvOnly, true, Some(VideoCodec::Vp8), Direction::Inactive, (None, None)),
        (Role::RecvOnly, false, Some(VideoCodec::Vp8), Direction::Inactive, (None, None)),
        (Role::SendOnly, false, Some(VideoCodec::H265), Direction::Inactive, (None, Some("1"))),
        (Role::SendRecv, false, None, Direction::Inactive, (None, None)),
    ] {
        let join = join(role, audio, video);
        let tagged = first_offer(&join).media.remove(0);
        assert_eq!(shape(&tagged), ("0", direction, "111".to_owned()));
        assert!(tagged.msids.is_empty());
        let actual = negotiator(&join).mids();
        assert_eq!((actual.audio.as_deref(), actual.video.as_deref()), mids);
    }
}

#[test]
fn codecs_have_their_parameters_and_feedback() {
    let mut negotiator = negotiator(&join(Role::RecvOnly, true, None));
    for (number, codec) in (1..).zip(Codec::ALL) {
        negotiator.add_track(track(number, codec)).unwrap();
    }
    let offer = offer(&mut negotiator);
    for (media, codec) in offer.media.iter().zip(Codec::ALL) {
        let main = media.codec(table::payload_type(codec)).unwrap();
        assert!(main.is(codec.name()));
        let parameters: Vec<_> = main
            .parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_deref().unwrap()))
            .collect();
        let expected = match codec {
            Codec::Opus => "minptime=10;useinbandfec=1",
            Codec::H264 => "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            Codec::Vp9 => "profile-id=0",
            Codec::H265 => "level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST",
            Codec::Vp8 | Codec::Av1 => "",
        };
        assert_eq!(parameters.join(";"), expected);
        match table::rtx_payload_type(codec) {
            None => assert_eq!(main.feedback, ["transport-cc"]),
            Some(rtx) => {
                assert_eq!(main.feedback, ["nack", "nack pli", "ccm fir", "transport-cc"]);
                let rtx = media.codec(rtx).unwrap();
                assert_eq!(rtx.associated_payload_type(), Some(main.payload_type));
                assert!(rtx.feedback.is_empty());
            }
        }
    }
    assert_eq!(offer.media.len(), Codec::ALL.len(), "the anchor carries the Opus track");
}

#[test]
fn tracks_name_their_publisher() {
    let mut negotiator = negotiator(&join(Role::RecvOnly, true, Some(VideoCodec::Vp8)));
    negotiator.add_track(track(3, Codec::Opus)).unwrap();
    negotiator.add_track(track(3, Codec::Av1)).unwrap();
    let offer = offer(&mut negotiator);
    let id = publisher(3);
    let [audio, video] = offer.media.as_slice() else { panic!("two sections") };
    for media in [audio, video] {
        assert_eq!(media.msids.len(), 1);
        assert_eq!(media.msids[0].stream, id.as_str());
        assert!(media.ssrcs.iter().all(|ssrc| ssrc.cname() == Some(id.as_str())));
    }
    assert_ne!(audio.msids[0].track, video.msids[0].track);
    assert!(audio.ssrc_groups.is_empty());
    assert_eq!(audio.ssrcs.iter().map(|s| s.id).collect::<Vec<_>>(), [300]);
    assert_eq!(video.ssrc_groups[0].semantics, "FID");
    assert_eq!(video.ssrc_groups[0].ssrcs, [300, 301]);
    assert_eq!(video.ssrcs.iter().map(|s| s.id).collect::<Vec<_>>(), [300, 301]);
}

#[test]
fn bit_rates_and_requested_parameters_stand_in_own_sections() {
    let mut join = join(Role::SendOnly, true, Some(VideoCodec::H264));
    let parameter = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    join.audio = Some(AudioSettings {
        bit_rate_kbps: Some(64),
        opus_parameters: vec![
            parameter("stereo", "1"),
            parameter("USEINBANDFEC", "0"),
            parameter("x;y", "1"),
            parameter("x", "1\r\na=evil"),
        ],
    });
    join.video = Some(VideoSettings {
        codec: VideoCodec::H264,
        bit_rate_kbps: Some(2500),
        h264_profile_level_id: Some("640c1f".to_owned()),
    });
    let offer = first_offer(&join);
    let opus = offer.media[0].codec(111).unwrap();
    let names: Vec<_> = opus.parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["minptime", "useinbandfec", "maxaveragebitrate", "stereo"]);
    assert_eq!(opus.parameter("useinbandfec"), Some("0"), "the client's wish replaces ours");
    assert_eq!(opus.parameter("maxaveragebitrate"), Some("64000"));
    let bandwidth = |kbps| {
        [
            Bandwidth { kind: BandwidthKind::ApplicationSpecific, value: kbps },
            Bandwidth { kind: BandwidthKind::TransportIndependent, value: kbps * 1000 },
        ]
    };
    assert_eq!(offer.media[0].bandwidth, bandwidth(64));
    assert_eq!(offer.media[1].bandwidth, bandwidth(2500));
    let h264 = offer.media[1].codec(102).unwrap();
    assert_eq!(h264.parameter("profile-level-id"), Some("640c1f"));
}

#[test]
fn senseless_wishes_are_left_out() {
    let mut join = join(Role::SendOnly, true, Some(VideoCodec::H264));
    join.audio = Some(AudioSettings { bit_rate_kbps: Some(u32::MAX), opus_parameters: Vec::new() });
    if let Some(video) = &mut join.video {
        video.h264_profile_level_id = Some("42e01f;x".to_owned());
    }
    let offer = first_offer(&join);
    assert_eq!(offer.media[0].codec(111).unwrap().parameter("maxaveragebitrate"), None);
    assert_eq!(offer.media[0].bandwidth[1].value, u32::MAX);
    assert_eq!(offer.media[1].codec(102).unwrap().parameter("profile-level-id"), Some("42e01f"));
    assert!(offer.media[1].bandwidth.is_empty());
}

#[test]
fn identifiers_are_those_of_the_server_wide_table() {
    let offer = first_offer(&join(Role::SendOnly, true, Some(VideoCodec::Vp8)));
    let ids = |media: &Media| media.extensions.iter().map(|e| e.id).collect::<Vec<_>>();
    assert_eq!(ids(&offer.media[0]), [1, 3, 4, 8]);
    assert_eq!(ids(&offer.media[1]), [1, 3, 5, 6, 7, 8]);
}

#[test]
fn extension_sets_hold_what_was_put_in() {
    let mut set = ExtensionSet::default();
    for id in 0..=255 {
        assert!(!set.contains(id));
    }
    set.insert(3);
    set.insert(31);
    set.insert(32);
    set.insert(255);
    let held: Vec<u8> = (0..=255).filter(|id| set.contains(*id)).collect();
    assert_eq!(held, [3, 31]);
}
