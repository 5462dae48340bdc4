//! x
use std::path::Path;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    match snnc_compiler::frontend::import(Path::new(&a[1]), Path::new(&a[2]), 28, Path::new(&a[3])) {
        Ok(s) => println!("{s:?}"),
        Err(e) => println!("{e}"),
    }
    match snnc_compiler::frontend::load(&Path::new(&a[3]).join("model.ron")) {
        Ok(s) => {
            for g in s.graphs.values() {
                println!("{} {}", g.name, g.net.node_count())
            }
        }
        Err(e) => println!("{e}"),
    }
}
