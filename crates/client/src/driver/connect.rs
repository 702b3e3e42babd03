//! From a configuration to a peer and an open signaling socket.

use std::io;
use std::sync::Arc;

use tsubame_dtls::Identity;
use tsubame_rtp::Codec;

use super::clock::wall_clock;
use crate::config::{ClientConfig, Generation, Role};
use crate::error::ClientError;
use crate::peer::{PeerConfig, VideoSettings};
use crate::signaling::{self, Incoming, ServerMessage, SignalingSocket};
use crate::whip;

/// Redirects that are followed.
const MAX_REDIRECTS: usize = 3;

/// The configuration can be had at all.
pub(crate) fn check(config: &ClientConfig) -> Result<(), ClientError> {
    if config.generation == Generation::Sora2015 && config.role == Role::SendRecv {
        return Err(ClientError::RoleNotInGeneration);
    }
    if whip::is_endpoint(&config.signaling_url) && config.role == Role::SendRecv {
        return Err(ClientError::RoleNotInWhip);
    }
    if config.bind.is_unspecified() {
        // A candidate has to be an address that the server can send to.
        return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
    }
    match config.video {
        Some(codec @ (Codec::Opus | Codec::H265)) if config.role.sends() => {
            Err(ClientError::CannotPublish(codec))
        }
        _ => Ok(()),
    }
}

/// What a peer of this configuration is made with.
pub(crate) fn peer_config(config: &ClientConfig) -> Result<PeerConfig, ClientError> {
    let identity = match &config.identity {
        Some(identity) => Arc::clone(identity),
        None => {
            let made = Identity::generate_ecdsa();
            Arc::new(made.map_err(|error| ClientError::Identity(error.to_string()))?)
        }
    };
    let sends = config.role.sends();
    let mut peer = PeerConfig::new(identity, wall_clock());
    peer.setup = config.setup;
    peer.srtp_profiles.clone_from(&config.srtp_profiles);
    peer.audio = sends && config.audio;
    peer.video = config.video.filter(|_| sends).map(|codec| VideoSettings {
        codec,
        bitrate: config.video_bitrate,
        frame_rate: config.frame_rate,
        pacing: config.pacing,
        trace: config.trace.clone(),
        ..VideoSettings::default()
    });
    peer.receive = config.role.receives();
    Ok(peer)
}

/// What its random numbers come from.
pub(crate) fn seed(config: &ClientConfig) -> Result<[u8; 32], ClientError> {
    if let Some(seed) = config.seed {
        return Ok(seed);
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| ClientError::Identity(error.to_string()))?;
    Ok(seed)
}

/// Opens the WebSocket, says `connect`, follows redirects; gives the offer.
pub(crate) async fn connect(
    config: &ClientConfig,
) -> Result<(SignalingSocket, ServerMessage), ClientError> {
    let mut url = config.signaling_url.clone();
    for redirects in 0..=MAX_REDIRECTS {
        let mut socket = SignalingSocket::open(&url, config).await?;
        socket.send(&signaling::connect(config, redirects > 0)).await?;
        loop {
            let text = match socket.receive().await {
                Incoming::Text(text) => text,
                Incoming::Close(close) => return Err(ClientError::Refused(close)),
            };
            match ServerMessage::parse(&text) {
                Some(offer @ ServerMessage::Offer { .. }) => return Ok((socket, offer)),
                Some(ServerMessage::Redirect { location }) => {
                    socket.close().await;
                    url = location;
                    break;
                }
                Some(ServerMessage::Ping { stats }) => socket.send(&signaling::pong(stats)).await?,
                Some(ServerMessage::ReOffer { .. }) | None => {
                    return Err(ClientError::UnexpectedMessage(text.chars().take(200).collect()));
                }
                Some(_) => {}
            }
        }
    }
    Err(ClientError::TooManyRedirects)
}
