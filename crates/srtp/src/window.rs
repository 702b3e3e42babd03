//! A window over the packet indices that have been seen (RFC 3711 §3.3.2).

use std::fmt;

const WORD_BITS: u64 = 64;
const INLINE_WORDS: usize = 2;

/// How many packet indices, counted down from the highest, a window remembers: 64 to 1024.
///
/// RFC 3711 §3.3.2 wants at least 64. The default is 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize {
    words: u8,
}

impl WindowSize {
    /// A window of `indices` packets, rounded up to a multiple of 64.
    ///
    /// `None` outside 64..=1024.
    pub fn new(indices: usize) -> Option<Self> {
        if !(64..=1024).contains(&indices) {
            return None;
        }
        u8::try_from(indices.div_ceil(64)).ok().map(|words| Self { words })
    }

    /// The number of indices remembered.
    pub fn indices(self) -> usize {
        usize::from(self.words) * 64
    }
}

impl Default for WindowSize {
    fn default() -> Self {
        Self { words: 2 }
    }
}

/// What a window knows about an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Never seen.
    Fresh,
    /// Seen before.
    Seen,
    /// Below the window.
    TooOld,
}

/// A set of indices that remembers the highest and those up to `size` below it.
///
/// It is a ring of bits (index modulo size), so moving it costs nothing but clearing the indices
/// that were skipped. The default size lives in place, a larger one in one allocation made when
/// the window is.
#[derive(Clone)]
pub(crate) struct Window {
    highest: Option<u64>,
    bits: Bits,
}

#[derive(Clone)]
enum Bits {
    Inline([u64; INLINE_WORDS]),
    Heap(Box<[u64]>),
}

impl Window {
    pub(crate) fn new(size: WindowSize) -> Self {
        let words = usize::from(size.words);
        let bits = if words == INLINE_WORDS {
            Bits::Inline([0; INLINE_WORDS])
        } else {
            Bits::Heap(vec![0; words].into_boxed_slice())
        };
        Self { highest: None, bits }
    }

    /// The highest index ever inserted.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.highest
    }

    pub(crate) fn standing(&self, index: u64) -> Standing {
        let Some(highest) = self.highest else { return Standing::Fresh };
        if index > highest {
            Standing::Fresh
        } else if highest - index >= self.bits.len() {
            Standing::TooOld
        } else if self.bits.contains(index) {
            Standing::Seen
        } else {
            Standing::Fresh
        }
    }

    /// Remembers `index`. One that is below the window is forgotten at once.
    #[inline]
    pub(crate) fn insert(&mut self, index: u64) {
        // Most packets are the next one: nothing was skipped.
        if self.highest.is_none_or(|highest| highest + 1 == index) || self.moves_to(index) {
            self.highest = Some(index);
            self.bits.insert(index);
        }
    }

    /// Makes room for an index that is not the next one. `false` if that was all: it is not the highest.
    #[inline(never)]
    fn moves_to(&mut self, index: u64) -> bool {
        let (highest, size) = (self.highest.unwrap_or_default(), self.bits.len());
        if index <= highest {
            if highest - index < size {
                self.bits.insert(index);
            }
            return false;
        }
        if index - highest < size {
            (highest + 1..index).for_each(|skipped| self.bits.remove(skipped));
        } else {
            self.bits.clear();
        }
        true
    }
}

impl Bits {
    fn words_mut(&mut self) -> &mut [u64] {
        match self {
            Self::Inline(words) => words,
            Self::Heap(words) => words,
        }
    }

    fn len(&self) -> u64 {
        match self {
            Self::Inline(_) => INLINE_WORDS as u64 * WORD_BITS,
            Self::Heap(words) => words.len() as u64 * WORD_BITS,
        }
    }

    fn contains(&self, index: u64) -> bool {
        // For the default size a mask; a division for the others.
        let word = match self {
            Self::Inline(words) => words.get(place(index, INLINE_WORDS)),
            Self::Heap(words) => words.get(place(index, words.len())),
        };
        word.is_some_and(|word| word & bit(index) != 0)
    }

    fn insert(&mut self, index: u64) {
        if let Some(word) = self.word_mut(index) {
            *word |= bit(index);
        }
    }

    fn remove(&mut self, index: u64) {
        if let Some(word) = self.word_mut(index) {
            *word &= !bit(index);
        }
    }

    fn word_mut(&mut self, index: u64) -> Option<&mut u64> {
        match self {
            Self::Inline(words) => words.get_mut(place(index, INLINE_WORDS)),
            Self::Heap(words) => words.get_mut(place(index, words.len())),
        }
    }

    fn clear(&mut self) {
        self.words_mut().fill(0);
    }
}

/// The word of an index in a ring of so many.
fn place(index: u64, words: usize) -> usize {
    // At most 16 words, so the fallback is never taken.
    usize::try_from((index / WORD_BITS) % words as u64).unwrap_or(0)
}

/// The bit of an index in its word.
fn bit(index: u64) -> u64 {
    1 << (index % WORD_BITS)
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window")
            .field("highest", &self.highest)
            .field("size", &self.bits.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn size_is_bounded_on_both_sides() {
        assert_eq!(WindowSize::new(63), None);
        assert_eq!(WindowSize::new(64).unwrap().indices(), 64);
        assert_eq!(WindowSize::new(65).unwrap().indices(), 128);
        assert_eq!(WindowSize::new(1024).unwrap().indices(), 1024);
        assert_eq!(WindowSize::new(1025), None);
        assert_eq!(WindowSize::default().indices(), 128);
    }

    #[test]
    fn both_edges() {
        let mut window = Window::new(WindowSize::default());
        assert_eq!(window.standing(0), Standing::Fresh);
        window.insert(1000);
        assert_eq!(window.standing(1000), Standing::Seen);
        assert_eq!(window.standing(873), Standing::Fresh);
        assert_eq!(window.standing(872), Standing::TooOld);
        window.insert(873);
        assert_eq!(window.standing(873), Standing::Seen);
        window.insert(1001);
        assert_eq!(window.standing(873), Standing::TooOld);
        assert_eq!(window.standing(1000), Standing::Seen);
        window.insert(1_000_000);
        assert_eq!(window.standing(999_999), Standing::Fresh);
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(
            size in 64usize..=1024,
            steps in proptest::collection::vec((0u64..5000, any::<bool>()), 1..400),
        ) {
            let size = WindowSize::new(size).unwrap();
            let mut window = Window::new(size);
            let mut set = BTreeSet::new();
            let mut base = 0;
            for (step, far) in steps {
                let index = base + if far { step } else { step % 200 };
                base += step % 7;
                let expected = match set.last() {
                    Some(highest) if index + size.indices() as u64 <= *highest => Standing::TooOld,
                    _ if set.contains(&index) => Standing::Seen,
                    _ => Standing::Fresh,
                };
                prop_assert_eq!(window.standing(index), expected);
                window.insert(index);
                if expected == Standing::Fresh {
                    set.insert(index);
                }
            }
        }
    }
}
