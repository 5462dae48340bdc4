//! Targets at another supply, process corner or clock.
//!
//! With V the supply, V0 the nominal one and Vt the threshold of [`ScalingSpec`]:
//! * energies of events on the chip x (V / V0)^2: charge C V at V;
//! * static powers x (V / V0)^n x that of the corner: all of them are taken to be leakage;
//! * times on the chip x (V / V0) ((V0 - Vt) / (V - Vt))^a / clock: the alpha-power law of delays (Sakurai and Newton
//!   1990, IEEE JSSC 25(2)), and a clock that may be slower than the supply allows.
//!
//! Links between chips and the host's transfers have a supply of their own and keep their energies and times. The
//! constants are rewritten when a target is read, each with its factor in its source, so that whatever reads a target
//! afterwards sees the scaled one. [`OperatingPoint`] then tells of it and takes the place of the laws, so they are
//! applied once.

use crate::energy::{EnergyEvent, StaticPower, Supply};
use crate::schema::{Corner, OperatingPoint, Provenance, ScalingSpec, Sourced, Target, UnitTime};

/// Least clock period that a target may have, ns.
const CLOCK_MIN_NS: f64 = 0.001;

/// Units whose supply is not that of the cores.
const OFF_CHIP_TIMES: [&str; 6] =
    ["hop_chip", "host_write", "host_read", "host_multiply_add", "host_synchronisation", "input_packet"];

/// The three factors.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Factors {
    energy: f64,
    leakage: f64,
    time: f64,
}

impl ScalingSpec {
    /// All 1 at the nominal supply, the typical corner and the full clock.
    fn factors(&self) -> Factors {
        let (v, v0, vt) = (self.supply_v.get(), self.nominal_v.get(), self.threshold_v.get());
        let delay = (v / v0) * libm::pow((v0 - vt) / (v - vt), self.delay_exponent.get());
        Factors {
            energy: (v / v0) * (v / v0),
            leakage: libm::pow(v / v0, self.leakage_exponent.get()) * self.corner_factor(),
            time: delay / self.clock.get(),
        }
    }

    fn corner_factor(&self) -> f64 {
        let (slow, fast) = self.corner_leakage.0;
        match self.corner.get() {
            Corner::Slow => slow,
            Corner::Typical => 1.0,
            Corner::Fast => fast,
        }
    }

    /// Contradictions and values out of range.
    pub(crate) fn check(&self, need: &mut impl FnMut(bool, &str, &str)) {
        let (low, high) = self.supply_range_v.0;
        let inside = |v: f64| low <= v && v <= high;
        let ordered = 0.0 < low && low <= high && high <= 100.0;
        need(ordered, "scaling.supply_range_v", "two supplies above 0, at most 100 V, ascending");
        let range = format!("a supply of {low} to {high} V, where the chip works");
        need(inside(self.nominal_v.get()), "scaling.nominal_v", &range);
        need(inside(self.supply_v.get()), "scaling.supply_v", &range);
        let vt = self.threshold_v.get();
        need(0.0 <= vt && vt < low, "scaling.threshold_v", "0 or more, and below supply_range_v");
        need((1.0..=2.0).contains(&self.delay_exponent.get()), "scaling.delay_exponent", "1 to 2");
        need((0.0..=10.0).contains(&self.leakage_exponent.get()), "scaling.leakage_exponent", "0 to 10");
        let (slow, fast) = self.corner_leakage.0;
        let corners = 0.0 < slow && slow <= 1.0 && (1.0..=100.0).contains(&fast);
        need(corners, "scaling.corner_leakage", "above 0 and at most 1, and 1 to 100");
        let clock = (1e-3..=1.0).contains(&self.clock.get());
        need(clock, "scaling.clock", "0.001 to 1, relative to the fastest clock");
    }

    /// What the factors rest on.
    fn assumptions(&self) -> Vec<String> {
        let said = |what: &str, source: &Provenance| format!("{what} ({source})");
        let exponent = self.leakage_exponent.get();
        let mut all = vec![
            said(
                &format!(
                    "energies of events follow the square of the supply, from {} V",
                    self.nominal_v.get()
                ),
                &self.nominal_v.1,
            ),
            said(
                &format!("static power is all leakage and follows the supply to the power of {exponent}"),
                &self.leakage_exponent.1,
            ),
        ];
        if self.corner.get() != Corner::Typical {
            let (corner, factor) = (self.corner.get().name(), self.corner_factor());
            let what = format!("the {corner} corner leaks {factor} times what the typical one does");
            all.push(said(&what, &self.corner_leakage.1));
        }
        let (vt, alpha) = (self.threshold_v.get(), self.delay_exponent.get());
        let law = format!("times follow V / (V - {vt} V)^{alpha}");
        all.push(format!("{law} (threshold {}; exponent {})", self.threshold_v.1, self.delay_exponent.1));
        if self.clock.get() < 1.0 {
            let what = format!("the clock is {} of the fastest that the supply allows", self.clock.get());
            all.push(said(&what, &self.clock.1));
        }
        all.push("links between chips and the host have a supply of their own: they are not scaled".into());
        all
    }
}

impl Target {
    /// This target with its constants at the supply, corner and clock that its laws of scaling name. Call
    /// [`Target::check`] before, and after it.
    #[must_use]
    pub(crate) fn at_operating_point(mut self) -> Self {
        let Some(spec) = &self.scaling else { return self };
        let factors = spec.factors();
        if factors == (Factors { energy: 1.0, leakage: 1.0, time: 1.0 }) {
            return self;
        }
        let spec = spec.clone();
        self.scale_energies(&spec, factors);
        self.scale_times(&spec, factors.time);
        self.operating_point = Some(OperatingPoint {
            nominal_v: spec.nominal_v.get(),
            supply_v: spec.supply_v.get(),
            corner: spec.corner.get(),
            clock: spec.clock.get(),
            energy_factor: factors.energy,
            static_factor: factors.leakage,
            time_factor: factors.time,
            assumptions: spec.assumptions(),
        });
        self.scaling = None;
        self
    }

    fn scale_energies(&mut self, spec: &ScalingSpec, factors: Factors) {
        let at = format!("{} V", spec.supply_v.get());
        let mut ranged = Vec::new();
        for event in EnergyEvent::ALL.into_iter().filter(|event| event.supply() == Supply::Cores) {
            let Some((name, constant)) = event.constant(&self.energy) else { continue };
            let scaled = scaled(constant, factors.energy, &at, false);
            ranged.push((name, factors.energy));
            event.set_constant(&mut self.energy, scaled);
        }
        let assumed = matches!(spec.leakage_exponent.1, Provenance::Assumed(_));
        let at = format!("{} V, {} corner", spec.supply_v.get(), spec.corner.get().name());
        for power in StaticPower::ALL {
            let Some((name, constant)) = power.constant(&self.energy) else { continue };
            let scaled = scaled(constant, factors.leakage, &at, assumed);
            ranged.push((name, factors.leakage));
            power.set_constant(&mut self.energy, scaled);
        }
        for range in &mut self.energy.ranges {
            if let Some((_, factor)) = ranged.iter().find(|(name, _)| *name == range.constant) {
                (range.low, range.high) = (range.low * factor, range.high * factor);
            }
        }
    }

    fn scale_times(&mut self, spec: &ScalingSpec, factor: f64) {
        let laws = [&spec.threshold_v.1, &spec.delay_exponent.1];
        let assumed = laws.into_iter().any(|source| matches!(source, Provenance::Assumed(_)));
        let at = format!("{} V", spec.supply_v.get());
        let each = |time: &mut Sourced<f64>| *time = scaled(time, factor, &at, assumed);
        let unit =
            |unit: &mut UnitTime| [&mut unit.latency_ns, &mut unit.interval_ns].into_iter().for_each(each);
        let t = &mut self.timing;
        let units = [
            &mut t.synaptic_operation,
            &mut t.neuron_update_active,
            &mut t.neuron_update_inactive,
            &mut t.axon_in,
            &mut t.axon_out,
            &mut t.tile_delivery,
            &mut t.hop_east_west,
            &mut t.hop_north_south,
        ];
        units.into_iter().chain(&mut t.neuron_spike).for_each(unit);
        each(&mut t.clock_ns);
        t.clock_ns.0 = t.clock_ns.0.max(CLOCK_MIN_NS);
        for range in t.ranges.iter_mut().filter(|range| scales(&range.constant)) {
            let least = if range.constant == "clock_ns" { CLOCK_MIN_NS } else { 0.0 };
            (range.low, range.high) = ((range.low * factor).max(least), (range.high * factor).max(least));
        }
        t.barrier.points_ns.0.iter_mut().for_each(|(_, ns)| *ns *= factor);
        t.barrier.points_ns.1 = source("the table", factor, &at, assumed, &t.barrier.points_ns.1);
        if let Some(network) = &mut self.network {
            [&mut network.router_latency_ns, &mut network.credit_latency_ns].into_iter().for_each(each);
            let on_chip = ["router_latency_ns", "credit_latency_ns"];
            for range in network.ranges.iter_mut().filter(|range| on_chip.contains(&range.constant.as_str()))
            {
                (range.low, range.high) = (range.low * factor, range.high * factor);
            }
        }
    }
}

/// Whether the range of a unit's interval or latency, or of the clock, follows the supply of the cores. A barrier's is
/// a share of its table.
fn scales(constant: &str) -> bool {
    let unit = constant.split('.').next().unwrap_or(constant);
    constant != crate::time_ranges::BARRIER && !OFF_CHIP_TIMES.contains(&unit)
}

/// A constant times a factor; one that is 0 stays what it is.
fn scaled(constant: &Sourced<f64>, factor: f64, at: &str, assumed: bool) -> Sourced<f64> {
    if constant.0 == 0.0 {
        return constant.clone();
    }
    let source = source(&constant.0.to_string(), factor, at, assumed, &constant.1);
    Sourced(constant.0 * factor, source)
}

/// What is derived from an assumption, or by an assumed law, is assumed.
fn source(what: &str, factor: f64, at: &str, assumed: bool, original: &Provenance) -> Provenance {
    let text = format!("{what} x {factor:.4} for {at}; {original}");
    match original {
        Provenance::Assumed(_) => Provenance::Assumed(text),
        _ if assumed => Provenance::Assumed(text),
        _ => Provenance::Derived(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derived::Override;
    use crate::{Code, registry};

    fn with(changes: &[&str]) -> Result<Target, crate::Diagnostics> {
        let changes: Vec<Override> =
            changes.iter().map(|change| Override::of_option("--set", change).unwrap()).collect();
        registry::load_with("loihi-like", &changes)
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{found}, expected {expected}");
    }

    #[test]
    fn at_its_nominal_supply_a_target_is_what_its_file_says() {
        let plain = registry::load("loihi-like").unwrap();
        assert!(plain.operating_point.is_none() && plain.scaling.is_some());
        close(plain.energy.synaptic_operation_pj.get(), 23.6);
        assert_eq!(plain.clone().at_operating_point(), plain);
    }

    /// Closed forms at 0.6 V of 0.75 V: (0.6 / 0.75)^2 = 0.64. With Vt = 0.35 V and the exponent 1 delays grow by
    /// 0.8 x 0.4 / 0.25 = 1.28; with the exponent 2 by 0.8 x 2.56 = 2.048. Leakage by 0.8^3 = 0.512.
    #[test]
    fn energies_powers_and_times_follow_their_laws() {
        let plain = registry::load("loihi-like").unwrap();
        let laws = ["scaling.threshold_v=0.35", "scaling.leakage_exponent=3", "scaling.supply_v=0.6"];
        let low = with(&[&laws[..], &["scaling.delay_exponent=1"]].concat()).unwrap();
        close(low.energy.synaptic_operation_pj.get(), 23.6 * 0.64);
        close(low.energy.hop_north_south_pj.get(), 4.0 * 0.64);
        close(low.energy.static_uw_per_core.as_ref().unwrap().get(), 412.5 * 0.512);
        close(low.timing.synaptic_operation.interval_ns.get(), 3.5 * 1.28);
        close(low.timing.barrier.points_ns.0[0].1, 113.0 * 1.28);
        close(low.network.as_ref().unwrap().credit_latency_ns.get(), 0.29 * 1.28);
        let range = low.energy_range("synaptic_operation_pj").unwrap();
        close(range.low, 19.6 * 0.64);
        close(range.high, 35.5 * 0.64);
        for range in &plain.timing.ranges {
            let unit = range.constant.split('.').next().unwrap();
            let off_chip = ["hop_chip", "host_write", "host_read", "input_packet"].contains(&unit);
            let factor = if off_chip || range.constant == "barrier" { 1.0 } else { 1.28 };
            let found = low.timing.ranges.iter().find(|other| other.constant == range.constant).unwrap();
            close(found.low, range.low * factor);
            close(found.high, range.high * factor);
        }
        for (name, factor) in
            [("credit_latency_ns", 1.28), ("chip_credit_latency_ns", 1.0), ("buffer_flits", 1.0)]
        {
            let high = |target: &Target| {
                let ranges = &target.network.as_ref().unwrap().ranges;
                ranges.iter().find(|range| range.constant == name).unwrap().high
            };
            close(high(&low), high(&plain) * factor);
        }
        // Another supply feeds what leaves the chip.
        assert_eq!(low.energy.hop_chip_pj, plain.energy.hop_chip_pj);
        assert_eq!(low.energy.host_write_pj, plain.energy.host_write_pj);
        assert_eq!(low.timing.hop_chip, plain.timing.hop_chip);
        assert_eq!(low.timing.input_packet, plain.timing.input_packet);
        let point = low.operating_point.as_ref().unwrap();
        for (found, expected) in
            [(point.energy_factor, 0.64), (point.static_factor, 0.512), (point.time_factor, 1.28)]
        {
            close(found, expected);
        }
        assert!(low.scaling.is_none() && low.clone().at_operating_point() == low);
        let squared = with(&[&laws[..], &["scaling.delay_exponent=2"]].concat()).unwrap();
        close(squared.timing.hop_east_west.latency_ns.get(), 4.1 * 2.048);
    }

    #[test]
    fn corners_change_static_power_and_clocks_times_alone() {
        let plain = registry::load("loihi-like").unwrap();
        let fast = with(&["scaling.corner=Fast", "scaling.corner_leakage=(0.5, 2.5)"]).unwrap();
        close(fast.energy.static_uw_per_memory_kib.as_ref().unwrap().get(), 3.125 * 2.5);
        assert_eq!(fast.timing.synaptic_operation.interval_ns.get(), 3.5);
        assert_eq!(fast.energy.synaptic_operation_pj.get(), 23.6);
        let slow = with(&["scaling.corner=Slow", "scaling.corner_leakage=(0.5, 2.5)"]).unwrap();
        close(slow.energy.static_uw_per_core.as_ref().unwrap().get(), 412.5 * 0.5);
        let half = with(&["scaling.clock=0.5"]).unwrap();
        close(half.timing.neuron_update_active.interval_ns.get(), 8.4 * 2.0);
        assert_eq!(half.energy.synaptic_operation_pj.get(), plain.energy.synaptic_operation_pj.get());
        assert_eq!(half.timing.host_write, plain.timing.host_write);
    }

    #[test]
    fn factors_and_their_assumptions_are_told() {
        let low = with(&["scaling.supply_v=0.6"]).unwrap();
        let source = &low.energy.synaptic_operation_pj.1;
        assert!(matches!(source, Provenance::Derived(_)), "{source}");
        assert!(source.text().starts_with("23.6 x 0.6400 for 0.6 V; published: Davies"), "{source}");
        let told = low.operating_point.unwrap().assumptions.join("\n");
        for words in ["square of the supply", "leakage", "V / (V - ", "not scaled"] {
            assert!(told.contains(words), "{words}: {told}");
        }
        // Assumed laws make assumed constants.
        assert!(matches!(low.timing.synaptic_operation.latency_ns.1, Provenance::Assumed(_)));
        // A constant of 0 has nothing to scale.
        assert_eq!(low.energy.axon_in_pj, registry::load("loihi-like").unwrap().energy.axon_in_pj);
    }

    #[test]
    fn what_no_chip_could_do_is_refused() {
        for (change, place) in [
            ("scaling.supply_v=0.45", "scaling.supply_v"),
            ("scaling.supply_v=1.3", "scaling.supply_v"),
            ("scaling.threshold_v=0.5", "scaling.threshold_v"),
            ("scaling.delay_exponent=2.5", "scaling.delay_exponent"),
            ("scaling.leakage_exponent=-1.0", "scaling.leakage_exponent"),
            ("scaling.corner_leakage=(2.0, 3.0)", "scaling.corner_leakage"),
            ("scaling.clock=1.5", "scaling.clock"),
            ("scaling.clock=0.0", "scaling.clock"),
        ] {
            let error = with(&[change]).unwrap_err();
            assert_eq!(error.codes(), [Code::TargetInvalid], "{change}: {error}");
            assert!(error.0[0].place.to_string().ends_with(place), "{change}: {error}");
        }
        let text = "operating_point=Some((nominal_v: 1.0, supply_v: 1.0, corner: Typical, clock: 1.0, \
                    energy_factor: 1.0, static_factor: 1.0, time_factor: 1.0, assumptions: []))";
        let error = with(&[text]).unwrap_err();
        assert!(error.0[0].place.to_string().ends_with("operating_point"), "{error}");
    }
}
