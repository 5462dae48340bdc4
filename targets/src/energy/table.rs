//! The table of everything that energy is charged for: one row an event or static power.
//!
//! A row gives the variant, the field of the target file with its unit in the name, and how it is charged. The schema,
//! the checks, the ranges, the prices, the laws of scaling, the ledger and the reports are derived from these rows. A
//! new event is a row here and a line where it is counted, in the simulator's `charge/tally.rs` (and in its `counts.rs`
//! if nothing counts it yet); if the mapping changes how often it happens, also in the compiler's
//! `mapping/estimate.rs`. While the target files do not price it, its field is `Optional`. A test of the report
//! (`src/report/event_tests.rs`) asks for a network in which it happens.

use serde::{Deserialize, Serialize};

use super::{CrossbarExpansionRule, EnergyComponent, EventUnit, Supply};
use crate::ranges::EnergyRange;
use crate::schema::Sourced;

/// A constant that every target file gives.
type Required = Sourced<f64>;
/// A constant that a target file may leave out; nothing is charged then.
type Optional = Option<Sourced<f64>>;

/// A field of the schema that holds a constant.
trait Constant {
    /// The constant, if the target file gives it.
    fn given(&self) -> Option<&Sourced<f64>>;
    /// Gives it.
    fn set(&mut self, constant: Sourced<f64>);
}

impl Constant for Required {
    fn given(&self) -> Option<&Sourced<f64>> {
        Some(self)
    }

    fn set(&mut self, constant: Sourced<f64>) {
        *self = constant;
    }
}

impl Constant for Optional {
    fn given(&self) -> Option<&Sourced<f64>> {
        self.as_ref()
    }

    fn set(&mut self, constant: Sourced<f64>) {
        *self = Some(constant);
    }
}

/// Makes [`EnergyEvent`], [`StaticPower`] and [`EnergySpec`] of the rows.
macro_rules! energy_table {
    (
        events { $(
            $(#[$event_doc:meta])+
            $event:ident: $event_field:ident $event_presence:ident, $component:ident, $unit:ident, $rule:ident,
            $supply:ident;
        )+ }
        powers { $(
            $(#[$power_doc:meta])+
            $power:ident: $power_field:ident $power_presence:ident, $watts:literal;
        )+ }
    ) => {
        /// Something that costs energy each time.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub enum EnergyEvent { $( $(#[$event_doc])+ $event, )+ }

        impl EnergyEvent {
            /// All, in the order of reports.
            pub const ALL: [Self; [$(Self::$event),+].len()] = [$(Self::$event),+];

            /// Field name and value of its constant, in pJ, if the target gives it.
            pub fn constant(self, spec: &EnergySpec) -> Option<(&'static str, &Sourced<f64>)> {
                match self {
                    $(Self::$event => Some((stringify!($event_field), spec.$event_field.given()?)),)+
                }
            }

            /// Gives its constant another value, in pJ.
            pub fn set_constant(self, spec: &mut EnergySpec, constant: Sourced<f64>) {
                match self { $(Self::$event => spec.$event_field.set(constant),)+ }
            }

            /// What it is charged as.
            pub fn component(self) -> EnergyComponent {
                match self { $(Self::$event => EnergyComponent::$component,)+ }
            }

            /// Whether it is charged once or by flit.
            pub fn unit(self) -> EventUnit {
                match self { $(Self::$event => EventUnit::$unit,)+ }
            }

            /// What feeds it.
            pub fn supply(self) -> Supply {
                match self { $(Self::$event => Supply::$supply,)+ }
            }

            /// How often a crossbar repeats it.
            pub fn crossbar_expansion(self) -> CrossbarExpansionRule {
                match self { $(Self::$event => CrossbarExpansionRule::$rule,)+ }
            }
        }

        /// A power that is drawn as long as a chip is on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub enum StaticPower { $( $(#[$power_doc])+ $power, )+ }

        impl StaticPower {
            /// All, in the order of reports.
            pub const ALL: [Self; [$(Self::$power),+].len()] = [$(Self::$power),+];

            /// Field name and value of its constant, if the target gives it.
            pub fn constant(self, spec: &EnergySpec) -> Option<(&'static str, &Sourced<f64>)> {
                match self {
                    $(Self::$power => Some((stringify!($power_field), spec.$power_field.given()?)),)+
                }
            }

            /// Gives its constant another value, in its unit.
            pub fn set_constant(self, spec: &mut EnergySpec, constant: Sourced<f64>) {
                match self { $(Self::$power => spec.$power_field.set(constant),)+ }
            }

            /// Watts in the unit of its constant.
            pub fn watts(self) -> f64 {
                match self { $(Self::$power => $watts,)+ }
            }
        }

        /// Energy per event in pJ, and static powers; the unit is in the field name.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct EnergySpec {
            $( $(#[$event_doc])+ pub $event_field: $event_presence, )+
            $( $(#[$power_doc])+ pub $power_field: $power_presence, )+
            /// How far some of the constants may be off; a constant that is not listed has no range.
            #[serde(default)]
            pub ranges: Vec<EnergyRange>,
        }
    };
}

// Columns of events: variant, field and whether files must give it, component, unit, expansion on crossbars, supply.
// Columns of powers: variant, field and whether files must give it, watts in the field's unit.
energy_table! {
    events {
        /// One synaptic operation.
        SynapticOperation: synaptic_operation_pj Required, Synapse, Once, BySpike, Cores;
        /// Update of a neuron with input, bias or membrane other than 0.
        NeuronUpdateActive: neuron_update_active_pj Required, Neuron, Once, NeuronCopies, Cores;
        /// Update of a neuron whose input, bias and membrane are all 0.
        NeuronUpdateInactive: neuron_update_inactive_pj Required, Neuron, Once, NeuronCopies, Cores;
        /// Added when a neuron fires.
        NeuronSpike: neuron_spike_pj Required, Neuron, Once, BySpike, Cores;
        /// Decoding of an arriving packet.
        AxonIn: axon_in_pj Required, Axon, Once, BitPlanes, Cores;
        /// Making of a packet.
        AxonOut: axon_out_pj Required, Axon, Once, BitPlanes, Cores;
        /// Delivery within the destination tile of one flit; a packet has `network.flits_per_packet`, 1 without a
        /// network.
        TileDelivery: tile_delivery_pj Required, Network, Flit, BitPlanes, Cores;
        /// A hop of one flit to the east or west.
        HopEastWest: hop_east_west_pj Required, Network, Flit, BitPlanes, Cores;
        /// A hop of one flit to the north or south.
        HopNorthSouth: hop_north_south_pj Required, Network, Flit, BitPlanes, Cores;
        /// A hop of one flit between chips.
        HopChip: hop_chip_pj Required, Network, Flit, BitPlanes, Outside;
        /// One word written by the host.
        HostWrite: host_write_pj Required, Host, Once, NeuronCopies, Outside;
        /// One word read by the host.
        HostRead: host_read_pj Required, Host, Once, Never, Outside;
        /// One packet that enters the mesh at `topology.input_port`.
        InputPacket: input_packet_pj Optional, Host, Once, BitPlanes, Outside;
        /// One multiply-add that the host computes before or after a pass; nothing if left out.
        HostMultiplyAdd: host_multiply_add_pj Optional, Host, Once, Never, Outside;
        /// Synchronisation of host and chip, once a pass; nothing if left out.
        HostSynchronisation: host_synchronisation_pj Optional, Host, Once, Never, Outside;
        /// Clearing of a neuron's state before a pass; nothing if left out.
        MembraneClear: membrane_clear_pj Optional, Neuron, Once, NeuronCopies, Cores;
    }
    powers {
        /// Static power of a powered chip, what its cores draw left out if that is given by core.
        Chip: static_mw_per_chip Required, 1e-3;
        /// Static power of each core of a powered chip, used or not (but see `static_uw_per_unused_core`); nothing if
        /// left out.
        Core: static_uw_per_core Optional, 1e-6;
        /// Static power of each KiB of synapse memory of a core of a powered chip (`core.synapse_memory_bits`); nothing
        /// if left out.
        MemoryKib: static_uw_per_memory_kib Optional, 1e-6;
        /// What a core that holds neurons draws beside the static power of every core; nothing if left out.
        CoreInUse: static_uw_per_core_in_use Optional, 1e-6;
        /// Power of the processors embedded in a powered chip, beside its cores; nothing if left out.
        Embedded: static_mw_embedded_per_chip Optional, 1e-3;
        /// What a powered chip without neurons draws, in place of all the powers above; if left out, those.
        UnusedChip: static_mw_per_unused_chip Optional, 1e-3;
        /// What a core without neurons draws on a chip, in place of `static_uw_per_core` and that of its memory; if
        /// left out, those.
        UnusedCore: static_uw_per_unused_core Optional, 1e-6;
    }
}
