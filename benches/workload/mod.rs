//! What is measured: inputs and operations that the criterion benches, the comparison with other crates (`benches/peers`) and
//! the instruction counts (`benches/instructions`) have in common.

pub(crate) mod dtls;
pub(crate) mod rtp;
pub(crate) mod sdp;
pub(crate) mod srtp;
pub(crate) mod stun;
