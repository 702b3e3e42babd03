//! Every truncation and every bit flip of a golden packet of each kind: nothing panics and everything ends.

#[expect(
    clippy::disallowed_methods,
    reason = "an Instant has no other origin; only differences matter"
)]
pub(crate) fn origin() -> std::time::Instant {
    std::time::Instant::now()
}
