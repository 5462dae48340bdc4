//! From IR.
