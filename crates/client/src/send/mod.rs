//! Publishing: streams of synthetic media, their retransmissions and what receivers say about them.

mod history;
mod stream;

pub(crate) use stream::{SendContext, SendParameters, SendStream};
