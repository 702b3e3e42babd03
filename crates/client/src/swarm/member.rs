//! A member on its thread: its peer, its socket, and who waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;
use tsubame_udp::{ReceiveBatch, SendBatch, Socket};

use super::measurement::{Measurement, first_packet};
use crate::error::ClientError;
use crate::peer::{Peer, PeerEvent};

const MAX_DATAGRAM: usize = 1400;

pub(super) struct OnThread {
    pub(super) peer: Peer,
    pub(super) socket: Socket,
    /// When it began to connect.
    since: Instant,
    connecting: Option<oneshot::Sender<Result<(), ClientError>>>,
    has_first_packet: bool,
    /// The earliest entry it has in the timers.
    pub(super) armed: Option<Instant>,
    pub(super) dead: bool,
    /// Its owner let it go.
    has_left: Arc<AtomicBool>,
    is_connected: bool,
}

impl OnThread {
    pub(super) fn new(
        peer: Peer,
        socket: Socket,
        since: Instant,
        has_left: Arc<AtomicBool>,
        connecting: oneshot::Sender<Result<(), ClientError>>,
    ) -> Self {
        Self {
            peer,
            socket,
            since,
            connecting: Some(connecting),
            has_first_packet: false,
            armed: None,
            dead: false,
            has_left,
            is_connected: false,
        }
    }

    /// It was there, and its owner has it still.
    pub(super) fn is_missed(&self) -> bool {
        self.is_connected && !self.has_left.load(Ordering::Acquire)
    }

    /// Datagrams that the socket had no room for, so far.
    pub(super) fn receive_dropped(&self) -> u64 {
        // A kernel that does not say has nothing that could be counted.
        self.socket.receive_overflows().map_or(0, u64::from)
    }

    /// Takes what waits in the socket; says whether anything did. Each datagram is handled as of the time it arrived, so that how long it then waited
    /// counts for nothing: not in delays, not in feedback.
    pub(super) fn receive(
        &mut self,
        batch: &mut ReceiveBatch,
        clocks: impl Fn() -> (Instant, SystemTime),
        sums: &mut Measurement,
    ) -> bool {
        let local = self.socket.local_addr();
        let mut any = false;
        // A broken socket is as good as an empty one: consent will expire.
        while let Ok(messages @ 1..) = self.socket.receive(batch) {
            any = true;
            let (now, real) = clocks();
            batch.for_each(|datagram| {
                let waited = datagram.arrived.and_then(|arrived| real.duration_since(arrived).ok());
                let then = waited.and_then(|waited| now.checked_sub(waited)).unwrap_or(now);
                self.peer.handle_datagram(then, local, datagram.remote, datagram.data);
                // A peer keeps only some of them.
                for delay in self.peer.take_delays() {
                    sums.delays.record(delay);
                }
            });
            if messages < batch.capacity() {
                break;
            }
        }
        any
    }

    /// The drain rule.
    pub(super) fn drain(&mut self, now: Instant, batch: &mut SendBatch, sums: &mut Measurement) {
        let mut datagram = [0; MAX_DATAGRAM];
        while let Some(transmit) = self.peer.poll_transmit(&mut datagram) {
            let remote = transmit.path.remote;
            if batch.reserve(None, remote, transmit.len).is_none() {
                send(&self.socket, batch, sums);
            }
            if let Some(slot) = batch.reserve(None, remote, transmit.len) {
                slot.copy_from_slice(&datagram[..transmit.len]);
                batch.commit(transmit.len);
            }
        }
        if !batch.is_empty() {
            send(&self.socket, batch, sums);
        }
        while let Some(event) = self.peer.poll_event() {
            match event {
                PeerEvent::Connected(_) => {
                    sums.connected += 1;
                    self.is_connected = true;
                    sums.times_to_connected.record(now.saturating_duration_since(self.since));
                    self.tell(Ok(()));
                }
                PeerEvent::Closed => self.dead = true,
                PeerEvent::Failed(error) => {
                    sums.failed += 1;
                    self.dead = true;
                    self.tell(Err(error.into()));
                }
                PeerEvent::PathSelected { .. } => {}
            }
        }
    }

    /// Once its first packet is there, how long that took.
    pub(super) fn time_to_first_packet(&mut self) -> Option<Duration> {
        if self.has_first_packet {
            return None;
        }
        let first = first_packet(&self.peer.stats())?;
        self.has_first_packet = true;
        Some(first.saturating_duration_since(self.since))
    }

    fn tell(&mut self, result: Result<(), ClientError>) {
        if let Some(connecting) = self.connecting.take() {
            // Who waited may have given up.
            let _ = connecting.send(result);
        }
    }
}

/// What the kernel has no room for, a network could have dropped; but it was not the server.
fn send(socket: &Socket, batch: &mut SendBatch, sums: &mut Measurement) {
    let dropped = socket.send(batch).dropped;
    sums.send_dropped += dropped.would_block + dropped.no_buffers;
}
