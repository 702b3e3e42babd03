//! The media sections of one client, and what each is for at the moment.

use tsubame_rtp::{Codec, MediaKind};
use tsubame_sdp::Bandwidth;

use super::table::CodecParameters;
use crate::id::ConnectionId;

/// Names the place of one track in a client's offers. Never given out twice, even when the section behind it is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    pub(super) index: usize,
    pub(super) generation: u32,
}

/// Somebody else's track, as this client is to receive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteTrack {
    /// Who publishes it: the stream id of its `msid`.
    pub(crate) publisher: ConnectionId,
    /// What it is encoded with.
    pub(crate) codec: Codec,
    /// The SSRC under which it goes to this client.
    pub(crate) ssrc: u32,
    /// The SSRC of its retransmissions, video only.
    pub(crate) rtx_ssrc: Option<u32>,
}

/// One media section.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) mid: String,
    /// What it is offered with. A section that is not in use keeps its last codec, since one without formats cannot be written.
    pub(super) codec: Codec,
    pub(super) parameters: CodecParameters,
    pub(super) bandwidth: Vec<Bandwidth>,
    pub(super) usage: Usage,
    /// The client answered with port 0.
    pub(super) refused: bool,
    /// Counts its tracks.
    pub(super) generation: u32,
}

/// What a section is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// The client sends in it.
    Own,
    /// It carries somebody else's track. `offered`: the client may know about it.
    Track { track: RemoteTrack, offered: bool },
    /// Its track left, and the client has not confirmed that it knows.
    Leaving,
    /// Nothing, until a track takes it.
    Free,
    /// Nothing, for ever: it only carries the BUNDLE group of a client that wants no audio.
    Reserved,
}

impl Line {
    pub(super) fn new(mid: String, codec: Codec, usage: Usage) -> Self {
        Self {
            mid,
            codec,
            parameters: CodecParameters::default(),
            bandwidth: Vec::new(),
            usage,
            refused: false,
            generation: 0,
        }
    }

    /// Makes a refused section usable again: under a new mid, as if it were a new one (RFC 8829 §5.2.2).
    pub(super) fn recycle(&mut self, next_mid: &mut u32) {
        self.mid = new_mid(next_mid);
        self.refused = false;
    }

    pub(super) fn kind(&self) -> MediaKind {
        self.codec.kind()
    }

    pub(super) fn is_free_for(&self, kind: MediaKind) -> bool {
        self.usage == Usage::Free && self.kind() == kind
    }
}

/// A mid that this session has not used.
pub(super) fn new_mid(next: &mut u32) -> String {
    let mid = *next;
    *next += 1;
    mid.to_string()
}
