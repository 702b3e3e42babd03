//! TURN (RFC 8656) as a codec: methods ([`crate::Method::ALLOCATE`], …), attributes, error codes, `ChannelData`.
//!
//! Allocations, permissions and their timers belong to a client or a server and are not here.
//!
//! A relay is asked for an address, and answers:
//!
//! ```
//! use tsubame_stun::turn::{AddressFamily, RequestedTransport};
//! use tsubame_stun::{Class, Message, MessageBuilder, Method, TransactionId};
//!
//! let mut out = [0; 256];
//! let id = TransactionId([7; 12]);
//! let mut request = MessageBuilder::new(&mut out, Class::Request, Method::ALLOCATE, id)?;
//! request.requested_transport(RequestedTransport::UDP)?;
//! request.requested_address_family(AddressFamily::V6)?.lifetime(600)?;
//! let length = request.finish();
//!
//! let message = Message::parse(&out[..length])?;
//! assert_eq!(message.requested_transport(), Some(RequestedTransport::UDP));
//! assert_eq!(message.requested_address_family(), Some(AddressFamily::V6));
//! assert_eq!(message.lifetime(), Some(600));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod build;
mod channel_data;
mod kind;
mod read;
mod values;

pub use channel_data::{
    ChannelData, ChannelDataError, ChannelNumber, frame_length, is_channel_data,
};
pub use values::{AddressErrorCode, AddressFamily, EvenPort, Icmp, RequestedTransport};
