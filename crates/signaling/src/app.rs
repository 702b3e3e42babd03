//! What every connection shares.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;
use tsubame_sfu::Handle;

use crate::admission::Admission;
use crate::auth::Auth;
use crate::limits::Limits;
use crate::registry::Registry;

/// See the module's documentation.
pub(crate) struct App {
    /// What the groups count from in which clients are pinged.
    pub(crate) started: Instant,
    pub(crate) sfu: Handle,
    pub(crate) auth: Auth,
    pub(crate) limits: Limits,
    pub(crate) registry: Arc<Registry>,
    /// Half-open connections.
    pub(crate) admission: Arc<Admission>,
    /// Those whose media path is being set up.
    pub(crate) setting_up: Arc<Admission>,
    /// True once the server goes. The server has ended when every receiver is gone.
    pub(crate) shutdown: watch::Receiver<bool>,
}
