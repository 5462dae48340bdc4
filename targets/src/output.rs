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
    let failed = |error: &dyn std::fmt::Display| {
        Diagnostic::new(Code::OutputFailed, path.display().to_string(), format!("cannot write: {error}"))
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".snnc-")
        .permissions(permissions())
        .tempfile_in(folder)
        .map_err(|e| failed(&e))?;
    let mut writer = std::io::BufWriter::new(temporary.as_file_mut());
    fill(&mut writer).and_then(|()| writer.flush()).map_err(|e| failed(&e))?;
    drop(writer);
    temporary.as_file().sync_all().map_err(|e| failed(&e))?;
    temporary.persist(path).map_err(|e| failed(&e.error))?;
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
}
