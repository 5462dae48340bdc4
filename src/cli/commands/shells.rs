//! `snnc completions` and `snnc man`, both made of the arguments' own descriptions.

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;
use snnc_targets::{Code, Diagnostic, Diagnostics, output};

use super::print;
use crate::cli::arguments::Cli;
use crate::report::units::counted;

/// Completions of a shell.
pub fn completions(shell: Shell) -> Result<ExitCode, Diagnostics> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "snnc", &mut text);
    print(&String::from_utf8_lossy(&text));
    Ok(ExitCode::SUCCESS)
}

/// The manual in roff: the command's page, or a page each in a folder.
pub fn man(out: Option<&Path>) -> Result<ExitCode, Diagnostics> {
    let Some(out) = out else {
        print(&page(Cli::command())?);
        return Ok(ExitCode::SUCCESS);
    };
    let folder = output::Folder::claim(out)?;
    let mut command = Cli::command();
    command.build();
    let subcommands = command.get_subcommands().filter(|command| command.get_name() != "help").cloned();
    let pages =
        std::iter::once(("snnc.1".to_owned(), command.clone())).chain(subcommands.map(|subcommand| {
            let name = format!("snnc-{}", subcommand.get_name());
            (format!("{name}.1"), subcommand.name(name.leak() as &str))
        }));
    let mut count = 0;
    for (name, command) in pages {
        output::write_atomic(&folder.path().join(name), page(command)?.as_bytes())?;
        count += 1;
    }
    print(&format!("wrote {} to {}\n", counted(count, "page"), out.display()));
    Ok(ExitCode::SUCCESS)
}

fn page(command: clap::Command) -> Result<String, Diagnostic> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text).map_err(|error| {
        Diagnostic::new(
            Code::OutputFailed,
            snnc_targets::NamedPart::StandardOutput,
            format!("cannot write: {error}"),
        )
    })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
