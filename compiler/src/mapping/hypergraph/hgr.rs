//! hMETIS files.
