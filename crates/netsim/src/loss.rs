//! Loss that comes in bursts (Gilbert 1960, Elliott 1963).

use crate::random::Draws;

/// A link that is good or bad, and loses packets at a rate of its own in each state.
///
/// The state may change before each packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GilbertElliott {
    /// Probability, before each packet, that a good link turns bad.
    pub good_to_bad: f64,
    /// Probability, before each packet, that a bad link turns good.
    pub bad_to_good: f64,
    /// Probability that a packet is lost while the link is good.
    pub loss_good: f64,
    /// Probability that a packet is lost while the link is bad.
    pub loss_bad: f64,
}

impl GilbertElliott {
    /// Loses `loss` (0 to 1) of all packets, in bursts of `burst` packets on average (1 and up):
    /// nothing while good, everything while bad.
    pub fn bursts(loss: f64, burst: f64) -> Self {
        assert!((0.0..1.0).contains(&loss), "loss {loss} is not in 0..1");
        assert!(burst >= 1.0, "bursts of {burst} packets");
        let bad_to_good = 1.0 / burst;
        // In equilibrium as many packets see it turn bad as see it turn good.
        let good_to_bad = bad_to_good * loss / (1.0 - loss);
        assert!(good_to_bad <= 1.0, "a loss of {loss} needs bursts longer than {burst}");
        Self { good_to_bad, bad_to_good, loss_good: 0.0, loss_bad: 1.0 }
    }

    pub(crate) fn probabilities(&self) -> [f64; 4] {
        [self.good_to_bad, self.bad_to_good, self.loss_good, self.loss_bad]
    }
}

/// Which of the two states a link is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BurstState {
    bad: bool,
}

impl BurstState {
    /// Moves on by one packet; says whether that packet is lost.
    pub(crate) fn loses(&mut self, model: &GilbertElliott, draws: &Draws) -> bool {
        let change = if self.bad { model.bad_to_good } else { model.good_to_bad };
        self.bad ^= draws.burst_state.happens(change);
        let loss = if self.bad { model.loss_bad } else { model.loss_good };
        draws.burst_loss.happens(loss)
    }
}
