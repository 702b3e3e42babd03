//! Answers that browsers gave to the offers of `script.rs`: Chromium 156 and Firefox ESR 153, and Firefox behind the Sora JavaScript
//! SDK, which writes port 9 for 0 in offers.

use std::path::Path;

use tsubame_rtp::{Codec, MediaKind};
use tsubame_sdp::{SessionDescription, Setup};

use super::script::{self, Round, Script, Step};
use crate::negotiate::Verdict;
use crate::negotiate::table::extension_id;

const EVERYBODY: [&str; 2] = ["chromium", "firefox"];

pub(super) fn answer(browser: &str, script: &str, number: usize) -> String {
    let name = format!("src/negotiate/testdata/{browser}-{script}-{number}.sdp");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(super) fn script(name: &str) -> Script {
    script::all().into_iter().find(|script| script.name == name).unwrap()
}

fn replay(browser: &str, name: &str) -> Vec<Round> {
    script(name).run(|number, _| answer(browser, name, number))
}

fn verdict(round: &Round, publisher: u8, codec: Codec) -> Verdict {
    let slot = round.slots[&(publisher, codec)];
    let answer = round.answer.as_ref().unwrap();
    answer.remote.iter().find(|(other, _)| *other == slot).unwrap().1
}

fn mids(round: &Round) -> Vec<String> {
    let offer: SessionDescription = round.offer.parse().unwrap();
    offer.media.into_iter().filter_map(|media| media.mid).collect()
}

#[test]
fn every_recorded_answer_is_accepted() {
    for script in script::all() {
        let sora = matches!(script.name, "refused-h265" | "send-h264" | "send-h265");
        for browser in EVERYBODY.into_iter().chain(sora.then_some("firefox-sora")) {
            let rounds = replay(browser, script.name);
            let exchanges = script.steps.iter().filter(|s| matches!(s, Step::Exchange)).count();
            assert_eq!(rounds.len(), exchanges);
            for round in &rounds {
                let agreed = round.answer.as_ref();
                let agreed = agreed.unwrap_or_else(|e| panic!("{browser} {}: {e}", script.name));
                assert_eq!(agreed.setup, Setup::Active);
                assert_eq!(agreed.fingerprints.len(), 1);
                assert_eq!(agreed.remote.len(), round.slots.len());
            }
        }
    }
}

#[test]
fn the_anchor_of_an_empty_channel_is_not_refused_and_carries_the_first_audio() {
    for browser in EVERYBODY {
        let rounds = replay(browser, "empty-channel");
        let first = rounds[0].answer.as_ref().unwrap();
        assert!(first.own.is_empty() && first.remote.is_empty());
        assert!(matches!(verdict(&rounds[1], 1, Codec::Opus), Verdict::Accepted(_)));
        assert!(matches!(verdict(&rounds[1], 1, Codec::Vp8), Verdict::Accepted(_)));
        assert_eq!(mids(&rounds[0]), ["0"]);
        assert_eq!(mids(&rounds[1]), ["0", "1"]);
    }
}

#[test]
fn three_publishers_and_a_fourth_in_the_place_of_the_second() {
    for browser in EVERYBODY {
        let rounds = replay(browser, "three-publishers");
        for (publisher, codec) in [(1, Codec::Vp8), (3, Codec::Av1), (1, Codec::Opus)] {
            for round in &rounds {
                let Verdict::Accepted(accepted) = verdict(round, publisher, codec) else {
                    panic!("{browser} {codec:?}")
                };
                assert!(accepted.extensions.contains(extension_id::MID));
                assert!(accepted.extensions.contains(extension_id::TRANSPORT_CC));
                assert!(!accepted.extensions.contains(extension_id::ABS_SEND_TIME));
                assert!(accepted.transport_cc);
                let video = codec.kind() == MediaKind::Video;
                assert_eq!(
                    (accepted.rtx, accepted.nack, accepted.pli, accepted.fir),
                    (video, video, video, video)
                );
            }
        }
        // This Firefox has no H.264: its refusal leaves the others alone, and the section comes again under a new mid.
        let h264 = verdict(&rounds[0], 2, Codec::H264);
        assert_eq!(h264 == Verdict::Refused, browser == "firefox");
        assert!(matches!(verdict(&rounds[2], 4, Codec::Vp9), Verdict::Accepted(_)));
        let fourth = if browser == "firefox" { "6" } else { "3" };
        assert_eq!(mids(&rounds[2]), ["0", "1", "2", fourth, "4", "5"]);
    }
}

#[test]
fn dependency_descriptors_go_to_those_who_understand_them() {
    for (browser, understood) in [("chromium", true), ("firefox", false)] {
        let rounds = replay(browser, "three-publishers");
        let Verdict::Accepted(av1) = verdict(&rounds[0], 3, Codec::Av1) else {
            panic!("{browser}")
        };
        assert_eq!(av1.extensions.contains(extension_id::DEPENDENCY_DESCRIPTOR), understood);
    }
}

#[test]
fn h265_is_refused_by_both_and_its_section_is_used_again() {
    for browser in ["chromium", "firefox", "firefox-sora"] {
        let rounds = replay(browser, "refused-h265");
        assert_eq!(verdict(&rounds[0], 1, Codec::H265), Verdict::Refused, "{browser}");
        assert!(matches!(verdict(&rounds[0], 1, Codec::Opus), Verdict::Accepted(_)));
        assert_eq!(verdict(&rounds[1], 1, Codec::H265), Verdict::Refused, "{browser}");
        assert!(matches!(verdict(&rounds[1], 2, Codec::Vp8), Verdict::Accepted(_)));
        assert!(matches!(verdict(&rounds[3], 3, Codec::Vp9), Verdict::Accepted(_)));
        let offered: SessionDescription = rounds[2].offer.parse().unwrap();
        assert_eq!(
            (offered.media[1].port, offered.bundle().unwrap().to_vec()),
            (0, vec!["0".to_owned(), "2".to_owned()])
        );
        assert_eq!(mids(&rounds[3]), ["0", "3", "2"]);
    }
}

#[test]
fn own_sections_say_what_is_sent() {
    for browser in EVERYBODY {
        let rounds = replay(browser, "sendrecv");
        for round in &rounds {
            let [audio, video] = round.answer.as_ref().unwrap().own.as_slice() else {
                panic!("{browser}: two own sections")
            };
            assert_eq!((audio.mid.as_str(), audio.codec, audio.sending), ("0", Codec::Opus, true));
            assert_eq!((video.mid.as_str(), video.codec, video.sending), ("1", Codec::Vp8, true));
            assert!(video.rtx && video.nack && video.pli && video.fir && video.transport_cc);
            assert!(!audio.rtx && !audio.nack && audio.transport_cc);
            assert!(video.ssrc.is_some() && video.rtx_ssrc.is_some() && audio.ssrc.is_some());
            assert!(video.extensions.contains(extension_id::TRANSPORT_CC));
            assert!(audio.extensions.contains(extension_id::AUDIO_LEVEL));
        }
        assert!(matches!(verdict(&rounds[1], 1, Codec::Vp8), Verdict::Accepted(_)));
    }
}

#[test]
fn an_own_section_that_the_client_cannot_fill_is_left_out() {
    for (browser, name, video) in [
        ("chromium", "send-h264", true),
        ("firefox", "send-h264", false),
        ("firefox-sora", "send-h264", false),
        ("chromium", "send-h265", false),
        ("firefox", "send-h265", false),
        ("chromium", "send-av1", true),
        ("firefox", "send-av1", true),
    ] {
        for round in replay(browser, name) {
            let own = &round.answer.unwrap().own;
            assert_eq!(own.len(), if video { 2 } else { 1 }, "{browser} {name}");
            assert_eq!(own[0].codec, Codec::Opus);
        }
    }
}

#[test]
fn a_client_without_audio_keeps_the_first_section_inactive() {
    for browser in EVERYBODY {
        let rounds = replay(browser, "video-only");
        for round in &rounds {
            let offer: SessionDescription = round.offer.parse().unwrap();
            assert_eq!(offer.media[0].direction, tsubame_sdp::Direction::Inactive);
            let own = &round.answer.as_ref().unwrap().own;
            assert_eq!((own.len(), own[0].codec, own[0].mid.as_str()), (1, Codec::Vp9, "1"));
        }
        assert!(matches!(verdict(&rounds[1], 1, Codec::Vp8), Verdict::Accepted(_)));
    }
}

#[test]
fn candidates_of_the_answer_are_read() {
    let rounds = replay("chromium", "sendrecv");
    assert!(rounds[0].answer.as_ref().unwrap().candidates.is_empty(), "trickled");
    assert_eq!(rounds[1].answer.as_ref().unwrap().candidates.len(), 4);
}
