//! The anti-replay window (RFC 6347 §4.1.2.6).

/// Remembers which of the last 256 record sequence numbers of an epoch were accepted.
#[derive(Default)]
pub(crate) struct ReplayWindow {
    /// One more than the highest accepted sequence number; 0 before the first.
    next: u64,
    /// Bit `n` stands for sequence number `next - 1 - n`, the low half first.
    seen: [u128; 2],
}

const HALF: u64 = u128::BITS as u64;
const WIDTH: u64 = 2 * HALF;

impl ReplayWindow {
    /// Whether a record may be new. Asked before decryption; changes nothing.
    pub(crate) fn is_fresh(&self, sequence: u64) -> bool {
        match self.next.checked_sub(sequence) {
            None | Some(0) => true,
            Some(age) => age <= WIDTH && !self.has_seen(age - 1),
        }
    }

    /// Records an authenticated sequence number.
    pub(crate) fn accept(&mut self, sequence: u64) {
        match self.next.checked_sub(sequence) {
            None | Some(0) => {
                self.shift(sequence - self.next + 1);
                self.mark(0);
                self.next = sequence + 1;
            }
            Some(age) if age <= WIDTH => self.mark(age - 1),
            Some(_) => (),
        }
    }

    fn has_seen(&self, bit: u64) -> bool {
        let [low, high] = self.seen;
        let half = if bit < HALF { low } else { high };
        half >> (bit % HALF) & 1 == 1
    }

    fn mark(&mut self, bit: u64) {
        let [low, high] = &mut self.seen;
        let half = if bit < HALF { low } else { high };
        *half |= 1 << (bit % HALF);
    }

    /// Makes room for `count` numbers, at least one.
    fn shift(&mut self, count: u64) {
        let [low, high] = self.seen;
        self.seen = match count {
            1..HALF => [low << count, high << count | low >> (HALF - count)],
            HALF..WIDTH => [0, low << (count - HALF)],
            _ => [0, 0],
        };
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
        assert!(window.is_fresh(1000 - 255));
        assert!(!window.is_fresh(1000 - 256), "too old to tell");
        window.accept(1000 - 255);
        assert!(!window.is_fresh(1000 - 255));
        window.accept(1000 + 255);
        assert!(!window.is_fresh(1000), "still remembered at the far edge");
        window.accept(1000 + 256);
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
    #[test]
    fn every_shift_keeps_what_it_should() {
        for shift in 1..=300 {
            let mut window = ReplayWindow::default();
            for sequence in (0..256).step_by(3) {
                window.accept(sequence);
            }
            window.accept(255 + shift);
            for sequence in 0..=255 + shift {
                let in_window = sequence + 256 > 255 + shift;
                let seen = sequence < 256 && sequence % 3 == 0 || sequence == 255 + shift;
                assert_eq!(
                    window.is_fresh(sequence),
                    in_window && !seen,
                    "{sequence} after {shift}"
                );
            }
        }
    }
}
