//! Contestants that take turns.
//!
//! On a machine whose speed changes while one looks, only what was measured side by side can be compared: every round
//! runs one short batch of each contestant, and what counts is the ratio within a round. Time is the CPU time of this
//! thread, so that another process's turn is nobody's.

use rustix::time::{ClockId, clock_gettime};

/// Batches are so long that reading the clock is a small part of them.
const BATCH_NS: u64 = 400_000;

/// One who does the work: the operation so many times, and how long that took.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    run: Box<dyn FnMut(u64) -> u64>,
}

/// What a contestant is measured for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// This project's crate.
    Ours,
    /// Another crate that does the same.
    Peer,
    /// What the work cannot do without, or a peer that does less: shown, and not raced against.
    Reference,
}

impl Contestant {
    /// One whose operation needs no preparation.
    pub(crate) fn plain<T>(
        name: &'static str,
        role: Role,
        mut operation: impl FnMut() -> T + 'static,
    ) -> Self {
        Self::timed(name, role, move |times| {
            time(|| {
                for _ in 0..times {
                    std::hint::black_box(operation());
                }
            })
        })
    }

    /// One who measures by itself: nanoseconds for so many operations.
    pub(crate) fn timed(
        name: &'static str,
        role: Role,
        run: impl FnMut(u64) -> u64 + 'static,
    ) -> Self {
        Self { name, role, run: Box::new(run) }
    }

    /// How many operations make a batch. Warms everything up on the way.
    fn calibrate(&mut self) -> u64 {
        let mut times = 1;
        loop {
            let spent = (self.run)(times).max(1);
            if spent >= BATCH_NS / 2 {
                return (times * BATCH_NS / spent).max(1);
            }
            times = (times * 2).max(times * BATCH_NS / spent / 2);
        }
    }
}

/// How one contestant did.
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    /// Nanoseconds for one operation: the median of the batches.
    pub(crate) median: f64,
    /// Time of the first contestant over the time of this one: the median of the rounds.
    pub(crate) ratio: f64,
}

/// Lets them run `rounds` batches each, in an order that rotates.
pub(crate) fn race(contestants: &mut [Contestant], rounds: usize) -> Vec<Outcome> {
    let batches: Vec<u64> = contestants.iter_mut().map(Contestant::calibrate).collect();
    let mut samples = vec![vec![0.0; rounds]; contestants.len()];
    for round in 0..rounds {
        for turn in 0..contestants.len() {
            let index = (round + turn) % contestants.len();
            let spent = (contestants[index].run)(batches[index]);
            samples[index][round] = spent as f64 / batches[index] as f64;
        }
    }
    let first = samples[0].clone();
    contestants
        .iter()
        .zip(&mut samples)
        .map(|(contestant, own)| {
            let ratios = first.iter().zip(&*own).map(|(first, own)| first / own).collect();
            Outcome {
                name: contestant.name,
                role: contestant.role,
                median: median(own.clone()),
                ratio: median(ratios),
            }
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// CPU time of this thread that `work` took, in nanoseconds, without what reading the clock costs.
pub(crate) fn time(work: impl FnOnce()) -> u64 {
    let begun = clock();
    work();
    (clock() - begun).saturating_sub(*CLOCK_COST)
}

static CLOCK_COST: std::sync::LazyLock<u64> = std::sync::LazyLock::new(|| {
    let costs = (0..10_000).map(|_| {
        let begun = clock();
        clock() - begun
    });
    costs.min().unwrap_or(0)
});

fn clock() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}
