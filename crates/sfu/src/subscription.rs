//! One client's view of one published track: the numbers it goes out under and what came back about it.

use tsubame_rtp::MediaKind;

use crate::keys::{PeerKey, PublicationKey};
use crate::media::{KeyframeBudget, NackResponder, SequenceMap};
use crate::negotiate::{ExtensionSet, Slot};

/// How far a subscription has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Offered, or about to be.
    Offered,
    /// The client accepted it.
    Accepted,
    /// The client refused it: nothing is forwarded.
    Refused,
}

pub(crate) struct Subscription {
    pub(crate) peer: PeerKey,
    pub(crate) publication: PublicationKey,
    pub(crate) kind: MediaKind,
    pub(crate) slot: Slot,
    /// The section the client accepted it in; empty before that.
    pub(crate) mid: String,
    pub(crate) state: State,
    pub(crate) extensions: ExtensionSet,
    pub(crate) ssrc: u32,
    /// The RTX stream's SSRC, once the client accepted RTX, and its next sequence number.
    pub(crate) rtx_ssrc: Option<u32>,
    pub(crate) rtx_offered: Option<u32>,
    pub(crate) rtx_sequence_number: u64,
    pub(crate) sequence: SequenceMap,
    /// Video starts at a keyframe, and after a change of source does so again.
    pub(crate) awaiting_keyframe: bool,
    pub(crate) retransmissions: NackResponder,
    pub(crate) keyframe_budget: KeyframeBudget,
    /// For sender reports (RFC 3550 §6.4.1): they wrap.
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

impl Subscription {
    pub(crate) fn is_forwarding(&self) -> bool {
        self.state == State::Accepted
    }
}
