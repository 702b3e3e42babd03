//! One client's negotiation: its sections, and the offer that waits for its answer.

use std::net::SocketAddr;

use tsubame_dtls::Fingerprint;
use tsubame_rtp::{Codec, MediaKind};
use tsubame_sdp::{Bandwidth, BandwidthKind};
use tsubame_stun::ice::{Candidate, Credentials};

use super::answer::{self, Answer, Established};
use super::lines::{self, Line, RemoteTrack, Slot, Usage};
use super::table::CodecParameters;
use super::{AnswerError, MAX_SECTIONS, offer};
use crate::api::{AudioSettings, Join, Mids, VideoCodec, VideoSettings};

/// The server's side of one client's negotiation. Offers are made from the state at that moment; an answer is held against the offer it
/// answers, whatever has changed since.
pub(crate) struct Negotiator {
    pub(super) transport: offer::Transport,
    pub(super) lines: Vec<Line>,
    session_id: u64,
    session_version: u64,
    next_mid: u32,
    /// The sections as they were last offered, until they are answered.
    outstanding: Option<Vec<Line>>,
    /// What the first answer fixed.
    established: Option<Established>,
}

impl Negotiator {
    /// A negotiation that has offered nothing yet. `candidates`: where the server receives media, the best first. `session_id`
    /// (of the `o=` line) should be random and below 2^63.
    pub(crate) fn new(
        join: &Join,
        credentials: &Credentials,
        fingerprint: Fingerprint,
        candidates: &[SocketAddr],
        session_id: u64,
    ) -> Self {
        let candidates = candidates.iter().zip((0..=u16::MAX).rev());
        let mut negotiator = Self {
            transport: offer::Transport {
                credentials: credentials.clone(),
                fingerprint,
                candidates: candidates
                    .map(|(address, preference)| Candidate::host(*address, preference).to_string())
                    .collect(),
            },
            lines: Vec::new(),
            session_id,
            session_version: 0,
            next_mid: 0,
            outstanding: None,
            established: None,
        };
        match &join.audio {
            Some(audio) if join.role.sends() => negotiator.add_own_audio(audio),
            Some(_) => negotiator.add_line(Codec::Opus, Usage::Free),
            None => negotiator.add_line(Codec::Opus, Usage::Reserved),
        };
        if let Some(video) = join.video.as_ref().filter(|_| join.role.sends()) {
            negotiator.add_own_video(video);
        }
        negotiator
    }

    fn add_own_audio(&mut self, audio: &AudioSettings) -> &mut Line {
        let mut parameters = Vec::new();
        // Opus takes 6 to 510 kbit/s (RFC 7587 §6.1). Without this, senders do not go above their default.
        if let Some(kbps) = audio.bit_rate_kbps.filter(|kbps| (6..=510).contains(kbps)) {
            parameters.push(("maxaveragebitrate".to_owned(), (kbps * 1000).to_string()));
        }
        parameters.extend(audio.opus_parameters.iter().cloned());
        let line = self.add_line(Codec::Opus, Usage::Own);
        line.parameters = CodecParameters { parameters };
        line.bandwidth = bandwidth(audio.bit_rate_kbps);
        line
    }

    fn add_own_video(&mut self, video: &VideoSettings) {
        let codec = match video.codec {
            VideoCodec::Vp8 => Codec::Vp8,
            VideoCodec::Vp9 => Codec::Vp9,
            VideoCodec::H264 => Codec::H264,
            VideoCodec::H265 => Codec::H265,
            VideoCodec::Av1 => Codec::Av1,
        };
        let profile = video.h264_profile_level_id.as_ref().filter(|profile| {
            codec == Codec::H264
                && profile.len() == 6
                && profile.bytes().all(|digit| digit.is_ascii_hexdigit())
        });
        let line = self.add_line(codec, Usage::Own);
        line.parameters.parameters = profile
            .map(|profile| ("profile-level-id".to_owned(), profile.clone()))
            .into_iter()
            .collect();
        line.bandwidth = bandwidth(video.bit_rate_kbps);
    }

    fn add_line(&mut self, codec: Codec, usage: Usage) -> &mut Line {
        self.lines.push(Line::new(lines::new_mid(&mut self.next_mid), codec, usage));
        let last = self.lines.len() - 1;
        &mut self.lines[last]
    }

    /// The mids of the client's own sections.
    pub(crate) fn mids(&self) -> Mids {
        let own = |kind| {
            self.lines
                .iter()
                .find(|line| line.usage == Usage::Own && line.kind() == kind)
                .map(|line| line.mid.clone())
        };
        Mids { audio: own(MediaKind::Audio), video: own(MediaKind::Video) }
    }

    /// Gives a track a section; it is offered with the next offer. `None` when all of `MAX_SECTIONS` are in use: then the client cannot
    /// have the track.
    pub(crate) fn add_track(&mut self, track: RemoteTrack) -> Option<Slot> {
        let kind = track.codec.kind();
        let free = |line: &Line, refused| line.is_free_for(kind) && line.refused == refused;
        let position = |refused| self.lines.iter().position(|line| free(line, refused));
        let index = match position(false).or_else(|| position(true)) {
            Some(index) => index,
            None if self.lines.len() < MAX_SECTIONS => {
                self.add_line(track.codec, Usage::Free);
                self.lines.len() - 1
            }
            None => return None,
        };
        let line = &mut self.lines[index];
        if line.refused {
            line.recycle(&mut self.next_mid);
        }
        line.codec = track.codec;
        line.generation += 1;
        line.usage = Usage::Track { track, offered: false };
        Some(Slot { index, generation: line.generation })
    }

    /// Takes a track out; its section is inactive from the next offer on. A slot that was removed before means nothing.
    pub(crate) fn remove_track(&mut self, slot: Slot) {
        let Some(line) = self.line_of(slot) else { return };
        line.usage = match line.usage {
            // A client that refused the section, or never heard of the track, has nothing to forget.
            Usage::Track { offered: true, .. } if !line.refused => Usage::Leaving,
            _ => Usage::Free,
        };
    }

    fn line_of(&mut self, slot: Slot) -> Option<&mut Line> {
        self.lines.get_mut(slot.index).filter(|line| {
            line.generation == slot.generation && matches!(line.usage, Usage::Track { .. })
        })
    }

    /// The mid of a track's section, constant once the track was offered. Empty for a slot that is not in use.
    pub(crate) fn mid(&self, slot: Slot) -> &str {
        self.lines
            .get(slot.index)
            .filter(|line| line.generation == slot.generation)
            .map_or("", |line| line.mid.as_str())
    }

    /// Whether an offer waits for its answer. While one does, the next must not be made.
    #[cfg(test)]
    pub(crate) fn outstanding(&self) -> bool {
        self.outstanding.is_some()
    }

    /// The next offer: the whole session, one version further.
    pub(crate) fn offer(&mut self) -> String {
        self.session_version += 1;
        for line in &mut self.lines {
            if let Usage::Track { offered, .. } = &mut line.usage {
                *offered = true;
            }
        }
        self.outstanding = Some(self.lines.clone());
        offer::write(self.session_id, self.session_version, &self.transport, &self.lines)
    }

    /// Holds an answer against the outstanding offer. After an error nothing has changed; the client is to blame, and its session
    /// should end.
    pub(crate) fn apply_answer(&mut self, sdp: &str) -> Result<Answer, AnswerError> {
        let offered = self.outstanding.as_deref().ok_or(AnswerError::NotAsked)?;
        let (answer, refused) = answer::check(sdp, offered, self.established.as_ref())?;
        self.established = Some(Established::of(&answer));
        let offered = self.outstanding.take().unwrap_or_default();
        for ((line, offered), refused) in self.lines.iter_mut().zip(offered).zip(refused) {
            if refused && offered.mid == line.mid {
                line.refused = true;
                if let Usage::Track { offered: false, .. } = line.usage {
                    // A track took the section while the client was refusing it empty: it did not refuse the track.
                    line.recycle(&mut self.next_mid);
                }
            }
            // Confirmed: the client was told that the section is inactive, or has refused it.
            if line.usage == Usage::Leaving && (refused || offered.usage == Usage::Leaving) {
                line.usage = Usage::Free;
            }
        }
        Ok(answer)
    }
}

/// Browsers differ in which of the two they honour: `AS` counts kbit/s, `TIAS` bit/s (RFC 3890).
fn bandwidth(kbps: Option<u32>) -> Vec<Bandwidth> {
    let Some(kbps) = kbps else { return Vec::new() };
    vec![
        Bandwidth { kind: BandwidthKind::ApplicationSpecific, value: kbps },
        Bandwidth { kind: BandwidthKind::TransportIndependent, value: kbps.saturating_mul(1000) },
    ]
}
