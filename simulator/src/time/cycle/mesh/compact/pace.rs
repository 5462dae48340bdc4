//! What the compiler knows of a mesh, and of a cycle, when it compiles the steps.

/// Which shortcuts the steps may take.
pub(super) trait Pace {
    /// Every link, port and input takes a flit in every cycle.
    const STEADY: bool;
    /// Many routers act, so that conditions are as good as random: their effect is masked, as a branch on them would be
    /// mispredicted too often.
    const BUSY: bool;
}

/// Anything may take several cycles.
pub(super) enum Slow {}

/// Everything takes a cycle.
pub(super) enum Steady {}

/// Everything takes a cycle, and many routers act.
pub(super) enum Busy {}

impl Pace for Slow {
    const STEADY: bool = false;
    const BUSY: bool = false;
}

impl Pace for Steady {
    const STEADY: bool = true;
    const BUSY: bool = false;
}

impl Pace for Busy {
    const STEADY: bool = true;
    const BUSY: bool = true;
}
