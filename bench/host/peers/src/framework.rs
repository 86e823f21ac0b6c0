//! What the measurement asks of a framework.

/// A framework with the plugin loaded. Every call has a new sandbox.
pub trait Framework {
    /// Calls ping; an error where the answer is not "pong".
    fn ping(&mut self) -> Result<(), String>;

    /// Calls many_echo, which calls the host `n` times; an error where the answer is not null.
    fn many_echo(&mut self, n: u64) -> Result<(), String>;

    /// How often plugins have called the host's echo so far.
    fn host_calls(&self) -> u64;
}

/// An answer that is not the one that was to come.
pub fn unexpected(method: &str, answer: impl std::fmt::Debug) -> String {
    format!("{method} answered {answer:?}")
}
