//! RON as a tree whose every value knows its bytes in the file.
//!
//! The `ron` crate reads files; what it gives has no places. Here the text is read once more, only so that
//! errors can point at it: [`RonNode`] finds a value by its path, [`reading`] turns a value into a type and tells what
//! does not fit and where. A text that `ron` refuses for its syntax has no tree.

mod node;
mod parse;
pub mod reading;
pub mod words;

pub use node::{Field, RonKind, RonNode};
pub use parse::parse;
