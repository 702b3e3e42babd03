//! What is not for logs: passwords of ICE, and keys of sessions that carry them in their description.

use std::fmt::{self, Debug, Formatter};

use crate::{Attribute, Fragment, Media, OtherLine, SessionDescription};

/// Names of attributes whose value is a secret: `a=ice-pwd` (RFC 8839 §5.4), `a=crypto` (RFC 4568), `a=key-mgmt` (RFC 4567).
const NAMES: [&str; 3] = ["ice-pwd", "crypto", "key-mgmt"];
/// What stands in place of one.
const HIDDEN: &str = "<hidden>";

/// A line as it may be repeated in an error: up to the secret. Wherever the name stands, for a line that is refused may be any.
pub(crate) fn without_secret(mut line: String) -> String {
    let lower = line.to_ascii_lowercase();
    let names = NAMES.iter().filter_map(|name| Some(lower.find(name)? + name.len()));
    // RFC 4566 §5.12: `k=` is a key.
    let key_lines = lower.strip_prefix("k=").map(|_| 2).into_iter();
    let key_lines = key_lines.chain(lower.find("\rk=").map(|at| at + 3));
    if let Some(end) = names.chain(key_lines).min().filter(|end| *end < line.len()) {
        line.truncate(end);
        line.push_str(HIDDEN);
    }
    line
}

/// Stands for a value in `Debug`.
struct Hidden;

impl Debug for Hidden {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

fn value(is_secret: bool, value: &dyn Debug) -> &dyn Debug {
    if is_secret { &Hidden } else { value }
}

impl Debug for Attribute {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.name.trim_ascii();
        let is_secret = NAMES.iter().any(|secret| name.eq_ignore_ascii_case(secret));
        f.debug_struct("Attribute")
            .field("name", &self.name)
            .field("value", value(is_secret, &self.value))
            .finish()
    }
}

impl Debug for OtherLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtherLine")
            .field("kind", &self.kind)
            .field("value", value(self.kind == 'k', &self.value))
            .finish()
    }
}

/// `Debug` of a struct that says how many secrets there are and not which. It names every field: one that is new has to be put
/// on one of the lists.
macro_rules! debug_hiding {
    ($name:ident { $($shown:ident),* } but { $($secret:ident),* }) => {
        impl Debug for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                let Self { $($shown,)* $($secret,)* } = self;
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($shown), $shown))*
                    $(.field(stringify!($secret), &$secret.iter().map(|_| Hidden).collect::<Vec<_>>()))*
                    .finish()
            }
        }
    };
}

debug_hiding!(SessionDescription {
    origin, name, bandwidth, groups, ice_lite, ice_options, ice_ufrag, fingerprints, setup, extmap_allow_mixed, extensions, cryptex,
    end_of_candidates, identity, msid_semantic, attributes, other_lines, media
} but { ice_pwd });

debug_hiding!(Media {
    kind, port, port_count, protocol, formats, connection, bandwidth, direction, mid, bundle_only, ice_ufrag, ice_options, fingerprints,
    setup, rtcp_mux, rtcp_mux_only, rtcp_rsize, rtcp, rtcp_xr, cryptex, ptime, max_ptime, frame_rate, sctp_port, max_message_size, sctp_map,
    extmap_allow_mixed, candidates, end_of_candidates, codecs, extensions, msids, ssrcs, ssrc_groups, rids, simulcast, attributes,
    other_lines
} but { ice_pwd, crypto });

debug_hiding!(Fragment {
    groups, ice_lite, ice_options, ice_ufrag, end_of_candidates, attributes, media
} but { ice_pwd });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_repeated_up_to_its_secret() {
        for (line, shown) in [
            ("a=ice-pwd:SECRET", "a=ice-pwd<hidden>"),
            ("a= ICE-PWD : SECRET", "a= ICE-PWD<hidden>"),
            ("a=Crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET", "a=Crypto<hidden>"),
            ("a=key-mgmt:mikey SECRET", "a=key-mgmt<hidden>"),
            ("k=clear:SECRET", "k=<hidden>"),
            ("v=0\rk=clear:SECRET", "v=0\rk=<hidden>"),
            ("ice-pwd:SECRET crypto:SECRET", "ice-pwd<hidden>"),
            ("a=mid:k=crypt", "a=mid:k=crypt"),
            ("a=ice-pwd", "a=ice-pwd"),
        ] {
            assert_eq!(without_secret(line.to_owned()), shown);
        }
    }
}
