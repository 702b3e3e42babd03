//! How much is lost, and how it clusters.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, reason = "tests")]

mod common;

use common::{MS, a, b, network, numbers, start, stream};
use tsubame_netsim::{GilbertElliott, LinkConfig};

const PACKETS: u32 = 20_000;

/// Lengths of the gaps in what arrived.
fn gaps(arrived: &[u32]) -> Vec<u32> {
    let ends = arrived.iter().copied().chain([PACKETS]);
    let mut expected = 0;
    let mut gaps = Vec::new();
    for number in ends {
        if number > expected {
            gaps.push(number - expected);
        }
        expected = number + 1;
    }
    gaps
}

fn lose(config: LinkConfig) -> Vec<u32> {
    let mut network = network(11, start(), config);
    gaps(&numbers(&stream(&mut network, PACKETS, MS, 100)))
}

#[test]
fn no_loss_and_nothing_but_loss() {
    assert_eq!(lose(LinkConfig::default()), []);
    assert_eq!(lose(LinkConfig { loss: 1.0, ..Default::default() }), [PACKETS]);
}

#[test]
fn independent_loss_is_as_much_as_asked() {
    for (loss, range) in [(0.01, 150..250), (0.1, 1850..2150), (0.5, 9700..10_300)] {
        let gaps = lose(LinkConfig { loss, ..Default::default() });
        let lost: u32 = gaps.iter().sum();
        assert!(range.contains(&lost), "{lost} of {PACKETS} at {loss}");
        // Without memory a gap has a mean length of 1 / (1 - loss).
        let mean = f64::from(lost) / gaps.len() as f64;
        assert!((mean * (1.0 - loss) - 1.0).abs() < 0.05, "gaps of {mean} at {loss}");
    }
}

#[test]
fn bursts_are_as_long_and_as_many_as_asked() {
    for (loss, burst) in [(0.02, 4.0), (0.1, 5.0), (0.2, 10.0)] {
        let model = GilbertElliott::bursts(loss, burst);
        let gaps = lose(LinkConfig { burst_loss: Some(model), ..Default::default() });
        let lost: u32 = gaps.iter().sum();
        let rate = f64::from(lost) / f64::from(PACKETS);
        assert!((rate / loss - 1.0).abs() < 0.25, "lost {rate} instead of {loss}");
        let mean = f64::from(lost) / gaps.len() as f64;
        assert!((mean / burst - 1.0).abs() < 0.2, "bursts of {mean} instead of {burst}");
    }
}

#[test]
fn a_bad_link_may_lose_only_some() {
    let model =
        GilbertElliott { good_to_bad: 1.0, bad_to_good: 0.0, loss_good: 1.0, loss_bad: 0.3 };
    let lost: u32 = lose(LinkConfig { burst_loss: Some(model), ..Default::default() }).iter().sum();
    assert!((5700..6300).contains(&lost), "{lost}");
    let model = GilbertElliott { good_to_bad: 0.0, ..model };
    assert_eq!(lose(LinkConfig { burst_loss: Some(model), ..Default::default() }), [PACKETS]);
}

#[test]
fn losses_are_told_apart() {
    let burst_loss = Some(GilbertElliott::bursts(0.1, 4.0));
    let config = LinkConfig { loss: 0.1, burst_loss, ..Default::default() };
    let mut network = network(12, start(), config);
    let arrived = stream(&mut network, PACKETS, MS, 100).len() as u64;
    let statistics = network.statistics(a(), b());
    assert!((1700..2300).contains(&statistics.lost), "{statistics:?}");
    assert!((1300..2300).contains(&statistics.burst_lost), "{statistics:?}");
    assert_eq!(arrived + statistics.lost + statistics.burst_lost, u64::from(PACKETS));
}

#[test]
#[should_panic(expected = "needs bursts longer than 1")]
fn impossible_bursts_are_refused() {
    GilbertElliott::bursts(0.9, 1.0);
}
