//! Ctrl-C, for everything that waits.

use tokio::sync::watch;

/// Remembers that Ctrl-C was pressed, whenever that was.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// From here on Ctrl-C does not end the process.
    pub(super) fn new() -> Self {
        let (pressed, is_pressed) = watch::channel(false);
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                pressed.send_replace(true);
            }
            // Nothing ends before the receivers do.
            pressed.closed().await;
        });
        Self(is_pressed)
    }

    /// Waits for it.
    pub(super) async fn pressed(&mut self) {
        if self.0.wait_for(|pressed| *pressed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Runs something unless it is pressed first.
    pub(super) async fn or<T>(&mut self, other: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.pressed() => None,
            done = other => Some(done),
        }
    }
}
