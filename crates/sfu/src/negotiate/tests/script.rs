//! What is negotiated with recorded browsers: the same steps make the offers that the browsers were given, and read their answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tsubame_dtls::{Fingerprint, HashAlgorithm};
use tsubame_rtp::Codec;
use tsubame_stun::ice::Credentials;

use crate::api::{AudioSettings, Join, Role, VideoCodec, VideoSettings};
use crate::id::ConnectionId;
use crate::negotiate::{Answer, AnswerError, Negotiator, RemoteTrack, Slot};

pub(crate) enum Step {
    /// Publisher (1 to 9) adds a track.
    Add(u8, Codec),
    Remove(u8, Codec),
    /// Offer and answer.
    Exchange,
}

pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) audio: bool,
    pub(crate) video: Option<VideoCodec>,
    pub(crate) steps: Vec<Step>,
}

/// One offer and what became of it.
pub(crate) struct Round {
    pub(crate) offer: String,
    pub(crate) answer: Result<Answer, AnswerError>,
    pub(crate) slots: BTreeMap<(u8, Codec), Slot>,
}

pub(crate) fn all() -> Vec<Script> {
    use Step::{Add, Exchange, Remove};
    let script = |name, role, audio, video, steps| Script { name, role, audio, video, steps };
    let (opus, vp8) = (Codec::Opus, Codec::Vp8);
    vec![
        script(
            "empty-channel",
            Role::RecvOnly,
            true,
            Some(VideoCodec::Vp9),
            vec![Exchange, Add(1, opus), Add(1, vp8), Exchange],
        ),
        script(
            "three-publishers",
            Role::RecvOnly,
            true,
            Some(VideoCodec::Vp9),
            vec![
                Add(1, opus),
                Add(1, vp8),
                Add(2, opus),
                Add(2, Codec::H264),
                Add(3, opus),
                Add(3, Codec::Av1),
                Exchange,
                Remove(2, opus),
                Remove(2, Codec::H264),
                Exchange,
                Add(4, opus),
                Add(4, Codec::Vp9),
                Exchange,
            ],
        ),
        script(
            "refused-h265",
            Role::RecvOnly,
            true,
            Some(VideoCodec::Vp9),
            vec![
                Add(1, opus),
                Add(1, Codec::H265),
                Exchange,
                Add(2, vp8),
                Exchange,
                Remove(1, Codec::H265),
                Exchange,
                Add(3, Codec::Vp9),
                Exchange,
            ],
        ),
        script(
            "sendrecv",
            Role::SendRecv,
            true,
            Some(VideoCodec::Vp8),
            vec![Exchange, Add(1, opus), Add(1, vp8), Exchange, Remove(1, vp8), Exchange],
        ),
        script(
            "video-only",
            Role::SendRecv,
            false,
            Some(VideoCodec::Vp9),
            vec![Exchange, Add(1, vp8), Exchange],
        ),
        script("audio-only", Role::SendOnly, true, None, vec![Exchange]),
        script("send-h264", Role::SendOnly, true, Some(VideoCodec::H264), vec![Exchange, Exchange]),
        script("send-av1", Role::SendOnly, true, Some(VideoCodec::Av1), vec![Exchange]),
        script("send-h265", Role::SendOnly, true, Some(VideoCodec::H265), vec![Exchange, Exchange]),
    ]
}

/// A negotiator whose offers are the same every time.
pub(crate) fn negotiator(join: &Join) -> Negotiator {
    let credentials = Credentials::from_random([7; 24]);
    let fingerprint = Fingerprint::of(HashAlgorithm::Sha256, b"certificate");
    let candidates = [SocketAddr::from(([127, 0, 0, 1], 40_000))];
    Negotiator::new(join, &credentials, fingerprint, &candidates, 1234)
}

pub(crate) fn publisher(number: u8) -> ConnectionId {
    ConnectionId::from_random([number; 16])
}

impl Script {
    pub(crate) fn join(&self) -> Join {
        Join {
            channel: "channel".to_owned(),
            connection_id: publisher(0),
            bundle_id: None,
            role: self.role,
            audio: self.audio.then(|| AudioSettings {
                bit_rate_kbps: Some(96),
                opus_parameters: vec![("stereo".to_owned(), "1".to_owned())],
            }),
            video: self.video.map(|codec| VideoSettings {
                codec,
                bit_rate_kbps: Some(1500),
                h264_profile_level_id: None,
            }),
        }
    }

    /// Goes through the steps; `answer` is given the number of the exchange, from 1, and the offer.
    pub(crate) fn run(&self, mut answer: impl FnMut(usize, &str) -> String) -> Vec<Round> {
        let mut negotiator = negotiator(&self.join());
        let mut slots = BTreeMap::new();
        let mut rounds = Vec::new();
        let mut next_ssrc = 1000;
        for step in &self.steps {
            match step {
                Step::Add(number, codec) => {
                    let track = RemoteTrack {
                        publisher: publisher(*number),
                        codec: *codec,
                        ssrc: next_ssrc,
                        rtx_ssrc: (*codec != Codec::Opus).then_some(next_ssrc + 1),
                    };
                    next_ssrc += 2;
                    slots.insert((*number, *codec), negotiator.add_track(track).unwrap());
                }
                Step::Remove(number, codec) => {
                    negotiator.remove_track(slots.remove(&(*number, *codec)).unwrap());
                }
                Step::Exchange => {
                    let offer = negotiator.offer();
                    let text = answer(rounds.len() + 1, &offer);
                    let answer = negotiator.apply_answer(&text);
                    rounds.push(Round { offer, answer, slots: slots.clone() });
                }
            }
        }
        rounds
    }
}
