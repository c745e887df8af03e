//! RFC 6902 operations: those that a fix may hold.

use crate::document::Pointer;
use serde_json::Value;

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Adds an entry or element, or replaces an entry.
    Add {
        /// Where.
        path: Pointer,
        /// What.
        value: Value,
    },
    /// Replaces what is there.
    Replace {
        /// Where.
        path: Pointer,
        /// By what.
        value: Value,
    },
    /// Removes what is there.
    Remove {
        /// Where.
        path: Pointer,
    },
    /// Holds when the value is there.
    Test {
        /// Where.
        path: Pointer,
        /// What.
        value: Value,
    },
}

/// Why a text is no list of operations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// Not a JSON array of objects.
    #[error("it is not a JSON array of operations: {0}")]
    NotAnArray(String),
    /// An operation lacks something, or is of a kind that fixes may not hold.
    #[error("operation {index}: {reason}")]
    Operation {
        /// Which one, from 0.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads operations. `move` and `copy` are refused: no fix needs them.
///
/// # Errors
/// Names the operation.
pub fn parse_operations(text: &str) -> Result<Vec<Operation>, OperationError> {
    let values: Vec<serde_json::Map<String, Value>> =
        serde_json::from_str(text).map_err(|error| OperationError::NotAnArray(error.to_string()))?;
    let read = |(index, value)| read(value).map_err(|reason| OperationError::Operation { index, reason });
    values.into_iter().enumerate().map(read).collect()
}

fn read(mut object: serde_json::Map<String, Value>) -> Result<Operation, String> {
    let text = |object: &serde_json::Map<String, Value>, key: &str| {
        object.get(key).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("`{key}` is missing"))
    };
    let path = Pointer::parse(&text(&object, "path")?).map_err(|error| error.to_string())?;
    let name = text(&object, "op")?;
    let value = object.remove("value").ok_or("`value` is missing");
    match name.as_str() {
        "add" => Ok(Operation::Add { path, value: value? }),
        "replace" => Ok(Operation::Replace { path, value: value? }),
        "test" => Ok(Operation::Test { path, value: value? }),
        "remove" => Ok(Operation::Remove { path }),
        other => Err(format!("a fix may add, replace, remove and test, not `{other}`")),
    }
}

impl Operation {
    /// Where it works.
    pub fn path(&self) -> &Pointer {
        match self {
            Operation::Add { path, .. }
            | Operation::Replace { path, .. }
            | Operation::Remove { path }
            | Operation::Test { path, .. } => path,
        }
    }

    /// The same operation at another path.
    pub fn at(self, path: Pointer) -> Self {
        match self {
            Operation::Add { value, .. } => Operation::Add { path, value },
            Operation::Replace { value, .. } => Operation::Replace { path, value },
            Operation::Remove { .. } => Operation::Remove { path },
            Operation::Test { value, .. } => Operation::Test { path, value },
        }
    }

    /// The same operation on something of which the document is a part.
    pub fn below(self, base: &Pointer) -> Self {
        let path = base.concat(self.path());
        self.at(path)
    }

    /// What it changes: for one that shifts the elements of a sequence, the whole sequence.
    pub fn footprint(&self) -> Pointer {
        let path = self.path();
        match (self, path.split_last()) {
            (Operation::Add { .. } | Operation::Remove { .. }, Some((parent, last)))
                if last == "-" || last.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                parent
            }
            _ => path.clone(),
        }
    }

    /// As RFC 6902 has it.
    pub fn to_json(&self) -> Value {
        let (op, path, value) = match self {
            Operation::Add { path, value } => ("add", path, Some(value)),
            Operation::Replace { path, value } => ("replace", path, Some(value)),
            Operation::Test { path, value } => ("test", path, Some(value)),
            Operation::Remove { path } => ("remove", path, None),
        };
        let mut operation = serde_json::json!({ "op": op, "path": path.to_string() });
        if let Some(value) = value {
            operation["value"] = value.clone();
        }
        operation
    }

    /// As the `json-patch` crate has it.
    pub(crate) fn to_patch(&self) -> Result<json_patch::Patch, serde_json::Error> {
        serde_json::from_value(Value::Array(vec![self.to_json()]))
    }
}

/// Operations as RFC 6902 has them, a JSON array.
pub fn write_operations(operations: &[Operation]) -> String {
    Value::Array(operations.iter().map(Operation::to_json).collect()).to_string()
}
