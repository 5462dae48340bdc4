//! How far a long run has come, told to whoever shows it.

/// Is told of a run's steps from any of its threads, and changes nothing. `()` shows nothing.
pub trait Progress: Sync {
    /// A run begins that takes so many steps: passes, iterations or images, as the run says.
    fn begin(&self, steps: u64);

    /// So many more steps are done.
    fn advance(&self, steps: u64);
}

impl Progress for () {
    fn begin(&self, _: u64) {}

    fn advance(&self, _: u64) {}
}
