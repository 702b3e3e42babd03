//! The record layer (RFC 6347 §4.1): headers, and protection by an AEAD (RFC 5246 §6.2.3.3).

use zeroize::Zeroizing;

use super::key_schedule::KeyBlock;
use super::replay::ReplayWindow;
use crate::config::Role;
use crate::crypto::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

pub(crate) const HEADER_LEN: usize = 13;
const EXPLICIT_NONCE_LEN: usize = 8;
const TAG_LEN: usize = 16;
/// RFC 5246 §6.2.1: what a record may hold, whatever the datagram would.
pub(crate) const MAX_CONTENT: usize = 1 << 14;
/// RFC 5246 §6.2.3.3: plaintext of 2^14 bytes and what an AEAD may add.
const MAX_BODY: usize = MAX_CONTENT + 1024;
const MAX_SEQUENCE: u64 = (1 << 48) - 1;

/// Records are neither encrypted nor authenticated, so that a fuzzer's mutated ones reach what lies behind; their form
/// stays. Only the flags of a whole build can say `--cfg tsubame_fuzzing`, no feature of a crate and no dependency; and
/// nobody's but this project's do: who fuzzes a program with this crate in it (`--cfg fuzzing`) has the cipher.
const NULL_CIPHER: bool = cfg!(tsubame_fuzzing);
const _: () =
    assert!(!NULL_CIPHER || cfg!(debug_assertions), "no build for users is one for fuzzing");

pub(crate) const DTLS_1_2: u16 = 0xfefd;
pub(crate) const DTLS_1_0: u16 = 0xfeff;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    ChangeCipherSpec,
    Alert,
    Handshake,
    ApplicationData,
}

impl ContentType {
    fn id(self) -> u8 {
        match self {
            Self::ChangeCipherSpec => 20,
            Self::Alert => 21,
            Self::Handshake => 22,
            Self::ApplicationData => 23,
        }
    }

    fn from_id(id: u8) -> Option<Self> {
        [Self::ChangeCipherSpec, Self::Alert, Self::Handshake, Self::ApplicationData]
            .into_iter()
            .find(|kind| kind.id() == id)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    /// The content type, known or not.
    pub(crate) kind: u8,
    version: u16,
    pub(crate) epoch: u16,
    sequence: u64,
}

impl Header {
    pub(crate) fn content_type(&self) -> Option<ContentType> {
        ContentType::from_id(self.kind)
    }

    /// The first records travel before a version is agreed on, under DTLS 1.0's number (RFC 6347 §4.2.1); everything
    /// protected is 1.2.
    pub(crate) fn version_is_acceptable(&self) -> bool {
        self.version == DTLS_1_2 || (self.epoch == 0 && self.version == DTLS_1_0)
    }

    /// Epoch and sequence number as they stand in the header, in the associated data and in the nonce.
    fn epoch_and_sequence(&self) -> [u8; 8] {
        (u64::from(self.epoch) << 48 | self.sequence).to_be_bytes()
    }
}

/// Splits the first record off a datagram. `None` when its header or length does not fit.
pub(crate) fn split_record(datagram: &mut [u8]) -> Option<(Header, &mut [u8], &mut [u8])> {
    let (header, rest) = datagram.split_first_chunk_mut::<HEADER_LEN>()?;
    let [kind, v0, v1, e0, e1, s0, s1, s2, s3, s4, s5, l0, l1] = *header;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if length > MAX_BODY {
        return None;
    }
    let (body, rest) = rest.split_at_mut_checked(length)?;
    let header = Header {
        kind,
        version: u16::from_be_bytes([v0, v1]),
        epoch: u16::from_be_bytes([e0, e1]),
        sequence: u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]),
    };
    Some((header, body, rest))
}

/// Why a protected record was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    Replayed,
    Unauthenticated,
}

/// Sequence numbers and keys of epochs 0 and 1; there are no others without renegotiation.
#[derive(Default)]
pub(crate) struct Records {
    write_sequences: [u64; 2],
    keys: Option<Keys>,
    /// Epoch 0 has no window: nothing in it is authenticated, so a forged sequence number could shut out real records.
    /// Handshake messages are told apart by their own sequence numbers.
    replay: ReplayWindow,
}

struct Keys {
    write: DirectionKey,
    read: DirectionKey,
}

impl Records {
    /// Makes the keys of epoch 1 usable. Records of epoch 1 can be opened at once; writing in it begins where the flight
    /// says so.
    pub(crate) fn install(&mut self, block: &KeyBlock, role: Role) {
        let peer = match role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        self.keys = DirectionKey::new(block, role)
            .zip(DirectionKey::new(block, peer))
            .map(|(write, read)| Keys { write, read });
    }

    pub(crate) fn can_open(&self) -> bool {
        self.keys.is_some()
    }

    /// The epoch that alerts go out in: that of our last record, since a peer that has not seen our ChangeCipherSpec
    /// takes nothing in the next.
    pub(crate) fn alert_epoch(&self) -> u16 {
        let [_, protected] = self.write_sequences;
        u16::from(protected > 0)
    }

    /// Bytes a record is longer than its content.
    pub(crate) fn overhead(&self, epoch: u16) -> usize {
        match &self.keys {
            Some(keys) if epoch > 0 => HEADER_LEN + keys.write.expansion(),
            _ => HEADER_LEN,
        }
    }

    /// Most content of a record that has this many bytes for itself and what is around it; `None` where not even that fits.
    pub(crate) fn room(&self, epoch: u16, bytes: usize) -> Option<usize> {
        Some(bytes.checked_sub(self.overhead(epoch))?.min(MAX_CONTENT))
    }

    /// Writes a record with the content `parts`, under a sequence number never used before. `None` when `out` is too
    /// small, the keys of the epoch are missing, or its sequence numbers are used up.
    pub(crate) fn seal(
        &mut self,
        epoch: u16,
        content_type: ContentType,
        parts: &[&[u8]],
        out: &mut [u8],
    ) -> Option<usize> {
        self.seal_under(DTLS_1_2, epoch, content_type, parts, out)
    }

    /// The same under another version's number, as a ClientHello travels.
    pub(crate) fn seal_under(
        &mut self,
        version: u16,
        epoch: u16,
        content_type: ContentType,
        parts: &[&[u8]],
        out: &mut [u8],
    ) -> Option<usize> {
        let content_len = parts.iter().map(|part| part.len()).sum::<usize>();
        let total = content_len.checked_add(self.overhead(epoch))?;
        let length = u16::try_from(total - HEADER_LEN).ok()?;
        let (header_bytes, body) = out.get_mut(..total)?.split_first_chunk_mut::<HEADER_LEN>()?;

        let next = self.write_sequences.get_mut(usize::from(epoch))?;
        if *next > MAX_SEQUENCE {
            return None;
        }
        let header = Header { kind: content_type.id(), version, epoch, sequence: *next };
        let write = match (&self.keys, epoch) {
            (_, 0) => None,
            (Some(keys), _) => Some(&keys.write),
            (None, _) => return None,
        };
        *next += 1;

        let [e0, e1, s0, s1, s2, s3, s4, s5] = header.epoch_and_sequence();
        let [v0, v1] = header.version.to_be_bytes();
        let [l0, l1] = length.to_be_bytes();
        *header_bytes = [content_type.id(), v0, v1, e0, e1, s0, s1, s2, s3, s4, s5, l0, l1];

        match write {
            None => copy_parts(parts, body),
            Some(key) => key.seal(&header, parts, content_len, body)?,
        }
        Some(total)
    }

    /// Opens a record of epoch 1 in place. The replay window moves only when it authenticates.
    pub(crate) fn open<'b>(
        &mut self,
        header: &Header,
        body: &'b mut [u8],
    ) -> Result<&'b mut [u8], OpenError> {
        let keys = self.keys.as_ref().ok_or(OpenError::Unauthenticated)?;
        if !self.replay.is_fresh(header.sequence) {
            return Err(OpenError::Replayed);
        }
        let content = keys.read.open(header, body).ok_or(OpenError::Unauthenticated)?;
        self.replay.accept(header.sequence);
        Ok(content)
    }
}

/// Lays the parts one behind the other; `out` is at least as long as they are together.
fn copy_parts(parts: &[&[u8]], mut out: &mut [u8]) {
    for part in parts {
        let Some((place, rest)) = out.split_at_mut_checked(part.len()) else { return };
        place.copy_from_slice(part);
        out = rest;
    }
}

/// The key of one direction. AWS-LC overwrites its expanded form, *ring* keeps it and offers no way to; the bytes it was
/// made of are overwritten here.
struct DirectionKey {
    key: LessSafeKey,
    /// The fixed part of the nonce on the left, zeros behind it.
    iv: Zeroizing<[u8; NONCE_LEN]>,
    explicit_nonce: bool,
}

impl DirectionKey {
    fn new(block: &KeyBlock, sender: Role) -> Option<Self> {
        let suite = block.suite();
        let (key, fixed) = block.of(sender)?;
        let mut iv = Zeroizing::new([0; NONCE_LEN]);
        iv.get_mut(..fixed.len())?.copy_from_slice(fixed);
        let key = LessSafeKey::new(UnboundKey::new(suite.aead(), key).ok()?);
        Some(Self { key, iv, explicit_nonce: suite.has_explicit_nonce() })
    }

    fn expansion(&self) -> usize {
        TAG_LEN + if self.explicit_nonce { EXPLICIT_NONCE_LEN } else { 0 }
    }

    /// GCM (RFC 5288 §3): four secret bytes, then the explicit eight, for which we send epoch and sequence number.
    /// ChaCha20 (RFC 7905 §2): twelve secret bytes exclusive-or epoch and sequence number. With GCM the fixed part ends
    /// in eight zeros, so both are the same operation.
    fn nonce(&self, variable: [u8; 8]) -> Nonce {
        let mut nonce = *self.iv;
        for (to, from) in nonce.iter_mut().skip(NONCE_LEN - 8).zip(variable) {
            *to ^= from;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    fn associated_data(header: &Header, content_len: usize) -> Option<Aad<[u8; HEADER_LEN]>> {
        let [e0, e1, s0, s1, s2, s3, s4, s5] = header.epoch_and_sequence();
        let kind = header.kind;
        let [v0, v1] = header.version.to_be_bytes();
        let [l0, l1] = u16::try_from(content_len).ok()?.to_be_bytes();
        Some(Aad::from([e0, e1, s0, s1, s2, s3, s4, s5, kind, v0, v1, l0, l1]))
    }

    fn seal(
        &self,
        header: &Header,
        parts: &[&[u8]],
        content_len: usize,
        body: &mut [u8],
    ) -> Option<()> {
        let variable = header.epoch_and_sequence();
        let body = if self.explicit_nonce {
            let (explicit, rest) = body.split_first_chunk_mut::<EXPLICIT_NONCE_LEN>()?;
            *explicit = variable;
            rest
        } else {
            body
        };
        let (content, tag_bytes) = body.split_at_mut_checked(content_len)?;
        copy_parts(parts, content);
        let aad = Self::associated_data(header, content_len)?;
        if NULL_CIPHER {
            tag_bytes.fill(0);
            return Some(());
        }
        let tag = self.key.seal_in_place_separate_tag(self.nonce(variable), aad, content).ok()?;
        tag_bytes.copy_from_slice(tag.as_ref());
        Some(())
    }

    fn open<'b>(&self, header: &Header, body: &'b mut [u8]) -> Option<&'b mut [u8]> {
        let (variable, ciphertext) = if self.explicit_nonce {
            let (explicit, rest) = body.split_first_chunk_mut::<EXPLICIT_NONCE_LEN>()?;
            (*explicit, rest)
        } else {
            (header.epoch_and_sequence(), body)
        };
        let content_len = ciphertext.len().checked_sub(TAG_LEN)?;
        let aad = Self::associated_data(header, content_len)?;
        if NULL_CIPHER {
            return ciphertext.get_mut(..content_len);
        }
        self.key.open_in_place(self.nonce(variable), aad, ciphertext).ok()
    }
}

#[cfg(test)]
mod wycheproof;
