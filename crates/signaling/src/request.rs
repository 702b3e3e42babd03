//! What clients ask for, whichever generation they speak.

use serde_json::Value;
use tsubame_sfu::{AudioSettings, Role, VideoSettings};

use crate::dialect::Generation;

/// A message of a client.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    /// The first message.
    Connect(Box<Connect>),
    /// The answer to the first offer.
    Answer(String),
    /// The answer to a re-offer.
    ReAnswer(String),
    /// A trickled candidate; empty: there are no more.
    Candidate(String),
    /// Life, and nothing else.
    Pong,
    /// The client goes.
    Disconnect,
}

/// Who wants in, where, and how.
#[derive(Clone, PartialEq)]
pub(crate) struct Connect {
    pub(crate) generation: Generation,
    pub(crate) role: Role,
    pub(crate) channel: String,
    /// The application's name for the client; it may be used more than once.
    pub(crate) client_id: Option<String>,
    pub(crate) bundle_id: Option<String>,
    /// A secret.
    pub(crate) access_token: Option<String>,
    /// Shown to the others of the channel.
    pub(crate) notify_metadata: Option<Value>,
    pub(crate) audio: Option<AudioSettings>,
    pub(crate) video: Option<VideoSettings>,
}

impl std::fmt::Debug for Connect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connect")
            .field("generation", &self.generation)
            .field("role", &self.role)
            .field("channel", &self.channel)
            .field("client_id", &self.client_id)
            .field("bundle_id", &self.bundle_id)
            .field("access_token", &self.access_token.as_ref().map(|_| "(hidden)"))
            .field("audio", &self.audio)
            .field("video", &self.video)
            .finish_non_exhaustive()
    }
}
