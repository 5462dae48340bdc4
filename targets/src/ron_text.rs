//! Any value as RON, by one copy of the `ron` crate's writer.
//!
//! The writer is generic: every type of every field would bring a copy of it, a twentieth of the compiler's machine
//! code. Behind `dyn` they share one. (Readers are not shared so: each type's visitor would bring thirty methods.)

use ron::ser::PrettyConfig;

/// The value as RON in the given style, without a newline at its end.
///
/// # Errors
/// A value that has no form in RON.
pub fn print(value: &dyn erased_serde::Serialize, style: PrettyConfig) -> Result<String, ron::Error> {
    ron::ser::to_string_pretty(value, style)
}
