use super::*;

const ALL: [Interconnect; 3] = [Interconnect::MeshXy, Interconnect::MeshYx, Interconnect::TorusXy];

fn tiles(grid: Grid) -> impl Iterator<Item = Tile> {
    (0..grid.rows).flat_map(move |y| (0..grid.columns).map(move |x| Tile { x, y }))
}

/// Links of a packet, as (router, direction).
fn walk(routing: Interconnect, grid: Grid, from: Tile, to: Tile) -> Vec<(Tile, Direction)> {
    let (mut at, mut links) = (from, Vec::new());
    while let Some(direction) = routing.next(grid, at, to) {
        links.push((at, direction));
        at = routing.neighbour(grid, at, direction).expect("a packet follows links that exist");
        assert!(links.len() <= 100, "a packet arrives");
    }
    assert_eq!(at, to);
    links
}

#[test]
fn every_packet_arrives_by_the_fewest_links_along_one_axis_and_then_the_other() {
    for (columns, rows) in [(1, 1), (2, 1), (2, 2), (3, 4), (5, 2), (6, 3), (7, 7)] {
        let grid = Grid { columns, rows };
        for routing in ALL {
            for (from, to) in tiles(grid).flat_map(|from| tiles(grid).map(move |to| (from, to))) {
                let links = walk(routing, grid, from, to);
                let ring = |a: u32, b: u32, n: u32| a.abs_diff(b).min(n - a.abs_diff(b));
                let fewest = match routing {
                    Interconnect::TorusXy => ring(from.x, to.x, columns) + ring(from.y, to.y, rows),
                    _ => from.x.abs_diff(to.x) + from.y.abs_diff(to.y),
                };
                assert_eq!(links.len() as u32, fewest, "{routing:?} {from:?} {to:?}");
                assert_eq!(routing.distance(grid, from, to), fewest);
                let axes: Vec<Axis> = links.iter().map(|(_, direction)| direction.axis()).collect();
                let turns = axes.windows(2).filter(|pair| pair[0] != pair[1]).count();
                let first = if routing == Interconnect::MeshYx { Axis::Y } else { Axis::X };
                assert!(turns == 0 || (turns == 1 && axes[0] == first), "{routing:?} {axes:?}");
            }
        }
    }
}

#[test]
fn links_lead_back_by_the_opposite_port() {
    for routing in ALL {
        for grid in [Grid { columns: 3, rows: 2 }, Grid { columns: 1, rows: 4 }] {
            for at in tiles(grid) {
                for direction in Direction::ALL {
                    let Some(next) = routing.neighbour(grid, at, direction) else { continue };
                    let back = Direction::ALL[direction.port() ^ 1];
                    assert_eq!(routing.neighbour(grid, next, back), Some(at));
                }
            }
        }
        let edge = routing.neighbour(Grid { columns: 3, rows: 1 }, Tile { x: 2, y: 0 }, Direction::East);
        assert_eq!(edge, routing.wraps().then_some(Tile { x: 0, y: 0 }));
    }
}

/// Buffers are (link, class); a packet that holds one waits for the next on its way. No circle of waiting may exist
/// (Dally and Seitz 1987): that is the whole proof, made for every pair of routers.
#[test]
fn no_circle_of_buffers_waits_for_itself() {
    for (columns, rows) in [(2, 2), (3, 3), (4, 5), (6, 2), (1, 7)] {
        let grid = Grid { columns, rows };
        for routing in ALL {
            let mut waits = std::collections::BTreeSet::new();
            let number = |(at, direction): (Tile, Direction), class: u32| {
                ((at.y * columns + at.x) * 4 + direction.port() as u32) * 2 + class
            };
            for (from, to) in tiles(grid).flat_map(|from| tiles(grid).map(move |to| (from, to))) {
                let buffers: Vec<u32> = walk(routing, grid, from, to)
                    .into_iter()
                    .map(|(at, direction)| {
                        let behind = routing.neighbour(grid, at, direction).unwrap();
                        let class = routing.channel_class(behind, direction, to);
                        assert!(class < routing.channel_classes());
                        number((at, direction), class)
                    })
                    .collect();
                waits.extend(buffers.windows(2).map(|pair| (pair[0], pair[1])));
            }
            // Buffers that wait for none are taken away until none is left.
            while !waits.is_empty() {
                let waiting: std::collections::BTreeSet<u32> = waits.iter().map(|&(a, _)| a).collect();
                let before = waits.len();
                waits.retain(|(_, b)| waiting.contains(b));
                assert!(waits.len() < before, "{routing:?} on {columns} x {rows} has a circle");
            }
        }
    }
}

#[test]
fn one_class_would_not_be_enough_for_a_ring() {
    // The circle that the classes break: four packets, each two links on, each behind the next.
    let grid = Grid { columns: 4, rows: 1 };
    let links: Vec<Vec<u32>> = (0..4)
        .map(|x| walk(Interconnect::TorusXy, grid, Tile { x, y: 0 }, Tile { x: (x + 2) % 4, y: 0 }))
        .map(|links| links.into_iter().map(|(at, _)| at.x).collect())
        .collect();
    assert_eq!(links, [[0, 1], [1, 2], [2, 3], [3, 0]]);
}

#[test]
fn sums_between_coordinates_are_those_of_the_links_on_the_way() {
    for routing in ALL {
        for length in 1..9 {
            let share = |a: u32, b: u32| i64::from(10 + 7 * a.min(b) + 3 * a.max(b));
            let sums = AxisSums::new(routing, length, share);
            let grid = Grid { columns: length, rows: 1 };
            for (from, to) in tiles(grid).flat_map(|from| tiles(grid).map(move |to| (from, to))) {
                let links = walk(routing, grid, from, to).into_iter();
                let walked: i64 = links
                    .map(|(at, direction)| share(at.x, routing.neighbour(grid, at, direction).unwrap().x))
                    .sum();
                // A ring of two has two links between its routers, with equal shares here.
                assert_eq!(sums.between(routing, from.x, to.x), walked, "{routing:?} {length}");
            }
        }
    }
}
