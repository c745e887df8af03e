//! The documents that this project began from say what has to be found. `fixtures/seeds.tsv` has their statements whose
//! rules exist, in our words, and each of these rules tells something of the sample repository.

use crate::cli::gaps_of_the_sample;

const STATEMENTS: &str = include_str!("fixtures/seeds.tsv");
const COLUMNS: &str = "seed\tsection\tstatement\trule";

/// A line of the table.
struct Statement<'t> {
    /// The document, its section and what it says.
    place: String,
    /// The rules that find it, all of them.
    rules: Vec<&'t str>,
}

fn statements() -> Vec<Statement<'static>> {
    let mut lines = STATEMENTS.lines();
    assert_eq!(lines.next(), Some(COLUMNS));
    let statement = |line: &'static str| match line.split('\t').collect::<Vec<_>>()[..] {
        [seed, section, statement, rules] => {
            Statement { place: format!("{seed} {section}: {statement}"), rules: rules.split(',').collect() }
        }
        _ => panic!("not four columns: {line}"),
    };
    lines.map(statement).collect()
}

#[test]
fn what_the_seeds_state_is_found_in_the_sample_repository() {
    let found = gaps_of_the_sample("twelve-factor");
    let missing: Vec<String> = statements()
        .iter()
        .flat_map(|statement| statement.rules.iter().map(move |rule| (*rule, &statement.place)))
        .filter(|(rule, _)| !found.contains(*rule))
        .map(|(rule, place)| format!("{rule}, for {place}"))
        .collect();
    assert!(missing.is_empty(), "nothing in the sample shows {missing:#?}");
}

#[test]
fn each_statement_of_the_seeds_is_listed_once() {
    let mut places: Vec<String> = statements().into_iter().map(|statement| statement.place).collect();
    let listed = places.len();
    assert!(listed > 60, "{listed}");
    places.sort();
    places.dedup();
    assert_eq!(places.len(), listed);
}
