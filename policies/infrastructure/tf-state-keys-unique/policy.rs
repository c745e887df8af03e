use policy_sdk::prelude::*;
use policy_sdk::repository::terraform::{self, Argument, Block, Callers};

policy_sdk::rule! {
    /// No two root modules share a state
    ///
    /// The place of the state that a `backend` names is that of no other root module of the run: bucket and key (`s3`),
    /// bucket and prefix (`gcs`), account, container and key (`azurerm`), path (`consul`), address (`http`), suffix and
    /// namespace (`kubernetes`). Compared is what is written; a backend that `-backend-config` or Terragrunt completes
    /// is not evaluated.
    ///
    /// ## Why
    /// A directory was copied for a new environment, with its backend. The first `apply` there finds the resources of
    /// the old one in the state and none of them in its files, and plans to delete them. Whoever says yes has deleted
    /// production.
    ///
    /// ## Fix
    /// Give each root module a key of its own, before anybody runs `apply`:
    ///
    /// ```hcl
    /// backend "s3" {
    ///   bucket = "<bucket>"
    ///   key    = "<project>/<environment>/terraform.tfstate"
    /// }
    /// ```
    ///
    /// Where both have been applied already, `terraform state list` shows what lies in the state; move what is not of
    /// this module with `terraform state mv -state-out`.
    findings: {
        /// Two root modules write the same state
        Shared: High, Certain;
        /// They do, and one is an example or a test
        SharedSample: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: DevProdParity,
    since: "0.1.0",
    applies_to: ["file/TerraformModule"],
    uses: [Callers],
    reads: ["path", "terraform.backend"],
    inventory: {
        // What is compared besides depends on the kind of backend.
        by_key: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            relation: same {
                there: ["terraform.backend.attributes.key|terraform.backend.attributes.prefix"],
                here: ["terraform.backend.attributes.key|terraform.backend.attributes.prefix"],
            },
            reads: ["path", "terraform.backend"],
        },
        by_place: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            relation: same {
                there: ["terraform.backend.attributes.path|terraform.backend.attributes.address"],
                here: ["terraform.backend.attributes.path|terraform.backend.attributes.address"],
            },
            reads: ["path", "terraform.backend"],
        },
        by_suffix: {
            kinds: ["file/TerraformModule"],
            scope: "cluster",
            relation: same {
                there: ["terraform.backend.attributes.secret_suffix"],
                here: ["terraform.backend.attributes.secret_suffix"],
            },
            reads: ["path", "terraform.backend"],
        },
    },
}

/// Folders whose modules nobody applies to anything that lasts.
const SAMPLES: [&str; 8] = ["examples", "example", "samples", "test", "tests", "testdata", "fixtures", "e2e"];

/// The arguments of a backend that say where its state is, and those that may say more.
fn arguments(kind: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match kind {
        "s3" => (&["bucket", "key"], &["workspace_key_prefix", "endpoint", "endpoints"]),
        "gcs" => (&["bucket", "prefix"], &[]),
        "azurerm" => (&["storage_account_name", "container_name", "key"], &["environment"]),
        "consul" => (&["path"], &["address", "datacenter"]),
        "http" => (&["address"], &[]),
        "kubernetes" => (&["secret_suffix"], &["namespace", "host", "config_context"]),
        _ => return None,
    })
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let backend = Block::of(input.document.at("terraform.backend"));
    let Some((needed, more)) = arguments(backend.label(0)) else {
        return not_applicable("it has no backend that others could share");
    };
    if let Some(caller) = terraform::caller(input) {
        return not_applicable(format!("it is no root module: `{}` calls it", caller.name()));
    }
    let place: Vec<Argument<'_>> = needed.iter().map(|name| backend.argument(name)).collect();
    if place.iter().any(|argument| argument.known().is_none()) {
        return not_evaluated("where its state is is said elsewhere: the backend is not complete");
    }
    // What a script fills in before anybody runs it.
    let is_placeholder = |text: &str| text.contains(['$', '<']) || text.contains("{{");
    let mut all = needed.iter().chain(more).map(|name| backend.argument(name));
    if all.any(|argument| argument.known().and_then(View::scalar_text).is_some_and(is_placeholder)) {
        return not_evaluated("where its state is is said elsewhere: the backend has a placeholder");
    }
    let path = input.document.get("path").text();
    let is_same = |other: &Block<'_>| {
        let text =
            |block: &Block<'_>, name: &str| block.argument(name).known().and_then(View::scalar_text).map(str::to_owned);
        other.label(0) == backend.label(0)
            && needed.iter().chain(more).all(|name| text(other, name) == text(&backend, name))
    };
    // Told once, by the modules behind the first.
    let mut others: Vec<_> = ["by_key", "by_place", "by_suffix"]
        .into_iter()
        .flat_map(|query| input.related(query))
        .filter(|other| other.document.get("path").text() < path)
        .filter(|other| is_same(&Block::of(other.document.at("terraform.backend"))))
        .collect();
    others.sort_by_key(|other| other.document.get("path").text());
    let Some(other) = others.first() else { return Ok(()) };
    let first = other.document.get("path").text();
    let is_sample = [path, first].iter().any(|path| path.split('/').any(|folder| SAMPLES.contains(&folder)));
    let code = if is_sample { Code::SharedSample } else { Code::Shared };
    let what: Vec<&str> = place.iter().filter_map(Argument::known).filter_map(View::scalar_text).collect();
    let message = format!(
        "this module and `{first}` write the same state, `{}`: each plans to delete what the other has made",
        what.join("/")
    );
    let at = place.last().map_or(backend.place(), Argument::place);
    let backend = other.document.at("terraform.backend");
    findings.report(code, at, message).label_in(other, &backend, "the other one");
    Ok(())
}
