//! The anti-replay window (RFC 6347 §4.1.2.6).

/// Remembers which of the last 128 record sequence numbers of an epoch were accepted.
#[derive(Default)]
pub(crate) struct ReplayWindow {
    /// One more than the highest accepted sequence number; 0 before the first.
    next: u64,
    /// Bit `n` stands for sequence number `next - 1 - n`.
    seen: u128,
}

const WIDTH: u64 = u128::BITS as u64;

impl ReplayWindow {
    /// Whether a record may be new. Asked before decryption; changes nothing.
    pub(crate) fn is_fresh(&self, sequence: u64) -> bool {
        match self.next.checked_sub(sequence) {
            None | Some(0) => true,
            Some(age) => age <= WIDTH && self.seen >> (age - 1) & 1 == 0,
        }
    }

    /// Records an authenticated sequence number.
    pub(crate) fn accept(&mut self, sequence: u64) {
        match self.next.checked_sub(sequence) {
            None | Some(0) => {
                let shift = sequence - self.next + 1;
                self.seen = if shift >= WIDTH { 0 } else { self.seen << shift };
                self.seen |= 1;
                self.next = sequence + 1;
            }
            Some(age) if age <= WIDTH => self.seen |= 1 << (age - 1),
            Some(_) => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_accepted_once() {
        let mut window = ReplayWindow::default();
        for sequence in [0, 1, 5, 3, 2, 4, 200, 199, 100, 73, 500] {
            assert!(window.is_fresh(sequence), "{sequence}");
            window.accept(sequence);
            assert!(!window.is_fresh(sequence), "{sequence}");
        }
    }

    #[test]
    fn both_edges_of_the_window() {
        let mut window = ReplayWindow::default();
        window.accept(1000);
        assert!(window.is_fresh(1000 - 127));
        assert!(!window.is_fresh(1000 - 128), "too old to tell");
        window.accept(1000 - 127);
        assert!(!window.is_fresh(1000 - 127));
        window.accept(1000 + 127);
        assert!(!window.is_fresh(1000), "still remembered at the far edge");
        window.accept(1000 + 128);
        assert!(!window.is_fresh(1000), "fell out");
        window.accept(10_000);
        assert!(window.is_fresh(10_000 - 1));
    }

    #[test]
    fn asking_and_largest_numbers_do_no_harm() {
        let mut window = ReplayWindow::default();
        assert!(window.is_fresh((1 << 48) - 1));
        assert!(window.is_fresh(0));
        window.accept((1 << 48) - 1);
        assert!(!window.is_fresh((1 << 48) - 1));
        assert!(!window.is_fresh(0));
    }
}
