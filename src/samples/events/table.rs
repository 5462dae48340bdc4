//! Event lists as tables: a line of names, then an event a line, with commas between the numbers.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use snnc_targets::{Code, Diagnostic, Place};

use super::bins::EventBins;
use super::{AddressEvent, COLUMNS, HINT, SAMPLE};

/// Most bytes of a line of a table.
const LINE_MAX: usize = 1 << 16;

/// Puts the events of a table into bins.
///
/// # Errors
/// As [`super::read`].
pub fn read(path: &Path, bins: &mut EventBins) -> Result<(), Diagnostic> {
    let file = File::open(path).map_err(|error| Diagnostic::unreadable(path, &error))?;
    let bad = |line: u64, message: String| {
        Diagnostic::new(
            Code::Argument,
            Place::line(path, usize::try_from(line).unwrap_or(usize::MAX), None),
            message,
        )
    };
    let malformed = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        bad(line, format!("not a table of events: {error}")).hint(HINT)
    };
    let mut table = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .quoting(false)
        .from_reader(LimitedLines { inner: file, since_newline: 0 });
    let names: Vec<String> = table.headers().map_err(malformed)?.iter().map(str::to_owned).collect();
    let columns = columns(&names).map_err(|message| bad(1, message).hint(HINT))?;
    let mut record = csv::StringRecord::new();
    while table.read_record(&mut record).map_err(malformed)? {
        let line = record.position().map_or(0, csv::Position::line);
        let mut event: AddressEvent = [0.0; 5];
        for (cell, &column) in record.iter().zip(&columns) {
            let value = cell.parse::<f64>().map_err(|_| {
                let name =
                    column.checked_sub(1).and_then(|column| COLUMNS.get(column)).unwrap_or(&"the sample");
                bad(line, format!("{name} is `{cell}`, expected a number")).hint(HINT)
            })?;
            event.iter_mut().skip(column).take(1).for_each(|part| *part = value);
        }
        bins.add(event).map_err(|(message, hint)| bad(line, message).hint(hint))?;
    }
    Ok(())
}

/// Which part of an event each column is.
fn columns(names: &[String]) -> Result<Vec<usize>, String> {
    let part = |name: &String| {
        let known = COLUMNS.iter().position(|known| known == name).map(|column| column + 1);
        known.or_else(|| SAMPLE.contains(&name.as_str()).then_some(0))
    };
    let found: Vec<usize> = names
        .iter()
        .map(|name| part(name).ok_or_else(|| format!("column `{name}` is not known")))
        .collect::<Result<_, _>>()?;
    for (column, name) in ["n", "t", "x", "y", "p"].iter().enumerate() {
        match found.iter().filter(|&&part| part == column).count() {
            0 if column > 0 => {
                return Err(format!("there is no column `{name}`, found {}", names.join(", ")));
            }
            0 | 1 => {}
            _ => return Err(format!("column `{name}` stands twice")),
        }
    }
    Ok(found)
}

/// Refuses lines that no table of numbers has, so that one without end takes no memory.
struct LimitedLines<R> {
    inner: R,
    since_newline: usize,
}

impl<R: Read> Read for LimitedLines<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.since_newline = match bytes.iter().take(read).rposition(|&byte| byte == b'\n') {
            Some(newline) => read - newline - 1,
            None => self.since_newline + read,
        };
        if self.since_newline > LINE_MAX {
            return Err(io::Error::other(format!("a line of more than {LINE_MAX} bytes")));
        }
        Ok(read)
    }
}
