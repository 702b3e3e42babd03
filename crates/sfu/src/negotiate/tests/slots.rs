//! Sections come, go and are used again.

use tsubame_rtp::Codec;
use tsubame_sdp::{Direction, SessionDescription};

use super::offers::{join, track};
use super::script::negotiator;
use crate::api::{Role, VideoCodec};
use crate::negotiate::{AnswerError, MAX_SECTIONS, Negotiator, Verdict};

fn viewer() -> Negotiator {
    negotiator(&join(Role::RecvOnly, true, Some(VideoCodec::Vp8)))
}

/// An answer that takes everything but the sections in `refused`.
fn answer_to(offer: &str, refused: &[usize]) -> String {
    let mut answer: SessionDescription = offer.parse().unwrap();
    answer.ice_lite = false;
    for (index, media) in answer.media.iter_mut().enumerate() {
        media.setup = Some(tsubame_sdp::Setup::Active);
        media.direction = match media.direction {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            other => other,
        };
        if refused.contains(&index) {
            media.port = 0;
        }
    }
    answer.to_string()
}

fn exchange(negotiator: &mut Negotiator, refused: &[usize]) -> (SessionDescription, usize) {
    let offer = negotiator.offer();
    let answer = negotiator.apply_answer(&answer_to(&offer, refused)).unwrap();
    let accepted = answer.remote.iter().filter(|(_, verdict)| *verdict != Verdict::Refused).count();
    (offer.parse().unwrap(), accepted)
}

fn directions(offer: &SessionDescription) -> Vec<(String, Direction, u16)> {
    let media = offer.media.iter();
    media.map(|m| (m.mid.clone().unwrap(), m.direction, m.port)).collect()
}

#[test]
fn one_answer_per_offer() {
    let mut viewer = viewer();
    assert!(!viewer.outstanding());
    assert_eq!(viewer.apply_answer("v=0"), Err(AnswerError::NotAsked));
    let offer = viewer.offer();
    assert!(viewer.outstanding());
    assert!(matches!(viewer.apply_answer("v=0"), Err(AnswerError::Malformed(_))));
    assert!(viewer.outstanding(), "a wrong answer answers nothing");
    assert!(viewer.apply_answer(&answer_to(&offer, &[])).is_ok());
    assert!(!viewer.outstanding());
    assert_eq!(viewer.apply_answer(&answer_to(&offer, &[])), Err(AnswerError::NotAsked));
}

#[test]
fn a_section_is_inactive_for_one_answered_offer_before_it_is_used_again() {
    let mut viewer = viewer();
    let first = viewer.add_track(track(1, Codec::Vp8)).unwrap();
    exchange(&mut viewer, &[]);
    viewer.remove_track(first);
    // Not answered yet as inactive: the next track needs a section of its own.
    let second = viewer.add_track(track(2, Codec::Vp9)).unwrap();
    assert_eq!((viewer.mid(first), viewer.mid(second)), ("1", "2"));
    let (offer, accepted) = exchange(&mut viewer, &[]);
    assert_eq!(accepted, 1);
    assert_eq!(offer.media[1].direction, Direction::Inactive);
    assert_eq!(offer.media[1].formats, ["96", "97"], "keeps a codec");
    assert!(offer.media[1].msids.is_empty() && offer.media[1].ssrcs.is_empty());
    // Now it is free, for its kind only.
    let audio = viewer.add_track(track(3, Codec::Opus)).unwrap();
    let third = viewer.add_track(track(3, Codec::Av1)).unwrap();
    assert_eq!((viewer.mid(audio), viewer.mid(third)), ("0", "1"));
    let (offer, accepted) = exchange(&mut viewer, &[]);
    assert_eq!((offer.media.len(), accepted), (3, 3));
    assert_eq!(offer.media[1].formats, ["104", "105"]);
}

#[test]
fn an_answer_to_an_older_state_says_nothing_about_newer_tracks() {
    let mut viewer = viewer();
    let first = viewer.add_track(track(1, Codec::Vp8)).unwrap();
    let offer = viewer.offer();
    // Gone again, and another one come, before the client answers.
    viewer.remove_track(first);
    let second = viewer.add_track(track(2, Codec::Vp8)).unwrap();
    assert_ne!(first, second);
    let answer = viewer.apply_answer(&answer_to(&offer, &[])).unwrap();
    assert_eq!(answer.remote.len(), 1);
    assert_eq!(answer.remote[0].0, first);
    let (offer, _) = exchange(&mut viewer, &[]);
    assert_eq!(
        directions(&offer),
        [
            ("0".to_owned(), Direction::Inactive, 9),
            ("1".to_owned(), Direction::Inactive, 9),
            ("2".to_owned(), Direction::SendOnly, 9),
        ]
    );
}

#[test]
fn a_track_that_was_never_offered_leaves_its_section_free_at_once() {
    let mut viewer = viewer();
    let first = viewer.add_track(track(1, Codec::Vp8)).unwrap();
    viewer.remove_track(first);
    let second = viewer.add_track(track(2, Codec::Vp8)).unwrap();
    assert_ne!(first, second);
    assert_eq!((viewer.mid(first), viewer.mid(second)), ("", "1"));
    viewer.remove_track(first);
    let (offer, accepted) = exchange(&mut viewer, &[]);
    assert_eq!((offer.media.len(), accepted), (2, 1), "an old slot removes nothing");
}

#[test]
fn a_refused_section_waits_at_port_0_and_comes_back_under_a_new_mid() {
    let mut viewer = viewer();
    let h265 = viewer.add_track(track(1, Codec::H265)).unwrap();
    let (_, accepted) = exchange(&mut viewer, &[1]);
    assert_eq!(accepted, 0);
    let (offer, _) = exchange(&mut viewer, &[1]);
    assert_eq!(directions(&offer)[1], ("1".to_owned(), Direction::Inactive, 0));
    // To Firefox, which the Sora JavaScript SDK shows port 9, missing credentials would be a partial ICE restart.
    assert_eq!(offer.media[1].ice_ufrag, offer.media[0].ice_ufrag);
    assert_eq!(offer.media[1].ice_pwd, offer.media[0].ice_pwd);
    assert!(offer.media[1].msids.is_empty() && offer.media[1].ssrcs.is_empty());
    assert_eq!(offer.bundle().unwrap(), ["0"]);
    viewer.remove_track(h265);
    let vp8 = viewer.add_track(track(2, Codec::Vp8)).unwrap();
    assert_eq!((viewer.mid(h265), viewer.mid(vp8)), ("", "2"));
    let (offer, accepted) = exchange(&mut viewer, &[]);
    assert_eq!((offer.media.len(), accepted), (2, 1));
    assert_eq!(directions(&offer)[1], ("2".to_owned(), Direction::SendOnly, 9));
    assert_eq!(offer.bundle().unwrap(), ["0", "2"]);
}

#[test]
fn a_track_that_took_a_section_while_it_was_refused_empty_is_offered_under_a_new_mid() {
    let mut viewer = viewer();
    let gone = viewer.add_track(track(1, Codec::Vp8)).unwrap();
    exchange(&mut viewer, &[]);
    viewer.remove_track(gone);
    exchange(&mut viewer, &[]);
    let offer = viewer.offer();
    let taken = viewer.add_track(track(2, Codec::Vp8)).unwrap();
    assert_eq!(viewer.mid(taken), "1");
    viewer.apply_answer(&answer_to(&offer, &[1])).unwrap();
    assert_eq!(viewer.mid(taken), "2");
    let (offer, accepted) = exchange(&mut viewer, &[]);
    assert_eq!(directions(&offer)[1], ("2".to_owned(), Direction::SendOnly, 9));
    assert_eq!((offer.media.len(), accepted), (2, 1));
}

#[test]
fn a_port_in_the_answer_does_not_revive_what_was_offered_at_port_0() {
    let mut viewer = viewer();
    viewer.add_track(track(1, Codec::H265)).unwrap();
    exchange(&mut viewer, &[1]);
    let offer = viewer.offer();
    // What comes of an offer whose ports were rewritten; outside of BUNDLE, as it was offered.
    let answer = answer_to(&offer.replace("m=video 0 ", "m=video 9 "), &[]);
    let answer = viewer.apply_answer(&answer).unwrap();
    assert_eq!(answer.remote[0].1, Verdict::Refused);
    let (offer, _) = exchange(&mut viewer, &[]);
    assert_eq!(offer.media[1].port, 0);
}

#[test]
fn a_track_that_left_while_it_was_being_refused() {
    let mut viewer = viewer();
    let h265 = viewer.add_track(track(1, Codec::H265)).unwrap();
    let offer = viewer.offer();
    viewer.remove_track(h265);
    viewer.apply_answer(&answer_to(&offer, &[1])).unwrap();
    let vp8 = viewer.add_track(track(2, Codec::Vp8)).unwrap();
    assert_eq!(viewer.mid(vp8), "2");
    let (offer, accepted) = exchange(&mut viewer, &[]);
    assert_eq!((offer.media.len(), accepted), (2, 1));
}

#[test]
fn a_section_answered_inactive_is_refused_but_stays() {
    let mut viewer = viewer();
    viewer.add_track(track(1, Codec::Vp8)).unwrap();
    let offer = viewer.offer();
    let answer = answer_to(&offer, &[]).replace("a=recvonly", "a=inactive");
    let answer = viewer.apply_answer(&answer).unwrap();
    assert_eq!(answer.remote[0].1, Verdict::Refused);
    let (offer, accepted) = exchange(&mut viewer, &[]);
    assert_eq!((offer.media[1].port, accepted), (9, 1));
}

#[test]
fn the_first_section_of_a_client_without_audio_takes_no_track() {
    let mut viewer = negotiator(&join(Role::RecvOnly, false, Some(VideoCodec::Vp8)));
    let slot = viewer.add_track(track(1, Codec::Opus)).unwrap();
    assert_eq!(viewer.mid(slot), "1");
}

#[test]
fn sections_are_limited_and_their_answer_fits() {
    let mut viewer = viewer();
    let slots: Vec<_> = (1..MAX_SECTIONS).map(|_| viewer.add_track(track(1, Codec::Vp9))).collect();
    assert!(slots.iter().all(Option::is_some));
    assert_eq!(viewer.add_track(track(1, Codec::Vp9)), None);
    assert!(viewer.add_track(track(1, Codec::Opus)).is_some(), "the anchor is still free");
    assert_eq!(viewer.add_track(track(1, Codec::Opus)), None);
    let (offer, accepted) = exchange(&mut viewer, &[]);
    assert_eq!((offer.media.len(), accepted), (MAX_SECTIONS, MAX_SECTIONS));
    // The answer as long as Chromium would write it: the largest of its sections that was recorded, every time.
    let recorded = super::recorded::answer("chromium", "sendrecv", 3);
    let largest = recorded.split("m=").map(str::len).max().unwrap();
    assert!(largest > 500);
    assert!(largest * MAX_SECTIONS < tsubame_sdp::MAX_LENGTH, "{largest} bytes a section");

    viewer.remove_track(slots[5].unwrap());
    assert_eq!(viewer.add_track(track(1, Codec::Vp9)), None, "not before it was answered");
    exchange(&mut viewer, &[]);
    assert!(viewer.add_track(track(1, Codec::Vp9)).is_some());
}
