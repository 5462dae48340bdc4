//! What the name of an output leads to, and whether it may be written to. Opens pipes and devices only to write.

use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::{failed, inputs};
use crate::{Code, Diagnostic};

/// Most symbolic links that are followed, as by Linux.
const MOST_LINKS: usize = 40;

/// Where an output goes.
#[derive(Debug)]
pub(super) enum OutputDestination {
    /// A regular file, or none yet: a whole new one takes its place. `path` is behind all links.
    File { path: PathBuf, earlier: Option<Box<Metadata>> },
    /// A named pipe or a character device.
    Stream(PathBuf),
    /// An open descriptor of this process.
    Descriptor(File),
}

/// A name behind all links.
enum ResolvedName {
    Path(PathBuf),
    Descriptor(PathBuf, u32),
}

impl OutputDestination {
    /// Looks where `path` leads.
    ///
    /// # Errors
    /// [`Code::OutputFailed`], as [`super::check`].
    pub(super) fn of(path: &Path) -> Result<Self, Diagnostic> {
        let refuse =
            |message: String, hint: &str| Diagnostic::new(Code::OutputFailed, path, message).hint(hint);
        let real = match resolve(path).map_err(|error| failed(path, &error))? {
            ResolvedName::Descriptor(real, number) => {
                return descriptor(&real, number).map(Self::Descriptor).map_err(|error| failed(path, &error));
            }
            ResolvedName::Path(real) => real,
        };
        let earlier = match std::fs::symlink_metadata(&real) {
            Ok(found) => found,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return free(path, &real).map(|()| Self::File { path: real, earlier: None });
            }
            Err(error) => return Err(failed(path, &error)),
        };
        let kind = earlier.file_type();
        if kind.is_dir() {
            return Err(refuse("expected a file, found a folder".into(), "name a file in it"));
        }
        if kind.is_socket() || kind.is_block_device() {
            let found = if kind.is_socket() { "socket" } else { "block device" };
            let message = format!("expected a file, a pipe or a character device, found a {found}");
            return Err(refuse(message, "choose another name"));
        }
        if is_stdout(&earlier) {
            return descriptor(&real, 1).map(Self::Descriptor).map_err(|error| failed(path, &error));
        }
        if !kind.is_file() {
            return Ok(Self::Stream(real));
        }
        if let Some(input) = inputs::protected(&earlier) {
            let message =
                format!("this is an input of the command ({}), which would be lost", input.display());
            return Err(refuse(message, "choose another name for the output"));
        }
        // A file that its owner has closed stays as it is, though its folder would let it be replaced.
        File::options().write(true).open(&real).map_err(|error| failed(path, &error))?;
        Ok(Self::File { path: real, earlier: Some(Box::new(earlier)) })
    }
}

/// Whether there may be a new file of this name: it has one, and its folder is there.
fn free(path: &Path, real: &Path) -> Result<(), Diagnostic> {
    let refuse = |message: String| Diagnostic::new(Code::OutputFailed, path, message);
    if real.as_os_str().is_empty() || real.file_name().is_none() {
        return Err(refuse("expected the name of a file".into()));
    }
    if real.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(refuse("expected the name of a file, found that of a folder".into()));
    }
    let folder = folder_of(real);
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(refuse(format!("{} is no folder", folder.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let hint = "make it first; only folders of results are made";
            Err(refuse(format!("the folder {} is missing", folder.display())).hint(hint))
        }
        Err(error) => Err(failed(path, &error)),
    }
}

/// The folder that a file lies in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Follows symbolic links, also to where nothing is yet.
fn resolve(path: &Path) -> std::io::Result<ResolvedName> {
    let mut at = path.to_owned();
    for _ in 0..=MOST_LINKS {
        if let Some(number) = descriptor_number(&at) {
            return Ok(ResolvedName::Descriptor(at, number));
        }
        if !at.is_symlink() {
            return Ok(ResolvedName::Path(at));
        }
        let end = std::fs::read_link(&at)?;
        at = folder_of(&at).join(end);
    }
    Err(std::io::Error::other("too many symbolic links in a row"))
}

/// The number in `/proc/self/fd/N` or `/dev/fd/N`, which `/dev/stdout` leads to.
fn descriptor_number(path: &Path) -> Option<u32> {
    let number = path.file_name()?.to_str()?.parse().ok()?;
    let folder = folder_of(path).canonicalize().ok()?;
    let own = |name: &str| Path::new(name).canonicalize().is_ok_and(|own| own == folder);
    (own("/proc/self/fd") || own("/dev/fd")).then_some(number)
}

/// Standard output and standard error share their position with what else is written there; another descriptor's file
/// is appended to.
fn descriptor(path: &Path, number: u32) -> std::io::Result<File> {
    match number {
        1 => Ok(File::from(std::io::stdout().as_fd().try_clone_to_owned()?)),
        2 => Ok(File::from(std::io::stderr().as_fd().try_clone_to_owned()?)),
        _ => File::options().append(true).open(path),
    }
}

/// Whether this file or pipe is what standard output leads to. A device may stand for both and mix nothing.
fn is_stdout(found: &Metadata) -> bool {
    let kind = found.file_type();
    let stdout = std::io::stdout().as_fd().try_clone_to_owned();
    let stdout = stdout.and_then(|own| File::from(own).metadata());
    (kind.is_file() || kind.is_fifo()) && stdout.is_ok_and(|stdout| identity(&stdout) == identity(found))
}

/// Device and inode.
pub(super) fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Whether writing to `path` is writing to standard output: `/dev/stdout`, or the file or pipe that it was sent to.
pub fn is_standard_output(path: &Path) -> bool {
    match resolve(path) {
        Ok(ResolvedName::Descriptor(_, number)) => number == 1,
        Ok(ResolvedName::Path(real)) => std::fs::symlink_metadata(real).is_ok_and(|found| is_stdout(&found)),
        Err(_) => false,
    }
}

/// Whether two outputs would be one file or pipe. Both may go to one character device such as `/dev/null`.
pub fn same_file(a: &Path, b: &Path) -> bool {
    if is_standard_output(a) && is_standard_output(b) {
        return true;
    }
    let (Ok(ResolvedName::Path(a)), Ok(ResolvedName::Path(b))) = (resolve(a), resolve(b)) else {
        return false;
    };
    match (std::fs::symlink_metadata(&a), std::fs::symlink_metadata(&b)) {
        (Ok(a), Ok(b)) => identity(&a) == identity(&b) && !a.file_type().is_char_device(),
        (Err(_), Err(_)) => {
            let whole =
                |path: &Path| Some((folder_of(path).canonicalize().ok()?, path.file_name()?.to_owned()));
            whole(&a).is_some() && whole(&a) == whole(&b)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_is_known_by_all_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a"), "").unwrap();
        std::os::unix::fs::symlink("a", path("link")).unwrap();
        assert!(same_file(&path("a"), &path("link")) && same_file(&path("a"), &path("./a")));
        assert!(same_file(&path("new"), &path("./new")) && !same_file(&path("new"), &path("newer")));
        assert!(!same_file(&path("a"), &path("new")));
        assert!(!same_file(Path::new("/dev/null"), Path::new("/dev/null")));
        assert!(same_file(Path::new("/dev/stdout"), Path::new("/proc/self/fd/1")));
    }

    #[test]
    fn descriptors_of_this_process_are_told_from_files_with_numbers_for_names() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(descriptor_number(&folder.path().join("1")), None);
        assert_eq!(descriptor_number(Path::new("/proc/self/fd/7")), Some(7));
        assert!(
            is_standard_output(Path::new("/dev/stdout")) && !is_standard_output(Path::new("/dev/stderr"))
        );
    }
}
