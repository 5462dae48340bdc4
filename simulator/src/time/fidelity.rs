//! How closely time is modelled, as given to `--timing`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use snnc_targets::{Code, Diagnostic, Subject};

/// How closely time is modelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fidelity {
    /// No time; static energy is then not charged, as it is power times time.
    None,
    /// Bottleneck formula: a lower bound.
    #[default]
    Analytic,
    /// Every packet through cores and network, for one timestep of so many.
    Cycle {
        /// 1 for every timestep.
        every: u32,
    },
}

impl fmt::Display for Fidelity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Analytic => f.write_str("analytic"),
            Self::Cycle { every: 1 } => f.write_str("cycle"),
            Self::Cycle { every } => write!(f, "cycle:1/{every}"),
        }
    }
}

impl FromStr for Fidelity {
    type Err = Diagnostic;

    /// Parses `none`, `analytic`, `cycle` or `cycle:1/N`, N from 1 to 1,000,000.
    ///
    /// # Errors
    /// [`Code::Argument`] for anything else.
    fn from_str(text: &str) -> Result<Self, Diagnostic> {
        match text {
            "none" => return Ok(Self::None),
            "analytic" => return Ok(Self::Analytic),
            "cycle" => return Ok(Self::Cycle { every: 1 }),
            _ => {}
        }
        let every = text.strip_prefix("cycle:1/").and_then(|n| n.parse().ok());
        match every {
            Some(every @ 1..=1_000_000) => Ok(Self::Cycle { every }),
            _ => {
                let message = format!("expected `none`, `analytic`, `cycle` or `cycle:1/N`, found `{text}`");
                let hint = "`cycle:1/16` simulates one timestep of 16 and reports the error of the estimate";
                Err(Diagnostic::new(Code::Argument, Subject::value("--timing", text), message).hint(hint))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fidelities_parse_back_and_others_are_refused() {
        let cycle = |every| Fidelity::Cycle { every };
        for fidelity in [Fidelity::None, Fidelity::Analytic, cycle(1), cycle(16)] {
            assert_eq!(fidelity.to_string().parse(), Ok(fidelity));
        }
        for text in ["cycles", "cycle:1/0", "cycle:2/3", "cycle:1/-1", "cycle:1/x", "cycle:1/1000001", ""] {
            assert_eq!(text.parse::<Fidelity>().unwrap_err().code, Code::Argument, "{text}");
        }
    }
}
