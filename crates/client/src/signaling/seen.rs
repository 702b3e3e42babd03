//! What the server said, kept for whoever wants to look at it.

use std::collections::VecDeque;

use serde_json::Value;

use super::Close;

/// Offers and notifications kept; of more the oldest go.
const MAX_OFFERS: usize = 64;
const MAX_NOTIFICATIONS: usize = 1024;

/// The server's side of the conversation.
#[derive(Clone, Debug, Default)]
pub struct SignalingSeen {
    /// `connection_id` of the offer (2015: `clientId`).
    pub connection_id: Option<String>,
    /// The `offer` message.
    pub offer: Option<Value>,
    /// SDP of the offer and of all re-offers, the latest last.
    pub offers: VecDeque<String>,
    /// SDP of the answers to them.
    pub answers: VecDeque<String>,
    /// `notify` messages, the latest last.
    pub notifications: VecDeque<Value>,
    /// `push` messages, the latest last.
    pub pushes: VecDeque<Value>,
    /// `ping` messages answered.
    pub pings: u64,
    /// How the WebSocket was closed, once it is.
    pub close: Option<Close>,
}

impl SignalingSeen {
    /// The notifications of one event type.
    pub fn notified<'s>(&'s self, event_type: &'s str) -> impl Iterator<Item = &'s Value> {
        self.notifications.iter().filter(move |notify| notify["event_type"] == event_type)
    }

    pub(crate) fn add_offer(&mut self, offer: String, answer: String) {
        push(&mut self.offers, offer, MAX_OFFERS);
        push(&mut self.answers, answer, MAX_OFFERS);
    }

    pub(crate) fn add_notification(&mut self, notification: Value) {
        push(&mut self.notifications, notification, MAX_NOTIFICATIONS);
    }

    pub(crate) fn add_push(&mut self, message: Value) {
        push(&mut self.pushes, message, MAX_NOTIFICATIONS);
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T, max: usize) {
    if queue.len() == max {
        queue.pop_front();
    }
    queue.push_back(item);
}
