//! What `--version` says: version, commit, and which targets are built in.

use std::sync::LazyLock;

use snnc_targets::registry;

/// `0.1.0 (commit 0123456789ab, targets 0123456789ab)`. The commit is that of the repository in which a release was
/// built; it is unknown for development builds, and where there was no repository.
pub fn long() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let commit =
            option_env!("SNNC_COMMIT").map_or("unknown", |commit| commit.get(..12).unwrap_or(commit));
        let targets = registry::fingerprint();
        format!("{}\ncommit: {commit}\nbuilt-in targets: {targets} (BLAKE3)", env!("CARGO_PKG_VERSION"))
    });
    &TEXT
}
