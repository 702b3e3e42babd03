#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod bottleneck;
mod config;
mod link;
mod loss;
mod network;
mod random;
mod statistics;

pub use config::LinkConfig;
pub use loss::GilbertElliott;
pub use network::{Delivery, Network};
pub use statistics::LinkStatistics;
