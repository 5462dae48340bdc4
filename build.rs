//! Tells `snnc --version` the commit that a release is built from.
//!
//! Reads the files of the repository; no git need be installed. Development builds are told nothing, so that a commit
//! does not build them anew, and so are builds outside of a repository. `SNNC_COMMIT` in the environment comes first.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=SNNC_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("SNNC_COMMIT").is_some() || std::env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    if let Some(commit) = commit() {
        println!("cargo::rustc-env=SNNC_COMMIT={commit}");
    }
}

/// The commit that `HEAD` leads to; cargo then looks at the files that say so.
fn commit() -> Option<String> {
    let folder = repository(Path::new(&std::env::var_os("CARGO_MANIFEST_DIR")?))?;
    let head = read(&folder.join("HEAD"))?;
    let Some(name) = head.strip_prefix("ref: ") else { return hash(&head) };
    // Branches of a linked work tree are in the repository that it belongs to.
    let common = read(&folder.join("commondir")).map_or_else(|| folder.clone(), |path| folder.join(path));
    if let Some(found) = read(&common.join(name)) {
        return hash(&found);
    }
    let packed = read(&common.join("packed-refs"))?;
    hash(packed.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix(' '))?)
}

/// The folder `.git`, or the one that a file of this name leads to.
fn repository(package: &Path) -> Option<PathBuf> {
    let git = package.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    Some(package.join(read(&git)?.strip_prefix("gitdir: ")?))
}

fn read(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={}", path.display());
    Some(text.trim().to_owned())
}

/// A commit and nothing else.
fn hash(text: &str) -> Option<String> {
    let hexadecimal = text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal.then(|| text.to_owned())
}
