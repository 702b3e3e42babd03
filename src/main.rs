//! The Tsubame server binary.

fn main() {}
