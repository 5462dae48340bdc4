//! How closely time is modelled, as given to `--timing`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use snnc_targets::{Code, Diagnostic};

/// How closely time is modelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fidelity {
    /// No time; static energy is then not charged, as it is power times time.
    None,
    /// Bottleneck formula: a lower bound.
    #[default]
    Analytic,
}

impl fmt::Display for Fidelity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Analytic => "analytic",
        })
    }
}

impl FromStr for Fidelity {
    type Err = Diagnostic;

    /// Parses `none` or `analytic`.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for `cycle` and `cycle:1/N`, [`Code::Argument`] for anything else.
    fn from_str(text: &str) -> Result<Self, Diagnostic> {
        let place = format!("--timing {text}");
        let hint = "use `analytic` (bottleneck formula, a lower bound) or `none`";
        match text {
            "none" => Ok(Self::None),
            "analytic" => Ok(Self::Analytic),
            _ if text == "cycle" || text.starts_with("cycle:") => {
                let message = "cycle-accurate timing is not available in this version";
                Err(Diagnostic::new(Code::Unsupported, place, message).hint(hint))
            }
            _ => {
                let message = format!("expected `none` or `analytic`, found `{text}`");
                Err(Diagnostic::new(Code::Argument, place, message).hint(hint))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fidelities_parse_back_and_cycle_is_refused() {
        for fidelity in [Fidelity::None, Fidelity::Analytic] {
            assert_eq!(fidelity.to_string().parse(), Ok(fidelity));
        }
        let code = |text: &str| text.parse::<Fidelity>().unwrap_err().code;
        assert_eq!(
            [code("cycle"), code("cycle:1/16"), code("cycles")],
            [Code::Unsupported, Code::Unsupported, Code::Argument]
        );
    }
}
