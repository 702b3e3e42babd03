//! ICE generations: the credentials that are valid, and the remote ufrag each of them expects (RFC 8445 §9).

use std::sync::Arc;

use crate::ice::credentials::Credentials;
use crate::integrity::IntegrityKey;

/// One set of local credentials.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) local: Credentials,
    /// The password, prepared; shared with responses that wait to be written.
    pub(super) key: Arc<IntegrityKey>,
    /// The ufrag of the answer; unknown before it.
    pub(super) remote_ufrag: Option<String>,
    /// Whether a request under these credentials nominated a path.
    pub(super) nominated: bool,
}

impl Generation {
    fn new(local: Credentials) -> Self {
        let key = Arc::new(IntegrityKey::new(local.pwd.as_bytes()));
        Self { local, key, remote_ufrag: None, nominated: false }
    }
}

/// Which generation a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    Current,
    Previous,
}

/// The newest generation and, until that is nominated, the one before.
#[derive(Debug)]
pub(super) struct Generations {
    current: Generation,
    previous: Option<Generation>,
}

impl Generations {
    pub(super) fn new(local: Credentials) -> Self {
        Self { current: Generation::new(local), previous: None }
    }

    pub(super) fn current(&self) -> &Generation {
        &self.current
    }

    /// The answer to the newest credentials. Older ones that were never answered end here: nobody could be told from
    /// anybody else under them.
    pub(super) fn set_remote_ufrag(&mut self, ufrag: &str) {
        self.previous.take_if(|previous| previous.remote_ufrag.is_none());
        self.current.remote_ufrag = Some(ufrag.to_owned());
    }

    /// Begins a new generation. If the current one was never nominated and there is one before it, that one stays:
    /// it is what the session runs on.
    pub(super) fn restart(&mut self, local: Credentials) {
        let replaced = std::mem::replace(&mut self.current, Generation::new(local));
        if replaced.nominated || self.previous.is_none() {
            self.previous = Some(replaced);
        }
    }

    pub(super) fn find(&self, local_ufrag: &str) -> Option<(Age, &Generation)> {
        if self.current.local.ufrag == local_ufrag {
            return Some((Age::Current, &self.current));
        }
        let previous = self.previous.as_ref()?;
        (previous.local.ufrag == local_ufrag).then_some((Age::Previous, previous))
    }

    /// Notes a nomination. True if it is the first under the newest credentials: older ones are retired by it.
    pub(super) fn nominate(&mut self, age: Age) -> bool {
        match age {
            Age::Previous => {
                if let Some(previous) = &mut self.previous {
                    previous.nominated = true;
                }
                false
            }
            Age::Current => {
                self.previous = None;
                !std::mem::replace(&mut self.current.nominated, true)
            }
        }
    }

    pub(super) fn local_ufrags(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.current)
            .chain(&self.previous)
            .map(|generation| generation.local.ufrag.as_str())
    }
}
