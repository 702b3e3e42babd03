//! What the members of a channel are told about each other, before a dialect writes it.

use serde_json::Value;
use tsubame_sfu::{ConnectionId, MediaKind, Role};

/// Who a member is, for the others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Profile {
    pub(crate) connection_id: ConnectionId,
    pub(crate) client_id: String,
    pub(crate) bundle_id: String,
    pub(crate) role: Role,
    pub(crate) audio: bool,
    pub(crate) video: bool,
    /// The client's `signaling_notify_metadata`.
    pub(crate) notify_metadata: Option<Value>,
}

/// A channel's members by role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sendrecv: usize,
    pub(crate) sendonly: usize,
    pub(crate) recvonly: usize,
}

impl Counts {
    pub(crate) fn connections(self) -> usize {
        self.sendrecv + self.sendonly + self.recvonly
    }

    /// How many are of `role`.
    pub(crate) fn of(&mut self, role: Role) -> &mut usize {
        match role {
            Role::SendRecv => &mut self.sendrecv,
            Role::SendOnly => &mut self.sendonly,
            Role::RecvOnly => &mut self.recvonly,
        }
    }
}

/// One notification.
#[derive(Clone, Debug)]
pub(crate) struct Notice<'a> {
    pub(crate) event_type: &'static str,
    /// RFC 3339, UTC, microseconds.
    pub(crate) timestamp: String,
    pub(crate) session_id: &'a str,
    pub(crate) subject: Subject<'a>,
}

/// What it is about.
#[derive(Clone, Debug)]
pub(crate) enum Subject<'a> {
    /// A connection came, lives, or went.
    Connection {
        profile: &'a Profile,
        /// Whole minutes since it came.
        minutes: u64,
        counts: Counts,
        /// Only to the newcomer: those who were there already.
        others: Option<Vec<&'a Profile>>,
    },
    /// A track that the client itself refused.
    Track { publisher: ConnectionId, kind: MediaKind },
}

pub(crate) const CREATED: &str = "connection.created";
pub(crate) const UPDATED: &str = "connection.updated";
pub(crate) const DESTROYED: &str = "connection.destroyed";
pub(crate) const TRACK_REFUSED: &str = "track.refused";
