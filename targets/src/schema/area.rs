//! Silicon area by part of a chip, where it is known.

use serde::{Deserialize, Serialize};

use super::{Sourced, Target};

/// Areas in mm2. What nobody has published is left out, and then there is no total either.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaSpec {
    /// A core without its synapse memory.
    #[serde(default)]
    pub core_mm2: Option<Sourced<f64>>,
    /// The router of a tile.
    #[serde(default)]
    pub router_mm2: Option<Sourced<f64>>,
    /// A KiB of a core's synapse memory.
    #[serde(default)]
    pub memory_mm2_per_kib: Option<Sourced<f64>>,
    /// What a chip has beside cores and routers: pads, management, links to other chips.
    #[serde(default)]
    pub other_mm2_per_chip: Option<Sourced<f64>>,
}

impl AreaSpec {
    /// Names of the parts, and their values where they are known.
    pub fn parts(&self) -> [(&'static str, Option<&Sourced<f64>>); 4] {
        [
            ("core_mm2", self.core_mm2.as_ref()),
            ("router_mm2", self.router_mm2.as_ref()),
            ("memory_mm2_per_kib", self.memory_mm2_per_kib.as_ref()),
            ("other_mm2_per_chip", self.other_mm2_per_chip.as_ref()),
        ]
    }

    /// Names and values of what is known.
    pub fn known(&self) -> Vec<(&'static str, &Sourced<f64>)> {
        self.parts().into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Area of some chips in mm2, by part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Cores without synapse memory.
    pub cores_mm2: Option<f64>,
    /// Routers.
    pub routers_mm2: Option<f64>,
    /// Synapse memory.
    pub memory_mm2: Option<f64>,
    /// The rest of the chips.
    pub other_mm2: Option<f64>,
    /// All of these, if all are known.
    pub total_mm2: Option<f64>,
}

impl Target {
    /// Area of so many chips; nothing if the target says none.
    pub fn area(&self, chips: u32) -> Option<Area> {
        let (area, t) = (self.area.as_ref()?, &self.topology);
        let chips = f64::from(chips);
        let tiles = chips * f64::from(t.mesh_columns.get()) * f64::from(t.mesh_rows.get());
        let cores = tiles * f64::from(t.cores_per_tile.get());
        let kib = self.core.synapse_memory_bits.get() as f64 / 8192.0;
        let times = |value: &Option<Sourced<f64>>, many: f64| value.as_ref().map(|each| each.get() * many);
        let cores_mm2 = times(&area.core_mm2, cores);
        let routers_mm2 = times(&area.router_mm2, tiles);
        let memory_mm2 = times(&area.memory_mm2_per_kib, cores * kib);
        let other_mm2 = times(&area.other_mm2_per_chip, chips);
        let total_mm2 = [cores_mm2, routers_mm2, memory_mm2, other_mm2].into_iter().sum();
        Some(Area { cores_mm2, routers_mm2, memory_mm2, other_mm2, total_mm2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derived::Override;
    use crate::{Code, registry};

    fn with(area: &str) -> Result<Target, crate::Diagnostics> {
        registry::load_with("loihi-like", &[Override::of_option("--set", area).unwrap()])
    }

    #[test]
    fn parts_add_up_and_what_is_unknown_stays_so() {
        // 2 chips of 32 tiles and 128 cores of 128 KiB.
        let source = "Assumed(\"a test\")";
        let all = format!(
            "area=Some((core_mm2: Some((0.25, {source})), router_mm2: Some((0.5, {source})), \
             memory_mm2_per_kib: Some((0.001, {source})), other_mm2_per_chip: Some((3.0, {source}))))"
        );
        let area = with(&all).unwrap().area(2).unwrap();
        let found = [area.cores_mm2, area.routers_mm2, area.memory_mm2, area.other_mm2, area.total_mm2];
        assert_eq!(found, [64.0, 32.0, 256.0 * 128.0 * 0.001, 6.0, 134.768].map(Some));
        let some = with(&format!("area=Some((core_mm2: Some((0.25, {source})), memory_mm2_per_kib: None))"))
            .unwrap()
            .area(1)
            .unwrap();
        assert_eq!((some.cores_mm2, some.memory_mm2, some.total_mm2), (Some(32.0), None, None));
        assert_eq!(registry::load("spinnaker2-like").unwrap().area(1), None);
        // Published areas of dies: the parts of a chip add up to them.
        for (name, die) in [
            ("loihi-like", 60.0),
            ("loihi-like-sanafe", 60.0),
            ("loihi2-like", 31.0),
            ("truenorth-like", 430.0),
        ] {
            let area = registry::load(name).unwrap().area(1).unwrap().total_mm2.unwrap();
            assert!((area - die).abs() < 0.1, "{name}: {area}");
        }
        let wrong = with(&format!("area=Some((core_mm2: Some((-1.0, {source}))))")).unwrap_err();
        assert_eq!(wrong.codes(), [Code::TargetInvalid]);
    }
}
