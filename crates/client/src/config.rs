//! What a client is told before it connects.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio_rustls::rustls;
use tsubame_dtls::{Identity, SrtpProfile};
use tsubame_rtp::Codec;

use crate::media::{Pacing, Trace};
use crate::peer::Setup;

/// What a client does in its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Publishes (2015: `upstream`).
    SendOnly,
    /// Watches (2015: `downstream`).
    RecvOnly,
    /// Both. The 2015 generation has no such role.
    SendRecv,
}

impl Role {
    /// Whether it publishes.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendOnly | Self::SendRecv)
    }

    /// Whether it watches.
    pub fn receives(self) -> bool {
        matches!(self, Self::RecvOnly | Self::SendRecv)
    }
}

/// Which generation of the signaling protocol the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// `channelId`, `accessToken`, upstream and downstream.
    Sora2015,
    /// `channel_id`, `metadata`, sendonly, recvonly and sendrecv.
    Today,
}

/// Everything a [`Client`](crate::Client) is made from.
#[derive(Clone)]
pub struct ClientConfig {
    /// `ws://host:port/signaling`, or `wss://` together with [`tls`](Self::tls). A member of a
    /// [swarm](crate::swarm) may also go to a WHIP (to publish) or WHEP (to watch) endpoint: `http://` or `https://`.
    pub signaling_url: String,
    /// The channel's id.
    pub channel: String,
    /// Publish, watch, or both.
    pub role: Role,
    /// The signaling protocol. Default: today's.
    pub generation: Generation,
    /// Whether audio is published or watched. Default: true.
    pub audio: bool,
    /// The video codec asked for; `None` for no video. H.265 cannot be published. Default: VP8.
    pub video: Option<Codec>,
    /// What the published video takes, in bit/s without headers. Default: 500,000.
    pub video_bitrate: u32,
    /// Published frames per second, 1 to 120. Default: 30.
    pub frame_rate: u32,
    /// How the packets of published frames leave. Default: frame by frame.
    pub pacing: Pacing,
    /// Frames to publish in place of those that bit rate and frame rate make; of the codec asked for.
    /// Default: none.
    pub trace: Option<Arc<Trace>>,
    /// `metadata` of the connect message. Default: none.
    pub metadata: Option<Value>,
    /// Sent as `accessToken` (2015), or as `{"access_token": ...}` in the metadata if there is no other.
    pub access_token: Option<String>,
    /// `client_id` of the connect message (not in 2015).
    pub client_id: Option<String>,
    /// Further members of the connect message. They replace what the client would write itself.
    pub extra: Map<String, Value>,
    /// Which side of DTLS to take where the offer leaves it open. Default: active (the DTLS client).
    pub setup: Setup,
    /// SRTP profiles in the order of preference. Default: all, AES-128-GCM first.
    pub srtp_profiles: Vec<SrtpProfile>,
    /// The address media is sent from; not a wildcard. Default: 127.0.0.1.
    pub bind: IpAddr,
    /// How long connecting may take, from the WebSocket to SRTP keys. Default: 15 s.
    pub timeout: Duration,
    /// The certificate, which many clients can share. Default: a new one.
    pub identity: Option<Arc<Identity>>,
    /// How to do TLS, for `wss://`.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// What the random numbers come from; `None` asks the operating system.
    pub seed: Option<[u8; 32]>,
}

impl ClientConfig {
    /// The defaults for this channel and role.
    pub fn new(signaling_url: &str, channel: &str, role: Role) -> Self {
        Self {
            signaling_url: signaling_url.to_owned(),
            channel: channel.to_owned(),
            role,
            generation: Generation::Today,
            audio: true,
            video: Some(Codec::Vp8),
            video_bitrate: 500_000,
            frame_rate: 30,
            pacing: Pacing::Frame,
            trace: None,
            metadata: None,
            access_token: None,
            client_id: None,
            extra: Map::new(),
            setup: Setup::Active,
            srtp_profiles: SrtpProfile::ALL.to_vec(),
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            timeout: Duration::from_secs(15),
            identity: None,
            tls: None,
            seed: None,
        }
    }
}

impl fmt::Debug for ClientConfig {
    // Tokens and metadata stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("channel", &self.channel)
            .field("role", &self.role)
            .field("generation", &self.generation)
            .field("audio", &self.audio)
            .field("video", &self.video)
            .field("setup", &self.setup)
            .finish_non_exhaustive()
    }
}
