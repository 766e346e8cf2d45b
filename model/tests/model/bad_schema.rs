//! Batches whose columns are not those of the model.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use astload_model::{Intake, MODEL_KEY};

use crate::intake::{refused, with};
use crate::records::{node_columns, one_unit, record, text};

#[test]
fn unknown_columns_are_refused_by_name() {
    let columns = with(one_unit(node_columns()), "colour", text(&["red"]));
    assert_eq!(refused(columns), "unknown column `colour`");
    let columns = one_unit(with(node_columns(), "colour", text(&["red"; 4])));
    assert_eq!(refused(columns), "unknown column `nodes.colour`");
}

#[test]
fn columns_that_are_given_twice_are_refused_by_name() {
    let mut columns = one_unit(node_columns());
    columns.push(("path", text(&["b.py"])));
    assert_eq!(refused(columns), "column `path` is given twice");
    let mut columns = one_unit(node_columns());
    columns.push(columns[2].clone());
    assert_eq!(refused(columns), "column `nodes` is given twice");
}

#[test]
fn missing_columns_are_refused_by_name() {
    let mut columns = one_unit(node_columns());
    columns.retain(|(name, _)| *name != "path");
    assert_eq!(refused(columns), "column `path` is missing");
    let mut nodes = node_columns();
    nodes.retain(|(name, _)| *name != "kind");
    assert_eq!(refused(one_unit(nodes)), "column `nodes.kind` is missing");
}

#[test]
fn columns_of_another_type_are_refused_by_name() {
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.0; 4]));
    let columns = one_unit(with(node_columns(), "parent", floats.clone()));
    assert_eq!(refused(columns), "column `nodes.parent` has type Float64, expected an integer");
    let columns = one_unit(with(node_columns(), "kind", floats));
    assert_eq!(refused(columns), "column `nodes.kind` has type Float64, expected text");
    let columns = with(one_unit(node_columns()), "nodes", text(&["[]"]));
    assert_eq!(refused(columns), "column `nodes` has type Utf8, expected a list of structs");
    let columns = with(one_unit(node_columns()), "content_hash", text(&["00"]));
    assert_eq!(refused(columns), "column `content_hash` has type Utf8, expected binary");
}

#[test]
fn another_version_of_the_model_is_refused() {
    let record = record(one_unit(node_columns()));
    let with_version = |version: &str| {
        let metadata: HashMap<_, _> = [(MODEL_KEY.to_owned(), version.to_owned())].into();
        let schema = record.schema().as_ref().clone().with_metadata(metadata);
        let record = record.clone().with_schema(Arc::new(schema)).expect("the same columns");
        Intake::from_record(&record).map(|intake| intake.batch.len())
    };
    assert_eq!(with_version("1"), Ok(1));
    let error = with_version("2").expect_err("is refused").to_string();
    assert_eq!(error, "the schema says astload.model = 2, this is version 1");
}
