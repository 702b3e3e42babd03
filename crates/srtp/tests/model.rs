//! A stream over a bad network, against a model that knows the true index of every packet.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::collections::BTreeSet;

use proptest::prelude::*;
use support::{SSRC, pair, protect};
use tsubame_srtp::{Profile, UnprotectError};

/// The default size.
const WINDOW: u64 = 128;

/// RFC 3711 §3.3 for a receiver that is told where each packet really belongs.
#[derive(Default)]
struct Model {
    seen: BTreeSet<u64>,
}

impl Model {
    fn receive(&mut self, index: u64) -> Result<u64, UnprotectError> {
        let guessed = match self.seen.last() {
            Some(highest) => closest(*highest, index).ok_or(UnprotectError::TooOld)?,
            None => index & 0xffff,
        };
        let highest = self.seen.last().copied().unwrap_or(guessed);
        if guessed + WINDOW <= highest {
            return Err(UnprotectError::TooOld);
        }
        if self.seen.contains(&guessed) {
            return Err(UnprotectError::Replayed);
        }
        if guessed != index {
            return Err(UnprotectError::Unauthentic);
        }
        self.seen.insert(index);
        Ok(index)
    }
}

/// Of the indices that end in the sequence number of `index`, the one closest to `highest`.
fn closest(highest: u64, index: u64) -> Option<u64> {
    let number = (index & 0xffff) as i64;
    let round = (highest >> 16) as i64;
    let candidates = (round - 1..=round + 1).map(|round| (round << 16) | number);
    let closest = candidates.min_by_key(|candidate| candidate.abs_diff(highest as i64)).unwrap();
    u64::try_from(closest).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_receiver_does_what_the_model_does(
        profile in prop::sample::select(Profile::ALL.to_vec()),
        first in prop_oneof![0u64..400, 0x7f00u64..0x8100, 0xff00u64..0x1_0000],
        // How far the sender has gone on, and how late the packet is that arrives.
        steps in proptest::collection::vec(
            (prop_oneof![20 => 0u64..4, 1 => 0u64..0x9000], prop_oneof![9 => 0u64..8, 1 => 0u64..300]),
            1..150,
        ),
    ) {
        let (_, mut unprotector) = pair(profile);
        let mut model = Model::default();
        let mut head = first;
        for (advance, lateness) in steps {
            head += advance;
            let index = head.saturating_sub(lateness).max(first);
            // Exactly half the range away both are as close; appendix A's choice is a unit test.
            if model.seen.last().is_some_and(|highest| highest.abs_diff(index) == 0x8000) {
                continue;
            }
            // A new sender each time: the same packet may be sent again.
            let (mut protector, _) = pair(profile);
            let mut packet = protect(&mut protector, SSRC, index, &index.to_be_bytes());
            let received = unprotector.unprotect_rtp(&mut packet).map(|opened| opened.index);
            prop_assert_eq!(received, model.receive(index));
            if received.is_ok() {
                prop_assert_eq!(&packet[12..20], &index.to_be_bytes());
            }
        }
    }
}
