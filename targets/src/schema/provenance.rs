//! Values with their source.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a number comes from. The report repeats it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Provenance {
    /// Measured on silicon; by whom.
    Measured(#[serde(deserialize_with = "said")] String),
    /// Printed by the vendor or in a paper; which.
    Published(#[serde(deserialize_with = "said")] String),
    /// Arithmetic on published numbers; which.
    Derived(#[serde(deserialize_with = "said")] String),
    /// Not known publicly; why this value.
    Assumed(#[serde(deserialize_with = "said")] String),
}

/// A source that says something; reports print it on one line.
fn said<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Err(serde::de::Error::custom("the source is empty, expected who, where or why"));
    }
    if let Some(control) = text.chars().find(|c| c.is_control()) {
        let found = format!(
            "the source holds the control character U+{:04X}, expected one line of text",
            u32::from(control)
        );
        return Err(serde::de::Error::custom(found));
    }
    Ok(text)
}

impl Provenance {
    /// `measured`, `published`, `derived` or `assumed`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Measured(_) => "measured",
            Self::Published(_) => "published",
            Self::Derived(_) => "derived",
            Self::Assumed(_) => "assumed",
        }
    }

    /// The source or reason.
    pub fn text(&self) -> &str {
        match self {
            Self::Measured(s) | Self::Published(s) | Self::Derived(s) | Self::Assumed(s) => s,
        }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind(), self.text())
    }
}

/// A value and its provenance; in RON `(23.6, Published("..."))`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sourced<T>(pub T, pub Provenance);

impl<T: Copy> Sourced<T> {
    /// The value.
    pub fn get(&self) -> T {
        self.0
    }
}
