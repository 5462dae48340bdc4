//! `snnc explain`.

use std::process::ExitCode;

use snnc_targets::ron_tree::words::one_of;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

pub fn run(text: &str) -> Result<ExitCode, Diagnostics> {
    let code: Code = text.parse().map_err(|()| {
        let all: Vec<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
        Diagnostic::new(Code::Argument, Subject::value("explain", text), format!("there is no code `{text}`"))
            .hint(one_of("codes", &text.to_ascii_uppercase(), &all))
    })?;
    super::print(&format!("{}[{code}]: {}\n\n{}", code.severity(), code.title(), code.page()));
    Ok(ExitCode::SUCCESS)
}
