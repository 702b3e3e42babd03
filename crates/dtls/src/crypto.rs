//! Whose primitives these are: AWS-LC's by feature `aws-lc-rs`, else *ring*'s. The two have one interface, but for a few functions.

#[cfg(feature = "aws-lc-rs")]
mod aws_lc_rs;
#[cfg(not(feature = "aws-lc-rs"))]
mod ring;

#[cfg(feature = "aws-lc-rs")]
pub(crate) use self::aws_lc_rs::*;
#[cfg(not(feature = "aws-lc-rs"))]
pub(crate) use self::ring::*;
