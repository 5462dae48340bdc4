//! The one authority for writing files.
//!
//! * A regular file is written under a temporary name beside its place, flushed, then renamed ([`temporary`]): a killed
//!   run leaves the earlier file or the whole new one, never a part. Its permissions are kept.
//! * Symbolic links are followed: what they lead to is replaced, they stay ([`destination`]).
//! * A pipe, a terminal or another character device, and a descriptor of this process such as `/dev/stdout`, gets the
//!   bytes as they come. Folders, sockets and block devices are refused. None of them is ever replaced.
//! * What a command reads is never overwritten ([`Inputs`]).
//! * Folders are made only for folders of results. One has one owner at a time ([`Folder`]) and holds the files of one
//!   run ([`ResultSet`]).

pub mod destination;
mod folder;
mod inputs;
mod results;
pub mod temporary;

use std::fs::{File, Metadata, Permissions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use destination::OutputDestination;
pub use destination::{is_standard_output, same_file};
pub use folder::Folder;
pub use inputs::Inputs;
pub use results::{MANIFEST, ResultSet, add_to_set, check_set};
use temporary::Temporary;
pub use temporary::{Abandoned, abandon};

use crate::{Code, Diagnostic};

/// Writes `bytes` to `path`, replacing an earlier file only once the new one is whole.
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
    fill: impl FnOnce(&mut Unfinished) -> std::io::Result<()>,
) -> Result<(), Diagnostic> {
    let mut file = Unfinished::create(path)?;
    fill(&mut file).map_err(|error| file.failed(&error))?;
    file.finish()
}

/// Says before any work whether `path` can be written to.
///
/// # Errors
/// [`Code::OutputFailed`]: a folder, a socket or a block device, an input of the command, a missing or closed folder on
/// the way, a file that may not be written to.
pub fn check(path: &Path) -> Result<(), Diagnostic> {
    if let OutputDestination::File { path: real, .. } = OutputDestination::of(path)? {
        Temporary::beside(&real).map_err(|error| failed(path, &error))?;
    }
    Ok(())
}

/// Takes the name away from the regular file that `path` leads to, if there is one: for files whose presence says that
/// others are whole.
///
/// # Errors
/// [`Code::OutputFailed`].
pub fn remove(path: &Path) -> Result<(), Diagnostic> {
    match OutputDestination::of(path)? {
        OutputDestination::File { path: real, earlier: Some(_) } => {
            std::fs::remove_file(real).map_err(|error| failed(path, &error))
        }
        _ => Ok(()),
    }
}

/// A file that is written while a run goes on. It takes its name when it is finished; dropped before, it disappears.
#[derive(Debug)]
pub struct Unfinished {
    path: PathBuf,
    writer: BufWriter<Sink>,
}

/// Where the bytes go.
#[derive(Debug)]
enum Sink {
    /// Into a temporary file that takes the place of `real`.
    Beside { temporary: Temporary, real: PathBuf, earlier: Option<Box<Metadata>> },
    /// To whoever reads them, at once.
    Open(File),
}

impl Unfinished {
    /// Begins a file that is to be named `path`.
    ///
    /// # Errors
    /// [`Code::OutputFailed`] with the path, as [`check`].
    pub fn create(path: &Path) -> Result<Self, Diagnostic> {
        let opened = match OutputDestination::of(path)? {
            OutputDestination::File { path: real, earlier } => {
                Temporary::beside(&real).map(|temporary| Sink::Beside { temporary, real, earlier })
            }
            OutputDestination::Stream(real) => File::options().write(true).open(real).map(Sink::Open),
            OutputDestination::Descriptor(file) => Ok(Sink::Open(file)),
        };
        let sink = opened.map_err(|error| failed(path, &error))?;
        Ok(Self { path: path.to_owned(), writer: BufWriter::new(sink) })
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
        let sink = self.writer.into_inner().map_err(|error| failed(&self.path, error.error()))?;
        let Sink::Beside { temporary, real, earlier } = sink else { return Ok(()) };
        if let Some(earlier) = earlier {
            keep_permissions(temporary.file(), &earlier).map_err(|error| failed(&self.path, &error))?;
        }
        temporary.persist(&real).map_err(|error| failed(&self.path, &error))
    }
}

/// Owner, group and permissions as they were. Only the superuser may give files away: else the writer becomes the
/// owner.
fn keep_permissions(file: &File, earlier: &Metadata) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (earlier.uid(), earlier.gid()) {
        let _ = fchown(file, Some(earlier.uid()), Some(earlier.gid()));
    }
    file.set_permissions(Permissions::from_mode(earlier.permissions().mode() & 0o7777))
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Beside { temporary, .. } => temporary.file().write(bytes),
            Self::Open(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::new(Code::OutputFailed, path, format!("cannot write: {error}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_failed_write_leaves_the_earlier_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomic(&path, b"first").unwrap();
        let error = write_with(&path, |_| Err(std::io::Error::other("disk full"))).unwrap_err();
        assert_eq!(error.code, Code::OutputFailed);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
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

    #[test]
    fn links_stay_and_their_ends_keep_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("deep")).unwrap();
        std::fs::write(path("deep/real"), "old").unwrap();
        std::fs::set_permissions(path("deep/real"), Permissions::from_mode(0o640)).unwrap();
        symlink("deep/real", path("one")).unwrap();
        symlink(path("one"), path("two")).unwrap();
        symlink("deep/new", path("dangling")).unwrap();
        write_atomic(&path("two"), b"new").unwrap();
        write_atomic(&path("dangling"), b"made").unwrap();
        assert!(path("two").is_symlink() && path("one").is_symlink() && path("dangling").is_symlink());
        assert_eq!(std::fs::read(path("deep/real")).unwrap(), b"new");
        assert_eq!(std::fs::read(path("deep/new")).unwrap(), b"made");
        let mode = std::fs::symlink_metadata(path("deep/real")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o640);
    }

    #[test]
    fn what_is_no_file_is_refused_or_written_to_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let refused = |path: &Path, word: &str| {
            for problem in [check(path).unwrap_err(), write_atomic(path, b"x").unwrap_err()] {
                assert!(problem.code == Code::OutputFailed && problem.message.contains(word), "{problem}");
            }
        };
        refused(folder.path(), "folder");
        refused(&path("missing/a"), "missing");
        refused(&path("a/"), "folder");
        std::fs::write(path("file"), "").unwrap();
        refused(&path("file/a"), "no folder");
        refused(Path::new(""), "name");
        let _listener = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        refused(&path("socket"), "socket");
        symlink("loop", path("loop")).unwrap();
        refused(&path("loop"), "links");
        assert!(!path("missing").exists());
        write_atomic(Path::new("/dev/null"), b"x").unwrap();
        let full = write_atomic(Path::new("/dev/full"), b"x").unwrap_err();
        assert!(full.message.contains("No space left"), "{full}");
        // Neither has become a file.
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
        assert!(!std::fs::metadata("/dev/full").unwrap().is_file());
    }

    #[test]
    fn inputs_are_not_overwritten_through_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("input"), "kept").unwrap();
        symlink("input", path("link")).unwrap();
        std::fs::hard_link(path("input"), path("hard")).unwrap();
        let inputs = Inputs::new([path("link")]);
        for name in ["input", "link", "hard"] {
            let problem = write_atomic(&path(name), b"lost").unwrap_err();
            assert!(problem.message.contains("input"), "{problem}");
            assert!(remove(&path(name)).is_err());
        }
        assert_eq!(std::fs::read(path("input")).unwrap(), b"kept");
        write_atomic(&path("other"), b"made").unwrap();
        drop(inputs);
        write_atomic(&path("link"), b"new").unwrap();
        assert_eq!(std::fs::read(path("input")).unwrap(), b"new");
    }
}
