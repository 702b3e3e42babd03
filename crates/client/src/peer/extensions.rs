//! Local identifiers of the header extensions that this peer reads or writes.

use tsubame_rtp::extension;
use tsubame_sdp::ExtMap;

/// What the offer's section calls them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExtensionIds {
    pub(crate) mid: Option<u8>,
    pub(crate) abs_send_time: Option<u8>,
    pub(crate) transport_cc: Option<u8>,
    pub(crate) dependency_descriptor: Option<u8>,
}

/// Those an answer keeps: what is read or written here, and what does no harm to a watcher.
const KNOWN: [&str; 8] = [
    extension::mid::URI,
    extension::abs_send_time::URI,
    extension::transport_cc::URI,
    extension::audio_level::URI,
    extension::video_orientation::URI,
    extension::playout_delay::URI,
    extension::abs_capture_time::URI,
    extension::dependency_descriptor::URI,
];

pub(super) fn is_known(extension: &ExtMap) -> bool {
    KNOWN.contains(&extension.uri.as_str())
}

impl ExtensionIds {
    pub(super) fn of(extensions: &[ExtMap]) -> Self {
        let id = |uri: &str| extensions.iter().find(|e| e.uri == uri).map(|e| e.id);
        Self {
            mid: id(extension::mid::URI),
            abs_send_time: id(extension::abs_send_time::URI),
            transport_cc: id(extension::transport_cc::URI),
            dependency_descriptor: id(extension::dependency_descriptor::URI),
        }
    }
}
