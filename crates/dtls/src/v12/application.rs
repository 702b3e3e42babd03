//! Application data waiting to leave or to be taken, within limits.

use std::collections::VecDeque;

use crate::connection::{Event, SendError};

/// Datagrams that wait to be sent.
const MAX_OUTGOING: usize = 64;
/// Datagrams that wait to be taken by the embedder.
const MAX_INCOMING: usize = 64;
/// Datagrams that came before the peer's Finished, reordered by the network, and their bytes in all: whoever sends them has
/// agreed on keys, and proved nothing yet.
const MAX_EARLY: usize = 16;
const MAX_EARLY_BYTES: usize = 32 * 1024;

/// Queues of both directions, and events in their order.
#[derive(Default)]
pub(crate) struct Application {
    outgoing: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
    incoming: usize,
    early: Vec<Vec<u8>>,
}

impl Application {
    pub(crate) fn send(&mut self, data: &[u8]) -> Result<(), SendError> {
        if self.outgoing.len() >= MAX_OUTGOING {
            return Err(SendError::Full);
        }
        self.outgoing.push_back(data.to_vec());
        Ok(())
    }

    /// Gives up what waits to be sent and is larger; gives how many that were.
    pub(crate) fn keep_up_to(&mut self, max: usize) -> u64 {
        let before = self.outgoing.len();
        self.outgoing.retain(|data| data.len() <= max);
        (before - self.outgoing.len()) as u64
    }

    pub(crate) fn next_outgoing(&self) -> Option<&[u8]> {
        self.outgoing.front().map(Vec::as_slice)
    }

    pub(crate) fn sent(&mut self) {
        self.outgoing.pop_front();
    }

    /// Takes received data; `false` when its queue is full.
    pub(crate) fn receive(&mut self, data: &[u8]) -> bool {
        let taken = self.incoming < MAX_INCOMING;
        if taken {
            self.incoming += 1;
            self.events.push_back(Event::ApplicationData(data.to_vec()));
        }
        taken
    }

    /// Keeps data of a peer whose Finished is still on its way; `false` when there is too much of it.
    pub(crate) fn receive_early(&mut self, data: &[u8]) -> bool {
        let kept: usize = self.early.iter().map(Vec::len).sum();
        let taken = self.early.len() < MAX_EARLY && kept + data.len() <= MAX_EARLY_BYTES;
        if taken {
            self.early.push(data.to_vec());
        }
        taken
    }

    pub(crate) fn connected(&mut self) {
        self.events.push_back(Event::Connected);
        for data in std::mem::take(&mut self.early) {
            self.receive(&data);
        }
    }

    pub(crate) fn closed_by_peer(&mut self) {
        self.outgoing.clear();
        self.events.push_back(Event::Closed);
    }

    /// Nothing will leave any more; what came may still be taken.
    pub(crate) fn abandon(&mut self) {
        self.outgoing.clear();
        self.early.clear();
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if matches!(event, Event::ApplicationData(_)) {
            self.incoming = self.incoming.saturating_sub(1);
        }
        Some(event)
    }
}
