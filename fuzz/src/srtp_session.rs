//! A protector and an unprotector with a network between them that loses, doubles, delays and damages, beside a model of RFC
//! 3711: which indices are used, what the receiver takes a sequence number for, what its replay window says.
//!
//! What has to hold: both answer as the model does, packet by packet; no index is ever used twice; what is opened is what was
//! sealed; a damaged packet is refused and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use tsubame_srtp::{Profile, ProtectError, Protector, UnprotectError, Unprotector, WindowSize};

use crate::input::Input;

/// Packets on their way at most.
const HELD: usize = 64;

/// What a window of this size knows (RFC 3711 §3.3.2).
#[derive(Default)]
struct Window {
    seen: BTreeSet<u64>,
}

impl Window {
    fn highest(&self) -> Option<u64> {
        self.seen.last().copied()
    }

    fn is_below(&self, index: u64, size: u64) -> bool {
        self.highest().is_some_and(|highest| index + size <= highest)
    }
}

struct Sealed {
    rtcp: bool,
    ssrc: u32,
    index: u64,
    plain: Vec<u8>,
    bytes: Vec<u8>,
}

struct World {
    protector: Protector,
    unprotector: Unprotector,
    size: u64,
    used: BTreeMap<u32, Window>,
    next_rtcp: u64,
    /// Of RTP and of RTCP.
    taken: [BTreeMap<u32, Window>; 2],
    flying: Vec<Sealed>,
}

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let profile = Profile::ALL[input.index(Profile::ALL.len())];
    let indices = 64 + 64 * input.index(16);
    let window = WindowSize::new(indices).expect("64 to 1,024");
    let (key, salt) = (vec![9; profile.key_len()], vec![8; profile.salt_len()]);
    let new = "right lengths";
    let mut world = World {
        protector: Protector::with_window(profile, &key, &salt, window).expect(new),
        unprotector: Unprotector::with_window(profile, &key, &salt, window).expect(new),
        size: indices as u64,
        used: BTreeMap::new(),
        next_rtcp: 0,
        taken: [BTreeMap::new(), BTreeMap::new()],
        flying: Vec::new(),
    };
    while let Some(operation) = input.operation() {
        match operation % 8 {
            0..=2 => world.seal(&mut input),
            3 => world.seal_rtcp(&mut input),
            4 | 5 => world.open(&mut input),
            6 => world.damage(&mut input),
            _ => world.noise(input.short()),
        }
    }
}

impl World {
    fn seal(&mut self, input: &mut Input<'_>) {
        let [which, step, shape] = input.array();
        let ssrc = 0x1000 + u32::from(which % 4);
        let step = match which >> 6 {
            // In order, around the highest, far away.
            0 => 1,
            1 => i64::from(step as i8),
            2 => i64::from(step as i8) * 300,
            _ => i64::from(step) * 0x1_0000 / 8,
        };
        let highest = self.used.get(&ssrc).and_then(Window::highest);
        let index = highest.map_or(i64::from(input.u16()), |highest| highest as i64 + step);
        let index = index.max(0) as u64;
        let header = header(ssrc, index as u16, shape);
        let payload = input.short();
        let mut bytes = vec![0; header.len() + payload.len() + 16];
        let sealed = self.protector.protect_rtp_into(index, &header, payload, &mut bytes);

        let used = self.used.entry(ssrc).or_default();
        let expected = if used.is_below(index, self.size) {
            let highest = used.highest().unwrap_or_default();
            Err(ProtectError::IndexTooOld { ssrc, index, highest })
        } else if used.seen.insert(index) {
            Ok(header.len() + payload.len() + self.protector.profile().rtp_overhead())
        } else {
            Err(ProtectError::IndexReused { ssrc, index })
        };
        assert_eq!(sealed, expected);
        if let Ok(len) = sealed {
            bytes.truncate(len);
            assert_eq!(bytes[..header.len()], header, "a header that was altered");
            self.send(Sealed { rtcp: false, ssrc, index, plain: [&header, payload].concat(), bytes });
        }
    }

    fn seal_rtcp(&mut self, input: &mut Input<'_>) {
        let ssrc = 0x1000 + u32::from(input.u8() % 4);
        let mut plain = vec![0x81, 201, 0, 0];
        plain.extend(ssrc.to_be_bytes());
        plain.extend(input.short());
        let mut bytes = vec![0; plain.len() + 20];
        let len = self.protector.protect_rtcp_into(&plain, &mut bytes).expect("room and an index");
        assert_eq!(len, plain.len() + self.protector.profile().rtcp_overhead());
        bytes.truncate(len);
        let index = self.next_rtcp;
        self.next_rtcp += 1;
        self.send(Sealed { rtcp: true, ssrc, index, plain, bytes });
    }

    fn send(&mut self, sealed: Sealed) {
        if self.flying.len() == HELD {
            self.flying.remove(0);
        }
        self.flying.push(sealed);
    }

    /// One of the packets on their way arrives, for the first time or again.
    fn open(&mut self, input: &mut Input<'_>) {
        let [which, again] = input.array();
        let count = self.flying.len().max(1);
        let Some(sealed) = self.flying.get(usize::from(which) % count) else { return };
        let mut bytes = sealed.bytes.clone();
        let (ssrc, index) = (sealed.ssrc, sealed.index);
        let taken = &mut self.taken[usize::from(sealed.rtcp)];
        let window = taken.get(&ssrc);
        let highest = window.and_then(Window::highest);
        let guess =
            if sealed.rtcp { Some(index) } else { nearest(highest, index as u16) };
        let seen = |index| window.is_some_and(|window| window.seen.contains(&index));
        let below = |index| window.is_some_and(|window| window.is_below(index, self.size));
        let expected = match guess {
            None => Err(UnprotectError::TooOld),
            Some(guess) if below(guess) => Err(UnprotectError::TooOld),
            Some(guess) if seen(guess) => Err(UnprotectError::Replayed),
            Some(guess) if guess != index => Err(UnprotectError::Unauthentic),
            Some(guess) => Ok(guess),
        };
        let opened = if sealed.rtcp {
            self.unprotector.unprotect_rtcp(&mut bytes).map(|len| (len, index))
        } else {
            self.unprotector.unprotect_rtp(&mut bytes).map(|opened| (opened.len, opened.index))
        };
        assert_eq!(opened.map(|(_, index)| index), expected);
        if let Ok((len, _)) = opened {
            assert_eq!(bytes[..len], sealed.plain, "opened, but to something else");
            taken.entry(ssrc).or_default().seen.insert(index);
        }
        if again % 2 == 0 {
            self.flying.remove(usize::from(which) % count);
        }
        self.check();
    }

    /// One of the packets on their way, with some bits turned or cut short.
    fn damage(&mut self, input: &mut Input<'_>) {
        let [which, how] = input.array();
        let at = usize::from(input.u16());
        let count = self.flying.len().max(1);
        let Some(sealed) = self.flying.get(usize::from(which) % count) else { return };
        let mut bytes = sealed.bytes.clone();
        if how == 0 {
            bytes.truncate(at % bytes.len());
        } else {
            let at = at % bytes.len();
            bytes[at] ^= how;
        }
        let rtcp = sealed.rtcp;
        self.refuse(&mut bytes, rtcp);
    }

    fn noise(&mut self, bytes: &[u8]) {
        self.refuse(&mut bytes.to_vec(), false);
        self.refuse(&mut bytes.to_vec(), true);
    }

    fn refuse(&mut self, bytes: &mut [u8], rtcp: bool) {
        let refused = if rtcp {
            self.unprotector.unprotect_rtcp(bytes).is_err()
        } else {
            self.unprotector.unprotect_rtp(bytes).is_err()
        };
        // A tag of 32 bits can be guessed, the others cannot.
        assert!(refused || !rtcp && self.unprotector.profile().rtp_overhead() == 4);
        self.check();
    }

    fn check(&self) {
        let counts = (self.taken[0].len(), self.taken[1].len());
        assert_eq!(self.unprotector.ssrcs(), counts, "an SSRC that nobody authenticated");
    }
}

/// The index that ends in `sequence_number` and is nearest to the highest, the higher one of two; roll-over counter 0 for the
/// first packet; `None` below zero (RFC 3711 appendix A, in other words).
fn nearest(highest: Option<u64>, sequence_number: u16) -> Option<u64> {
    let Some(highest) = highest else { return Some(sequence_number.into()) };
    let roc = (highest >> 16) as i64;
    let index = |roc: i64| roc * 0x1_0000 + i64::from(sequence_number);
    let distance = |roc: i64| (index(roc) - highest as i64).abs();
    let best = [roc + 1, roc, roc - 1].into_iter().min_by_key(|roc| distance(*roc))?;
    // A tie belongs to the present roll-over counter.
    let best = if distance(roc) == distance(best) { roc } else { best };
    u64::try_from(index(best)).ok()
}

/// A header with CSRCs and an extension, as `shape` wants it.
fn header(ssrc: u32, sequence_number: u16, shape: u8) -> Vec<u8> {
    let (csrcs, extension) = (shape & 0x0f, shape & 0x10);
    let mut header = vec![0x80 | extension | csrcs, 0x60 | shape & 0x80];
    header.extend(sequence_number.to_be_bytes());
    header.extend([0, 1, 2, 3]);
    header.extend(ssrc.to_be_bytes());
    header.extend([0xcc; 4].repeat(usize::from(csrcs)));
    if extension != 0 {
        let words = shape >> 5 & 3;
        header.extend([0xbe, 0xde, 0, words]);
        header.extend([0; 4].repeat(usize::from(words)));
    }
    header
}
