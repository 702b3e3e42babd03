//! The thread that moves the media of its members.
//!
//! It does not wait for their sockets. A socket that somebody waits for makes its *sender* pay: each datagram that the server under test sends on loopback
//! would take a lock and wake a thread before the server could go on. So the thread sleeps by the clock, and looks into all of its sockets every
//! [`TICK`]; when a datagram arrived it learns from the kernel.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tsubame_udp::{BindOptions, ReceiveBatch, SendBatch, Socket};

use super::command::{Answered, Command, Joining, Mailbox, MemberId};
use super::measurement::Measurement;
use super::member::OnThread;
use super::timers::Timers;
use crate::driver::clock::{self, now};
use crate::error::ClientError;

/// From the end of one look into all sockets to the next.
const TICK: Duration = Duration::from_millis(2);
/// Messages taken from a socket at once: a paced frame, or the whole of it.
const RECEIVE_MESSAGES: usize = 16;
const SEND_MESSAGES: usize = 32;
const SEND_ARENA: usize = 64 * 1400;

/// Starts a thread; it ends with the last mailbox.
pub(super) fn spawn(name: &str, options: BindOptions) -> io::Result<Mailbox> {
    let (commands, commands_in) = mpsc::unbounded_channel();
    let thread = MediaThread {
        commands: commands_in,
        options,
        members: BTreeMap::new(),
        next_id: 0,
        timers: Timers::default(),
        received: ReceiveBatch::new(RECEIVE_MESSAGES),
        outgoing: SendBatch::new(SEND_MESSAGES, SEND_ARENA),
        sums: Measurement::default(),
        gone: Measurement::default(),
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(move || thread.run())?;
    Ok(Mailbox::new(commands))
}

struct MediaThread {
    commands: mpsc::UnboundedReceiver<Command>,
    options: BindOptions,
    members: BTreeMap<MemberId, OnThread>,
    next_id: u64,
    timers: Timers,
    received: ReceiveBatch,
    outgoing: SendBatch,
    /// Times and events; what members count themselves is added when somebody asks.
    sums: Measurement,
    /// What members counted that are gone.
    gone: Measurement,
}

impl MediaThread {
    fn run(mut self) {
        let mut next_look = now();
        loop {
            let begun = now();
            if begun >= next_look {
                self.receive();
                next_look = now() + TICK;
            }
            self.handle_timeouts();
            if !self.handle_commands() {
                return;
            }
            let done = now();
            self.sums.busy += done.saturating_duration_since(begun);
            if self.members.is_empty() {
                // Nothing happens before somebody joins.
                let Some(command) = self.commands.blocking_recv() else { return };
                self.handle_command(command);
                continue;
            }
            let due = self.timers.next().map_or(next_look, |due| due.min(next_look));
            sleep(due.saturating_duration_since(done));
        }
    }

    /// Looks into all sockets.
    fn receive(&mut self) {
        let Self { members, received, outgoing, sums, timers, .. } = self;
        let mut dead = Vec::new();
        for (id, member) in members {
            if member.receive(received, clock::both, sums) {
                let now = now();
                // Datagrams are handled as of when they arrived: what is sent now must not be as of then.
                member.peer.handle_timeout(now);
                member.drain(now, outgoing, sums);
                arm(timers, *id, member, now);
                if member.dead {
                    dead.push(*id);
                }
            }
        }
        for id in dead {
            self.remove(id);
        }
    }

    fn handle_timeouts(&mut self) {
        let now = now();
        while let Some((due, id)) = self.timers.pop(now) {
            let Some(member) = self.members.get_mut(&id) else { continue };
            if member.armed != Some(due) {
                continue;
            }
            member.armed = None;
            if member.peer.poll_timeout().is_some_and(|due| due <= now) {
                member.peer.handle_timeout(now);
            }
            self.drain(id, now);
        }
    }

    /// Drains a member and arms its timer; one that died is gone.
    fn drain(&mut self, id: MemberId, now: Instant) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.drain(now, &mut self.outgoing, &mut self.sums);
        if member.dead {
            return self.remove(id);
        }
        arm(&mut self.timers, id, member, now);
    }

    /// `false` when nobody can send any more.
    fn handle_commands(&mut self) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.handle_command(command),
                Err(mpsc::error::TryRecvError::Empty) => return true,
                Err(mpsc::error::TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Join(joining) => self.join(*joining),
            Command::Offer { member, offer, answered } => {
                let result = match self.members.get_mut(&member) {
                    Some(member) => {
                        member.peer.handle_offer(now(), &offer).map_err(ClientError::from)
                    }
                    None => Err(ClientError::Ended),
                };
                // Who asked may have gone.
                let _ = answered.send(result);
                self.drain(member, now());
            }
            Command::Answer { member, answer, taken } => {
                let result = match self.members.get_mut(&member) {
                    Some(member) => {
                        member.peer.handle_answer(now(), &answer).map_err(ClientError::from)
                    }
                    None => Err(ClientError::Ended),
                };
                let _ = taken.send(result);
                self.drain(member, now());
            }
            Command::Leave(id) => self.end(id),
            Command::Measure { flowing_since, measured } => {
                // Who asked may have gone.
                let _ = measured.send(self.measure(flowing_since));
            }
        }
    }

    /// Says goodbye.
    fn end(&mut self, id: MemberId) {
        let now = now();
        if let Some(member) = self.members.get_mut(&id) {
            member.peer.close(now);
            member.dead = true;
        }
        self.drain(id, now);
    }

    fn join(&mut self, joining: Joining) {
        let Joining { mut peer, bind, offer, since, has_left, answered, connected } = joining;
        let now = now();
        let mut start = || -> Result<(Socket, Answered), ClientError> {
            let socket = Socket::bind(bind, &self.options)?;
            let member = MemberId(self.next_id);
            self.next_id += 1;
            let candidate = peer.add_local_candidate(now, socket.local_addr());
            let description = match &offer {
                Some(offer) => peer.handle_offer(now, offer)?,
                None => peer.create_offer(now),
            };
            Ok((socket, Answered { member, description, candidate }))
        };
        match start() {
            Ok((socket, reply)) => {
                let id = reply.member;
                if answered.send(Ok(reply)).is_ok() {
                    self.members
                        .insert(id, OnThread::new(peer, socket, since, has_left, connected));
                    self.drain(id, now);
                }
            }
            Err(error) => drop(answered.send(Err(error))),
        }
    }

    fn remove(&mut self, id: MemberId) {
        let Some(mut member) = self.members.remove(&id) else { return };
        if let Some(time) = member.time_to_first_packet() {
            self.sums.times_to_first_packet.record(time);
        }
        self.sums.ended += u64::from(member.is_missed());
        self.sums.receive_dropped += member.receive_dropped();
        self.gone.add_member(&member.peer.stats(), now());
    }

    fn measure(&mut self, flowing_since: Instant) -> Measurement {
        for member in self.members.values_mut() {
            if let Some(time) = member.time_to_first_packet() {
                self.sums.times_to_first_packet.record(time);
            }
        }
        let mut measured = self.sums.clone();
        measured.add(&self.gone);
        // Tracks of those who left are not watched any more.
        measured.tracks = 0;
        measured.flowing = 0;
        measured.members = self.members.len() as u64;
        for member in self.members.values() {
            measured.add_member(&member.peer.stats(), flowing_since);
            measured.receive_dropped += member.receive_dropped();
        }
        measured.threads = vec![measured.busy];
        self.sums.delays = Default::default();
        self.sums.times_to_connected = Default::default();
        self.sums.times_to_first_packet = Default::default();
        measured
    }
}

fn arm(timers: &mut Timers, id: MemberId, member: &mut OnThread, now: Instant) {
    // A deadline that has passed already, of a stream that sends nothing yet say, must not turn into a busy loop.
    let due = member.peer.poll_timeout().map(|due| due.max(now + Duration::from_micros(50)));
    timers.arm(id, &mut member.armed, due);
}

#[expect(clippy::disallowed_methods, reason = "this thread waits for nothing but the time")]
fn sleep(time: Duration) {
    std::thread::sleep(time);
}
