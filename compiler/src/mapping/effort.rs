//! How hard the mapping searches. Budgets are counted in steps of the search, never in seconds, so that a result
//! does not depend on the machine.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Effort of partition and placement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// For a first look.
    Fast,
    /// A fraction of a second for a few hundred cores.
    #[default]
    Default,
    /// Several seconds; never worse than `default` for the same seed.
    Best,
}

impl Effort {
    /// All, ascending.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Default, Self::Best];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Default => "default",
            Self::Best => "best",
        }
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Effort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|effort| effort.name() == text);
        found.ok_or_else(|| format!("`{text}` is no effort; expected fast, default or best"))
    }
}
