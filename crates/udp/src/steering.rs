//! Two sockets per shard on one port, between which a small program in the kernel sorts what arrives
//! (`SO_ATTACH_REUSEPORT_CBPF`, Linux 4.5): feedback on media here, everything else there.
//!
//! Receivers of media talk back: hundreds of them make thousands of RTCP packets per second, each of
//! which would wake a shard that sleeps, and none of which is in a hurry of less than a few
//! milliseconds. In a socket of their own they can wait for each other without holding up media.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use crate::reuseport::bind_shards;
use crate::socket::{BindOptions, Socket};
use crate::sys;

/// The sockets of one shard on one port.
#[derive(Debug)]
pub struct Lanes {
    /// For everything that is sent, and for what is not sorted out.
    pub main: Socket,
    /// What receivers of media say about it: datagrams that by their first two bytes (RFC 5761 §4) are RTCP, but
    /// sender reports (RFC 3550 §6.4.1), whose time of arrival matters. Only to be received from.
    ///
    /// It is no promise: in either socket there may be anything. `None` where the kernel cannot sort.
    pub feedback: Option<Socket>,
}

/// As [`bind_shards`], with the socket for feedback beside each shard's own.
///
/// Each flow (source address and port) reaches one shard, always the same.
///
/// # Errors
/// As [`bind_shards`].
pub fn bind_lanes(
    address: SocketAddr,
    shards: usize,
    options: &BindOptions,
) -> io::Result<Vec<Lanes>> {
    let shards = shards.max(1);
    let mut sockets = bind_shards(address, shards.saturating_mul(2), options)?;
    let mut feedback = sockets.split_off(shards);
    // The program names sockets by the order in which they were bound.
    let is_sorted = match sockets.first() {
        Some(first) => sort(first, shards).is_ok(),
        None => false,
    };
    if !is_sorted {
        // Without the program the kernel would spread clients over all of them.
        feedback.clear();
    }
    let mut feedback = feedback.into_iter();
    Ok(sockets.into_iter().map(|main| Lanes { main, feedback: feedback.next() }).collect())
}

fn sort(first: &Socket, shards: usize) -> io::Result<()> {
    let shards = u32::try_from(shards).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = program(shards, first.local_addr().is_ipv6(), secrets());
    sys::attach_reuseport_filter(first.as_raw_fd(), &program)
}

/// Two numbers that nobody else knows: who does could choose addresses that all lead to one shard.
fn secrets() -> [u32; 2] {
    // The standard library's keys for hash maps come from the system.
    let random = RandomState::new().hash_one(());
    [random as u32, (random >> 32) as u32]
}

/// First byte of RTP and RTCP, and what it is below (RFC 7983 §7).
const RTP: (u32, u32) = (128, 192);
/// Second byte of RTCP that is no sender report (200) nor of the types before it, and what it is below (RFC 5761 §4).
const FEEDBACK: (u32, u32) = (201, 224);

/// The program: the number of the socket that gets a datagram. Offsets count from the UDP payload, or from the IP header where
/// `NETWORK` is added. What is too short to be looked at gets 0.
fn program(shards: u32, v6: bool, secrets: [u32; 2]) -> Vec<libc::sock_filter> {
    /// `SKF_NET_OFF` of linux/filter.h.
    const NETWORK: u32 = -0x10_0000_i32 as u32;
    // The last four bytes of the source address, and the source port behind a header without options.
    let (address, port) =
        if v6 { (NETWORK + 20, NETWORK + 40) } else { (NETWORK + 12, NETWORK + 20) };
    let mut program = vec![
        instruction(LOAD_BYTE, 0),
        jump_if_at_least(RTP.0, 0, 6),
        jump_if_at_least(RTP.1, 5, 0),
        instruction(LOAD_BYTE, 1),
        jump_if_at_least(FEEDBACK.0, 0, 3),
        jump_if_at_least(FEEDBACK.1, 2, 0),
        // Those for feedback come behind all others.
        instruction(SET, shards),
        instruction(JUMP, 1),
        instruction(SET, 0),
        instruction(STORE, 0),
    ];
    if shards > 1 {
        program.extend([
            instruction(LOAD_WORD, address),
            instruction(EXCLUSIVE_OR, secrets[0]),
            instruction(MULTIPLY, 0x9e37_79b1),
            instruction(STORE, 1),
            instruction(LOAD_HALF, port),
            instruction(EXCLUSIVE_OR, secrets[1]),
            instruction(MULTIPLY, 0x85eb_ca6b),
            instruction(LOAD_INDEX, 1),
            instruction(EXCLUSIVE_OR_INDEX, 0),
            instruction(SHIFT_RIGHT, 16),
            instruction(MODULO, shards),
            instruction(LOAD_INDEX, 0),
            instruction(ADD_INDEX, 0),
        ]);
    }
    program.push(instruction(GIVE_BACK, 0));
    program
}

// What the program is made of: into the accumulator from the datagram or as it is, to and from memory, arithmetic with a number or with the index register.
const LOAD_BYTE: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
const LOAD_HALF: u32 = libc::BPF_LD | libc::BPF_H | libc::BPF_ABS;
const LOAD_WORD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const SET: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_IMM;
const STORE: u32 = libc::BPF_ST;
const LOAD_INDEX: u32 = libc::BPF_LDX | libc::BPF_W | libc::BPF_MEM;
const JUMP: u32 = libc::BPF_JMP | libc::BPF_JA;
const JUMP_IF_AT_LEAST: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
const MULTIPLY: u32 = libc::BPF_ALU | libc::BPF_MUL | libc::BPF_K;
const SHIFT_RIGHT: u32 = libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K;
const MODULO: u32 = libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K;
const EXCLUSIVE_OR: u32 = libc::BPF_ALU | libc::BPF_XOR | libc::BPF_K;
const EXCLUSIVE_OR_INDEX: u32 = libc::BPF_ALU | libc::BPF_XOR | libc::BPF_X;
const ADD_INDEX: u32 = libc::BPF_ALU | libc::BPF_ADD | libc::BPF_X;
const GIVE_BACK: u32 = libc::BPF_RET | libc::BPF_A;

fn instruction(code: u32, k: u32) -> libc::sock_filter {
    // Codes are eight bits long.
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

/// Goes on `yes` instructions further where the accumulator is at least `value`, `no` instructions further where not.
fn jump_if_at_least(value: u32, yes: u8, no: u8) -> libc::sock_filter {
    libc::sock_filter { jt: yes, jf: no, ..instruction(JUMP_IF_AT_LEAST, value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A jump beside its target would still be a valid program.
    #[test]
    fn every_jump_leads_to_where_a_socket_is_chosen() {
        for shards in [1, 4] {
            let program = program(shards, false, secrets());
            let to = |from: usize, by: u32| &program[from + 1 + by as usize];
            let (main, chosen) = (&program[8], &program[9]);
            for (at, instruction) in program.iter().enumerate() {
                let (jt, jf) = (u32::from(instruction.jt), u32::from(instruction.jf));
                if u32::from(instruction.code) == JUMP {
                    assert!(std::ptr::eq(to(at, instruction.k), chosen));
                } else if u32::from(instruction.code) & 7 == libc::BPF_JMP {
                    assert!(std::ptr::eq(to(at, jt.max(jf)), main), "instruction {at}");
                    assert_eq!(jt.min(jf), 0);
                }
            }
        }
    }
}
