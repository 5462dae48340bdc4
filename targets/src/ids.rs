//! Indices that every crate counts in, and that diagnostics name.

crate::entity! {
    /// A network of a model.
    NetworkId "net",
    /// A population of neurons.
    PopulationId "pop",
    /// A projection between two populations.
    ProjectionId "proj",
    /// A logical core of a program; [`Site`](crate::Site) is a physical one.
    CoreId "core",
}
