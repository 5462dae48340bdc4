//! Atomic file output: written to a temporary name in the same folder, flushed, then renamed.
//!
//! Invariant: a killed run leaves the earlier file or the whole new one, never a part.

use std::io::Write;
use std::path::Path;

use crate::{Code, Diagnostic};

/// Writes `bytes` to `path`, replacing an earlier file only once the new one is whole. Makes missing folders.
///
/// # Errors
/// [`Code::OutputFailed`] with the path.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    write_with(path, |file| file.write_all(bytes))
}

/// Like [`write_atomic`], for content that is produced piece by piece.
///
/// # Errors
/// [`Code::OutputFailed`] with the path.
pub fn write_with(
    path: &Path,
    fill: impl FnOnce(&mut std::io::BufWriter<&mut std::fs::File>) -> std::io::Result<()>,
) -> Result<(), Diagnostic> {
    let mut temporary = temporary(path)?;
    let mut writer = std::io::BufWriter::new(temporary.as_file_mut());
    fill(&mut writer).and_then(|()| writer.flush()).map_err(|e| failed(path, &e))?;
    drop(writer);
    persist(path, temporary)
}

/// A file that is written while a run goes on. It takes its name when it is finished; dropped before, it disappears.
#[derive(Debug)]
pub struct Unfinished {
    path: std::path::PathBuf,
    writer: std::io::BufWriter<tempfile::NamedTempFile>,
}

impl Unfinished {
    /// Begins a file that is to be named `path`. Makes missing folders.
    ///
    /// # Errors
    /// [`Code::OutputFailed`] with the path.
    pub fn create(path: &Path) -> Result<Self, Diagnostic> {
        Ok(Self { path: path.to_owned(), writer: std::io::BufWriter::new(temporary(path)?) })
    }

    /// A write that went wrong, as a diagnostic.
    pub fn failed(&self, error: &dyn std::fmt::Display) -> Diagnostic {
        failed(&self.path, error)
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`Code::OutputFailed`] with the path.
    pub fn finish(self) -> Result<(), Diagnostic> {
        let temporary = self.writer.into_inner().map_err(|e| failed(&self.path, &e))?;
        persist(&self.path, temporary)
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::new(Code::OutputFailed, path.display().to_string(), format!("cannot write: {error}"))
}

/// A file beside `path`.
fn temporary(path: &Path) -> Result<tempfile::NamedTempFile, Diagnostic> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(|e| failed(path, &e))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".snnc-").permissions(permissions()).tempfile_in(folder).map_err(|e| failed(path, &e))
}

fn persist(path: &Path, temporary: tempfile::NamedTempFile) -> Result<(), Diagnostic> {
    temporary.as_file().sync_all().map_err(|e| failed(path, &e))?;
    temporary.persist(path).map_err(|e| failed(path, &e.error))?;
    Ok(())
}

/// Ordinary file permissions (the umask applies); temporary files are private by default.
fn permissions() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o666)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_earlier_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/a.txt");
        write_atomic(&path, b"first").unwrap();
        let error = write_with(&path, |_| Err(std::io::Error::other("disk full"))).unwrap_err();
        assert_eq!(error.code, Code::OutputFailed);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn an_unfinished_file_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let mut first = Unfinished::create(&path).unwrap();
        first.write_all(b"lost").unwrap();
        drop(first);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut second = Unfinished::create(&path).unwrap();
        second.write_all(b"kept").unwrap();
        assert!(!path.exists());
        second.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
    }
}
