//! `snnc explain`.

use std::process::ExitCode;

use snnc_targets::{Code, Diagnostic, Diagnostics};

pub fn run(text: &str) -> Result<ExitCode, Diagnostics> {
    let code: Code = text.parse().map_err(|()| {
        let all: Vec<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
        Diagnostic::new(Code::Argument, format!("explain {text}"), "there is no such error code")
            .hint(format!("{} to {}", all[0], all[all.len() - 1]))
    })?;
    super::print(&format!("{code}: {}\n\n{}\n", code.title(), code.page()));
    Ok(ExitCode::SUCCESS)
}
