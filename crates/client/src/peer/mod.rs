//! The WebRTC peer without sockets and clocks: ICE (controlling), DTLS, SRTP, offers and answers, media
//! out and statistics in.
//!
//! *Drain rule*: after any `handle_*`, call `poll_transmit`, `poll_event` until `None`, then ask
//! `poll_timeout`.

mod answer;
mod core;
mod error;
mod extensions;
mod feedback;
mod offer;
#[cfg(test)]
pub(crate) mod testing;
mod transport;

use std::sync::Arc;

use tsubame_dtls::{Identity, SrtpProfile};
use tsubame_rtp::{Codec, NtpTime};
use tsubame_stun::ice::ControllingConfig;

pub(crate) use self::extensions::ExtensionIds;
use crate::media::{Pacing, Trace};

pub use self::answer::NegotiationError;
pub use self::core::Peer;
pub use self::error::PeerError;

/// Which side of DTLS to take where the offer leaves it open (RFC 5763 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// The DTLS client: what browsers answer.
    Active,
    /// The DTLS server.
    Passive,
}

/// Video to publish.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoSettings {
    /// Not H.265, nor audio: those are not published.
    pub codec: Codec,
    /// In bit/s, without headers.
    pub bitrate: u32,
    /// Frames per second, 1 to 120.
    pub frame_rate: u32,
    /// Width in the headers of VP8 keyframes, in pixels.
    pub width: u16,
    /// Height in the headers of VP8 keyframes, in pixels.
    pub height: u16,
    /// How the packets of a frame leave.
    pub pacing: Pacing,
    /// Frames in place of those that bit rate and frame rate make.
    pub trace: Option<Arc<Trace>>,
}

impl Default for VideoSettings {
    fn default() -> Self {
        Self {
            codec: Codec::Vp8,
            bitrate: 500_000,
            frame_rate: 30,
            width: 640,
            height: 360,
            pacing: Pacing::Frame,
            trace: None,
        }
    }
}

/// What a [`Peer`] is made with.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// The certificate; many peers can share one.
    pub identity: Arc<Identity>,
    /// The side of DTLS where the offer leaves it open.
    pub setup: Setup,
    /// In the order of preference.
    pub srtp_profiles: Vec<SrtpProfile>,
    /// Timers of ICE.
    pub ice: ControllingConfig,
    /// Publish Opus.
    pub audio: bool,
    /// Publish video.
    pub video: Option<VideoSettings>,
    /// Answer that what the server sends is wanted.
    pub receive: bool,
    /// The codecs that are accepted for watching.
    pub codecs: Vec<Codec>,
    /// Wall-clock time at the `now` of [`Peer::new`].
    pub ntp: NtpTime,
    /// Decrypt one in so many media packets (by chance), once a track's keyframe is there; of the others only the
    /// header is read. For load tests, in which the receivers must be cheaper than the server. 0 and 1: all.
    pub verify_every: u32,
}

impl PeerConfig {
    /// A peer that watches everything and publishes nothing.
    pub fn new(identity: Arc<Identity>, ntp: NtpTime) -> Self {
        Self {
            identity,
            setup: Setup::Active,
            srtp_profiles: SrtpProfile::ALL.to_vec(),
            ice: ControllingConfig::default(),
            audio: false,
            video: None,
            receive: true,
            codecs: Codec::ALL.to_vec(),
            ntp,
            verify_every: 1,
        }
    }
}

/// What happened to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerEvent {
    /// ICE has chosen a path, for the first time or a new one.
    PathSelected {
        /// This side's address.
        local: std::net::SocketAddr,
        /// The server's.
        remote: std::net::SocketAddr,
    },
    /// DTLS is done and its certificate was the announced one: media may flow.
    Connected(tsubame_srtp::Profile),
    /// The server closed DTLS.
    Closed,
    /// The peer is dead.
    Failed(PeerError),
}
