//! A seeded network under a virtual clock, for tests.
