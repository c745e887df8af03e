//! `policy-host lsp`

use super::args::LspArguments;
use super::{CommandResult, Context, Exit};
use crate::bundle::Bundle;
use crate::evaluate::Judge;
use crate::lsp::{self, Ended};
use std::io::BufReader;
use std::sync::Arc;

pub(super) fn run(arguments: &LspArguments, mut context: Context) -> CommandResult {
    let today = jiff::Zoned::now().date();
    let bundle = Arc::new(Bundle::open(&arguments.bundle, &mut context.library, &context.engine, today)?);
    let judge = Judge::new(&context.engine, &bundle);
    let ended = lsp::serve(judge, BufReader::new(std::io::stdin()), std::io::stdout().lock());
    match ended.map_err(|error| format!("the client cannot be talked to: {error}"))? {
        Ended::Orderly => Ok(Exit::Clean),
        // The protocol wants 1.
        Ended::Abrupt => Ok(Exit::Findings),
    }
}
