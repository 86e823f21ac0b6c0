//! What the programs of this folder ask of an engine. Each peer is a type of its own behind these traits, so
//! that main.rs times all of them in the same way.

/// Why something did not work.
pub enum Failure {
    /// The engine does not have what the module needs.
    Unsupported(String),
    /// It should have worked.
    Failed(String),
}

impl Failure {
    pub fn unsupported(reason: impl ToString) -> Failure {
        Failure::Unsupported(reason.to_string())
    }

    pub fn failed(reason: impl ToString) -> Failure {
        Failure::Failed(reason.to_string())
    }
}

/// An engine, configured.
pub trait Peer {
    /// From bytes to what can be instantiated; validated, where the engine validates before it runs.
    fn load(&self, bytes: &[u8]) -> Result<Box<dyn Loaded>, Failure>;
}

/// A loaded module.
pub trait Loaded {
    /// Makes the one instance that a benchmark needs, with the functions of preview1.rs as imports.
    fn instantiate(self: Box<Self>) -> Result<Box<dyn Running>, Failure>;

    /// Memory that it holds without having asked malloc for it. None where what malloc gave would mislead.
    fn mapped_bytes(&self) -> Option<usize> {
        Some(0)
    }
}

/// An instance.
pub trait Running {
    /// Calls an export without parameters and results. Ok(false) where there is none of that name.
    fn call(&mut self, name: &str) -> Result<bool, Failure>;

    /// Calls the export `run` and gives its result.
    fn run(&mut self, rounds: i32) -> Result<i32, Failure>;

    /// What the last call of `run` spent, for engines that meter.
    fn fuel(&mut self) -> Option<u64> {
        None
    }
}
