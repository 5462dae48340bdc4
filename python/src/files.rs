//! The folder of results of a run that Python holds: `snnc._native.RunFiles`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyo3::prelude::*;
use snnc::report::images::PngImage;
use snnc::results::{KeptPasses, write_images, write_kept, write_samples};
use snnc::simulator::workload::generation::GeneratedImage;
use snnc::{Diagnostics, Generation, Outcome, Report, Samples};

use crate::work;

/// What the workload gave.
enum Gave {
    Samples { made: Outcome<Vec<f64>>, fed: Samples, labels: Option<Vec<usize>> },
    Images { made: Outcome<GeneratedImage>, workload: Generation },
}

struct Held {
    gave: Gave,
    report: Report,
    kept: KeptPasses,
}

/// A run with all that its folder holds.
#[pyclass(frozen, module = "snnc._native")]
pub struct RunFiles(Arc<Held>);

impl RunFiles {
    /// Of samples.
    pub fn samples(
        (made, fed, labels): (Outcome<Vec<f64>>, Samples, Option<Vec<usize>>),
        report: Report,
        kept: KeptPasses,
    ) -> Self {
        Self(Arc::new(Held { gave: Gave::Samples { made, fed, labels }, report, kept }))
    }

    /// Of generated images.
    pub fn images(
        (made, workload): (Outcome<GeneratedImage>, Generation),
        report: Report,
        kept: KeptPasses,
    ) -> Self {
        Self(Arc::new(Held { gave: Gave::Images { made, workload }, report, kept }))
    }
}

impl Held {
    fn write(&self, folder: &Path, page: bool) -> Result<(), Diagnostics> {
        let Self { gave, report, kept } = self;
        match gave {
            Gave::Samples { made, fed, labels } => write_kept(folder, (made, report), kept, page, |set| {
                Ok(write_samples(set, fed, &made.items, labels.as_deref())?)
            }),
            Gave::Images { made, workload } => {
                // Refuses before a folder is begun what no image file holds.
                PngImage::new(workload.image, vec![0; workload.image.len()])?;
                write_kept(folder, (made, report), kept, page, |set| write_images(set, workload, &made.items))
            }
        }
    }
}

#[pymethods]
impl RunFiles {
    /// Writes the folder, with its page if that is asked for.
    fn save(&self, py: Python<'_>, folder: PathBuf, page: bool) -> PyResult<()> {
        let held = Arc::clone(&self.0);
        work::run(py, None, move |_| held.write(&folder, page))
    }

    /// The report, drawn for people when someone looks.
    fn __str__(&self) -> String {
        self.0.report.to_string()
    }
}
