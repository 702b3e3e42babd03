//! When clients are pinged: in groups, because a wake-up of the runtime, on a core that it shares with a shard, costs more than a ping does.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// Groups per interval: 250 ms apart where clients are pinged every 5 s.
const GROUPS: u32 = 20;

/// Ticks every `interval`, together with everybody else's of one group; `started` is the same for all.
pub(super) fn pings(started: Instant, now: Instant, interval: Duration) -> Interval {
    let mut pings = interval_at(first(started, now, interval), interval);
    // A late one must not leave its group.
    pings.set_missed_tick_behavior(MissedTickBehavior::Skip);
    pings
}

/// One interval from now, or up to a group's distance later.
fn first(started: Instant, now: Instant, interval: Duration) -> Instant {
    let distance = (interval / GROUPS).max(Duration::from_millis(1));
    let earliest = (now + interval).saturating_duration_since(started);
    let groups = earliest.as_nanos().div_ceil(distance.as_nanos());
    // 2^32 groups of a millisecond are 49 days, of 250 ms 34 years; afterwards everybody is a group by himself.
    u32::try_from(groups).map_or(now + interval, |groups| started + distance * groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const INTERVAL: Duration = Duration::from_secs(5);

    #[test]
    fn those_who_come_within_a_group_are_pinged_together() {
        let started = clock::now();
        let at = |millis| first(started, started + Duration::from_millis(millis), INTERVAL);
        assert_eq!(at(0), started + INTERVAL);
        assert_eq!(at(1), started + INTERVAL + INTERVAL / GROUPS);
        assert_eq!(at(1), at(250));
        assert_ne!(at(250), at(251));
        // Two intervals later the same group has its turn.
        assert_eq!(at(100) + 2 * INTERVAL, at(10_100));
    }

    #[test]
    fn nobody_is_pinged_early_and_nobody_waits_for_long() {
        let started = clock::now();
        for interval in [Duration::from_millis(3), Duration::from_millis(50), INTERVAL] {
            for millis in (0..20_000).step_by(37) {
                let now = started + Duration::from_millis(millis);
                let first = first(started, now, interval);
                let most = (interval / GROUPS).max(Duration::from_millis(1));
                assert!(first >= now + interval && first < now + interval + most);
            }
        }
    }
}
