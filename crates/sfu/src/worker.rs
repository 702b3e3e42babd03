//! The thread that drives a shard: it waits, reads the clock and the sockets, and runs to completion.

mod bell;
mod budget;
mod busy;
mod feedback;
mod network;
mod pace;

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use tokio::sync::mpsc;
use tsubame_stun::ice::Path;
use tsubame_udp::{Lanes, ReceiveBatch, Socket};

use crate::handle::Command;
use crate::metrics::Published;
use crate::shard::Shard;
pub(crate) use bell::Bell;
use budget::Budget;
use busy::BusyMeter;
use feedback::Feedback;
use network::Network;

/// Datagrams read, or runs sent, per system call. More than 64 gain nothing (`cargo bench --bench udp`).
const BATCH: usize = 64;
/// Eight destinations of eight packets: what is encrypted into it and copied out of it by the kernel stays in the processor's caches beside the
/// keys. Four times as much cost 4 % more per packet (docs/performance.md).
const SEND_ARENA: usize = 8 * 8 * 1_216;
/// Batches read from one socket before timers and commands get their turn.
const BATCHES_PER_TURN: usize = 8;
/// The same for a socket for feedback: media goes first, and what is left is read in the next turn.
const FEEDBACK_BATCHES_PER_TURN: usize = 2;
/// Commands taken per turn, so that a crowd that joins does not hold up media: an offer or an answer takes a tenth of a millisecond.
const COMMANDS_PER_TURN: Budget = Budget { most: 32, time: Duration::from_millis(1) };

/// How often the kernel is asked how many datagrams it dropped: each time is a system call.
const OVERFLOWS_INTERVAL: Duration = Duration::from_secs(1);

const WAKE: Token = Token(usize::MAX);

pub(crate) struct Worker {
    shard: Shard,
    poll: Poll,
    waker: Arc<Waker>,
    commands: mpsc::UnboundedReceiver<Command>,
    bell: Arc<Bell>,
    /// Of all shards.
    bells: Vec<Arc<Bell>>,
    /// Something waits for room on the way to another shard.
    undelivered: bool,
    network: Network,
    feedback: Feedback,
    received: ReceiveBatch,
    /// Sockets that may have more to read, by their place in `network`.
    readable: Vec<bool>,
    published: Arc<Published>,
}

impl Worker {
    pub(crate) fn new(
        shard: Shard,
        lanes: Vec<Lanes>,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> io::Result<Self> {
        let (sockets, feedback): (Vec<_>, Vec<_>) =
            lanes.into_iter().map(|Lanes { main, feedback }| (main, feedback)).unzip();
        let mut feedback = Feedback::new(feedback.into_iter().flatten());
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        for (index, socket) in sockets.iter().enumerate() {
            poll.registry().register(
                &mut SourceFd(&socket.as_raw_fd()),
                Token(index),
                Interest::READABLE,
            )?;
        }
        feedback.watch(now(), poll.registry());
        let readable = vec![true; sockets.len()];
        let bell = Arc::new(Bell::new(Arc::clone(&waker)));
        Ok(Self {
            shard,
            poll,
            waker,
            commands,
            bell,
            bells: Vec::new(),
            undelivered: false,
            network: Network::new(sockets, BATCH, SEND_ARENA, now()),
            feedback,
            published: Arc::new(Published::new()),
            received: ReceiveBatch::new(BATCH),
            readable,
        })
    }

    pub(crate) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Where the shard's metrics can be read.
    pub(crate) fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published)
    }

    /// For the other shards.
    pub(crate) fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }

    /// How to wake each of the shards.
    pub(crate) fn set_bells(&mut self, bells: Vec<Arc<Bell>>) {
        self.bells = bells;
    }

    /// Runs until a shutdown was asked for and is done.
    pub(crate) fn run(&mut self) {
        let mut events = Events::with_capacity(64);
        let mut settled = now();
        let mut meter = BusyMeter::new(settled);
        let mut overflows_due = settled;
        loop {
            let mut patience = self.patience(settled);
            if patience != Some(Duration::ZERO) {
                self.bell.lie_down();
                if self.shard.has_messages() {
                    patience = Some(Duration::ZERO);
                }
            }
            let waited_for = self.poll.poll(&mut events, patience);
            self.bell.get_up();
            if let Err(error) = waited_for
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "waiting failed: the shard stops");
                return;
            }
            for event in &events {
                self.feedback.told(event.token());
                if let Some(readable) = self.readable.get_mut(event.token().0) {
                    *readable |= event.is_readable() || event.is_error();
                }
            }
            let woken = now();
            let waited = woken.saturating_duration_since(settled);
            self.network.now = woken;
            self.turn(woken);
            self.watch_full_sockets();
            self.feedback.watch(woken, self.poll.registry());
            settled = now();
            let took = settled.saturating_duration_since(woken);
            let metrics = &mut self.network.metrics;
            metrics.turns.record(nanoseconds(took).div_ceil(1_000));
            metrics.busy += nanoseconds(took);
            // A look at the sockets in between is work as well.
            match patience {
                Some(Duration::ZERO) => {
                    metrics.busy += nanoseconds(waited);
                    meter.worked(settled, waited + took);
                }
                _ => {
                    metrics.idle += nanoseconds(waited);
                    meter.rested(woken);
                    meter.worked(settled, took);
                }
            }
            self.shard.set_busy(meter.is_over_half());
            if overflows_due <= settled {
                overflows_due = settled + OVERFLOWS_INTERVAL;
                self.count_overflows();
            }
            self.publish();
            if self.shard.is_done() {
                tracing::debug!(metrics = ?self.network.metrics, "shard stopped");
                return;
            }
        }
    }

    /// Wants to be told when a full socket is writable, and only then.
    fn watch_full_sockets(&mut self) {
        for (index, socket, is_full) in self.network.changes() {
            let interest =
                if is_full { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            let fd = socket.as_raw_fd();
            let registry = self.poll.registry();
            if let Err(error) = registry.reregister(&mut SourceFd(&fd), Token(index), interest) {
                // What waits is then sent with what comes next.
                tracing::warn!(%error, "a full socket cannot be watched");
            }
        }
    }

    fn publish(&mut self) {
        let metrics = &mut self.network.metrics;
        metrics.counters = *self.shard.counters();
        metrics.received = *self.received.counters();
        metrics.population = self.shard.population();
        self.published.publish(metrics);
    }

    /// How long to wait: not at all while there is something left to do.
    fn patience(&self, now: Instant) -> Option<Duration> {
        let work_left = self.readable.contains(&true)
            || self.feedback.is_readable()
            || !self.commands.is_empty()
            || self.shard.has_messages();
        if work_left {
            return Some(Duration::ZERO);
        }
        let pace = self.feedback.pace();
        let due = [
            self.shard.poll_prompt_timeout(),
            self.shard.poll_patient_timeout().map(|at| pace.postponed(at)),
            self.network.poll_timeout(),
            pace.next(),
        ];
        let due = due.into_iter().flatten().min().map(|at| at.saturating_duration_since(now));
        if !self.undelivered {
            return due;
        }
        Some(due.unwrap_or(Duration::MAX).min(Duration::from_millis(10)))
    }

    fn turn(&mut self, at: Instant) {
        // As many as could come from a socket of its own: what was handed over is not worse off.
        for _ in 0..BATCH * BATCHES_PER_TURN {
            let Some((from, message)) = self.shard.poll_neighbours() else { break };
            self.contained(|shard| shard.handle_message(at, from, message));
            if self.shard.is_full() {
                self.finish(at);
            }
        }
        for index in 0..self.readable.len() {
            self.read(at, index);
        }
        // Media is on its way before anything is begun that takes long.
        self.finish(at);
        if self.feedback.is_due(at) {
            self.read_feedback(at);
        }
        self.handle_commands(at);
        self.contained(|shard| shard.handle_timeout(at));
        self.finish(at);
        self.undelivered = self.shard.neighbours().retry();
        self.ring_neighbours();
    }

    fn handle_commands(&mut self, at: Instant) {
        if self.commands.is_empty() {
            return;
        }
        COMMANDS_PER_TURN.spend(now, || {
            let Ok(command) = self.commands.try_recv() else { return false };
            self.contained(|shard| shard.handle_command(at, command));
            true
        });
    }

    fn read(&mut self, now: Instant, index: usize) {
        for _ in 0..BATCHES_PER_TURN {
            if !self.readable[index] {
                return;
            }
            let socket = self.network.socket(index);
            let port = socket.local_addr().port();
            let messages = receive(socket, &mut self.received);
            // Fewer than could have been: the socket is empty, and tells when it is not.
            self.readable[index] = messages == self.received.capacity();
            self.hand_in(now, port);
        }
    }

    fn read_feedback(&mut self, now: Instant) {
        let mut datagrams = 0;
        for index in 0..self.feedback.count() {
            for _ in 0..FEEDBACK_BATCHES_PER_TURN {
                let Some(socket) = self.feedback.to_be_read(index) else { break };
                let port = socket.local_addr().port();
                let messages = receive(socket, &mut self.received);
                datagrams += self.received.len();
                let has_more = messages == self.received.capacity();
                self.feedback.was_read(index, has_more);
                self.hand_in(now, port);
                if !has_more {
                    break;
                }
            }
        }
        self.feedback.looked(now, datagrams);
    }

    /// Hands the shard what was received, and has it forwarded.
    fn hand_in(&mut self, now: Instant, port: u16) {
        if self.received.is_empty() {
            return;
        }
        self.network.metrics.receive_batches.record(self.received.len() as u64);
        let shard = &mut self.shard;
        for datagram in self.received.iter_mut() {
            let local = SocketAddr::new(datagram.local, port);
            let path = Path::udp(local, datagram.remote);
            contain(shard, |shard| shard.handle_datagram(now, path, datagram.data));
            if shard.is_full() {
                let network = &mut self.network;
                contain(shard, |shard| shard.finish_turn(now, network));
            }
        }
        self.finish(now);
    }

    /// Asks the kernel how many datagrams it dropped on their way in.
    fn count_overflows(&mut self) {
        // A kernel that cannot tell leaves it at none.
        let overflows = |socket: &Socket| u64::from(socket.receive_overflows().unwrap_or(0));
        self.network.metrics.receive_overflows =
            self.network.sockets().chain(self.feedback.sockets()).map(overflows).sum();
    }

    fn finish(&mut self, now: Instant) {
        // What came for others is theirs to forward meanwhile.
        self.ring_neighbours();
        let network = &mut self.network;
        // What a panic left undone is done in another go. Each one ends a session, so there is an end to it.
        while !contain(&mut self.shard, |shard| shard.finish_turn(now, network)) {}
        self.network.flush();
    }

    fn contained(&mut self, work: impl FnOnce(&mut Shard)) {
        contain(&mut self.shard, work);
    }

    /// Wakes those shards that were told something since the last time, and are asleep.
    fn ring_neighbours(&mut self) {
        for neighbour in self.shard.neighbours().take_unannounced() {
            if let Some(bell) = self.bells.get(neighbour) {
                bell.ring();
            }
        }
    }
}

/// Replaces what `batch` holds by what waits in the socket; how many messages that was.
fn receive(socket: &Socket, batch: &mut ReceiveBatch) -> usize {
    socket.receive(batch).unwrap_or_else(|error| {
        // Nothing a peer does leads here. The socket is tried again when it says that there is something to read.
        let port = socket.local_addr().port();
        tracing::warn!(%error, %port, "receiving failed");
        0
    })
}

/// A panic ends the session whose input caused it; the shard lives. Whether there was none.
pub(crate) fn contain(shard: &mut Shard, work: impl FnOnce(&mut Shard)) -> bool {
    let result = catch_unwind(AssertUnwindSafe(|| work(shard)));
    if result.is_err() {
        match shard.end_current_after_panic() {
            Some(id) => tracing::error!(connection = %id, "a session was ended by a fault of ours"),
            None => tracing::error!("a fault of ours was contained"),
        }
    }
    result.is_ok()
}

#[expect(clippy::disallowed_methods, reason = "the worker is where the core's time comes from")]
fn now() -> Instant {
    Instant::now()
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
