//! `a=rtcp-fb` values (RFC 4585 §4.2).

use std::fmt;

/// A kind of RTCP feedback.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Feedback {
    /// `nack`: generic NACK (RFC 4585 §6.2.1).
    Nack,
    /// `nack pli`: picture loss indication (RFC 4585 §6.3.1).
    PictureLossIndication,
    /// `nack sli`: slice loss indication (RFC 4585 §6.3.2).
    SliceLossIndication,
    /// `nack rpsi`: reference picture selection (RFC 4585 §6.3.3).
    ReferencePictureSelection,
    /// `ccm fir`: full intra request (RFC 5104 §7.1).
    FullIntraRequest,
    /// `ccm tmmbr`: temporary maximum bit rate (RFC 5104 §7.1), with its parameters.
    TemporaryMaximumBitrate(Option<String>),
    /// `transport-cc`: transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions).
    TransportWide,
    /// `goog-remb`: receiver estimated maximum bit rate (draft-alvestrand-rmcat-remb).
    ReceiverEstimatedMaximumBitrate,
    /// `ack ccfb`: congestion control feedback (RFC 8888 §6).
    CongestionControl,
    /// `rrtr`: receiver reference time reports (RFC 3611 §4.4), as libwebrtc offers them.
    ReceiverReferenceTime,
    /// `trr-int`: least milliseconds between regular reports (RFC 4585 §4.2).
    ReportInterval(u32),
    /// Anything else, verbatim.
    Other(String),
}

impl From<&str> for Feedback {
    fn from(value: &str) -> Self {
        let mut words = value.splitn(3, ' ');
        match (words.next().unwrap_or_default(), words.next(), words.next()) {
            ("nack", None, None) => Self::Nack,
            ("nack", Some("pli"), None) => Self::PictureLossIndication,
            ("nack", Some("sli"), None) => Self::SliceLossIndication,
            ("nack", Some("rpsi"), None) => Self::ReferencePictureSelection,
            ("ccm", Some("fir"), None) => Self::FullIntraRequest,
            ("ccm", Some("tmmbr"), rest) => Self::TemporaryMaximumBitrate(rest.map(str::to_owned)),
            ("transport-cc", None, None) => Self::TransportWide,
            ("goog-remb", None, None) => Self::ReceiverEstimatedMaximumBitrate,
            ("ack", Some("ccfb"), None) => Self::CongestionControl,
            ("rrtr", None, None) => Self::ReceiverReferenceTime,
            ("trr-int", Some(interval), None) => match interval.parse::<u32>() {
                // Only what is written back as it stood.
                Ok(number) if number.to_string() == interval => Self::ReportInterval(number),
                _ => Self::Other(value.to_owned()),
            },
            _ => Self::Other(value.to_owned()),
        }
    }
}

impl fmt::Display for Feedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nack => "nack",
            Self::PictureLossIndication => "nack pli",
            Self::SliceLossIndication => "nack sli",
            Self::ReferencePictureSelection => "nack rpsi",
            Self::FullIntraRequest => "ccm fir",
            Self::TemporaryMaximumBitrate(None) => "ccm tmmbr",
            Self::TemporaryMaximumBitrate(Some(rest)) => return write!(f, "ccm tmmbr {rest}"),
            Self::TransportWide => "transport-cc",
            Self::ReceiverEstimatedMaximumBitrate => "goog-remb",
            Self::CongestionControl => "ack ccfb",
            Self::ReceiverReferenceTime => "rrtr",
            Self::ReportInterval(interval) => return write!(f, "trr-int {interval}"),
            Self::Other(value) => value,
        })
    }
}
