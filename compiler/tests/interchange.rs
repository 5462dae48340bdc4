//! Mappings as files: they print, parse back to the same value, and what is wrong with them is told.

use crate::common::{network, target};
use snnc_compiler::driver::{CompileOptions, MappingInputs, map, map_with, partition_of, placement_of};
use snnc_compiler::mapping::interchange::MappingFile;
use snnc_compiler::mapping::interchange::partition::PartitionFile;
use snnc_compiler::mapping::interchange::placement::PlacementFile;
use snnc_targets::Code;
use snnc_targets::diagnostic::Location;

#[test]
fn a_mapping_comes_back_from_its_files() {
    let (ir, target) = (network(), target());
    let program = map(&ir, &target, CompileOptions::default()).unwrap();
    let partition = PartitionFile::new(&ir, &partition_of(&program));
    let placement = PlacementFile::new(&placement_of(&program), &target);
    let partition_text = partition.to_text();
    assert_eq!(PartitionFile::from_text(&partition_text, "p").unwrap(), partition, "{partition_text}");
    let placement_text = placement.to_text();
    assert_eq!(PlacementFile::from_text(&placement_text, "p").unwrap(), placement, "{placement_text}");
    let given = MappingInputs {
        partition: Some(partition.resolve(&ir).unwrap()),
        placement: Some(placement.resolve(&target).unwrap()),
        ..MappingInputs::default()
    };
    assert_eq!(map_with(&ir, &target, CompileOptions::default(), &given).unwrap(), program);
}

#[test]
fn new_numbers_of_irregular_layers_are_kept() {
    let ir = network();
    let layer = ir.model.layer_name(snnc_compiler::ir::PopulationId(0));
    let mut file = PartitionFile::new(&ir, &Default::default());
    file.orders.push((layer, vec![1, 0]));
    let text = file.to_text();
    assert_eq!(PartitionFile::from_text(&text, "p").unwrap(), file, "{text}");
    let partition = file.resolve(&ir).unwrap();
    assert_eq!(partition.orders.len(), 1);
    assert_eq!(PartitionFile::new(&ir, &partition), file);
}

#[test]
fn names_places_and_formats_are_checked() {
    let (ir, target) = (network(), target());
    let program = map(&ir, &target, CompileOptions::default()).unwrap();
    let good = PartitionFile::new(&ir, &partition_of(&program));
    let mut bad = good.clone();
    bad.cores[0][0].layer = "net.none".into();
    bad.kernel_parts.push(snnc_compiler::mapping::interchange::partition::CutKernel {
        from: good.cores[0][0].layer.clone(),
        to: good.cores[0][0].layer.clone(),
        rows: 2,
        cols: 1,
    });
    let errors = bad.resolve(&ir).unwrap_err();
    assert_eq!(errors.codes(), [Code::MappingInvalid; 2], "{errors}");
    let text = good.to_text().replace("snnc.partition/1", "snnc.partition/0");
    assert_eq!(PartitionFile::from_text(&text, "p").unwrap_err().code, Code::MappingInvalid);
    let misspelt = good.to_text().replacen("channels", "chanels", 1);
    let error = PartitionFile::from_text(&misspelt, "p.ron").unwrap_err();
    assert_eq!(error.code, Code::RonSyntax);
    assert!(
        matches!(error.place.location(), Some(Location::Line { file, .. }) if file.ends_with("p.ron")),
        "{error}"
    );

    let good = PlacementFile::new(&placement_of(&program), &target);
    for breaks in [
        |p: &mut PlacementFile| p.cores[0].chip = 9,
        |p: &mut PlacementFile| p.cores[0].x = 99,
        |p: &mut PlacementFile| p.cores[0].y = 99,
        |p: &mut PlacementFile| p.cores[0].core = 99,
        |p: &mut PlacementFile| p.chips = 0,
    ] {
        let mut bad = good.clone();
        breaks(&mut bad);
        assert_eq!(bad.resolve(&target).unwrap_err().codes(), [Code::MappingInvalid]);
    }
}
