//! Databases of RDS in Terraform: instances, clusters, and calls of the modules that make them.

use super::terraform::{self, Argument, Block};
use crate::input::Input;
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The databases of the subject, a Terraform module or plan.
    pub Databases {
        reads: [
            "resource.aws_db_instance", "resource.aws_rds_cluster", "resource.aws_rds_cluster_instance",
            "module.*.type", "module.*.attributes",
        ],
    }
}

/// What makes a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `aws_db_instance`
    Instance,
    /// `aws_rds_cluster`: Aurora, or an instance in several zones
    Cluster,
    /// `aws_rds_cluster_instance`: an instance of Aurora
    ClusterInstance,
    /// A call of the module `rds`
    InstanceModule,
    /// A call of the module `rds-aurora`
    ClusterModule,
}

/// A database.
#[derive(Clone)]
pub struct Database<'d> {
    /// What makes it.
    pub form: Form,
    /// What a message calls it: `aws_db_instance.shop`.
    pub name: String,
    /// Its arguments.
    pub block: Block<'d>,
}

impl<'d> Database<'d> {
    /// One of its arguments.
    pub fn argument(&self, name: &str) -> Argument<'d> {
        self.block.argument(name)
    }

    /// Its engine, as far as it is known: `postgres`, `aurora-mysql`.
    pub fn engine(&self) -> Option<&'d str> {
        match self.argument("engine") {
            Argument::Known(view) => view.as_str(),
            // The provider had Aurora as its default.
            Argument::Absent(_) if self.form == Form::Cluster => Some("aurora"),
            Argument::Absent(_) | Argument::Unknown(..) => None,
        }
    }

    /// Whether its storage is Aurora's, as far as it is known.
    pub fn is_aurora(&self) -> Option<bool> {
        match self.form {
            Form::ClusterInstance => Some(true),
            _ => self.engine().map(|engine| engine.starts_with("aurora")),
        }
    }

    /// The argument by which it begins with the data, and with that the settings, of another one.
    pub fn origin(&self) -> Option<Argument<'d>> {
        let names = ["replicate_source_db", "replication_source_identifier", "snapshot_identifier"];
        let by_argument = names.iter().map(|name| self.argument(name)).find(|it| !matches!(it, Argument::Absent(_)));
        by_argument.or_else(|| {
            let block =
                ["restore_to_point_in_time", "s3_import"].into_iter().find_map(|kind| self.block.blocks(kind).next());
            block.map(|block| Argument::Known(block.place().clone()))
        })
    }
}

/// The databases of the subject, in the order of their forms.
pub fn databases<'d, P: Uses<Databases>>(input: &Input<'d, P>) -> Vec<Database<'d>> {
    let module = &input.document;
    let kinds = [
        ("aws_db_instance", Form::Instance),
        ("aws_rds_cluster", Form::Cluster),
        ("aws_rds_cluster_instance", Form::ClusterInstance),
    ];
    let resources = kinds.into_iter().flat_map(|(kind, form)| {
        terraform::resources(module, kind).map(move |(address, block)| Database {
            form,
            name: terraform::full_address(kind, address),
            block,
        })
    });
    let calls = module.get("module").entries().filter_map(|(name, call)| {
        let block = Block::of(call);
        let form = form_of(block.argument("source").known().map(View::text)?)?;
        Some(Database { form, name: ["module.", name].concat(), block })
    });
    resources.chain(calls).filter(|database| !database.block.is_left_out()).collect()
}

/// What a module from elsewhere makes, as its name says: that of the registry, or of its repository.
fn form_of(source: &str) -> Option<Form> {
    let source = source.split('?').next()?.trim_end_matches(".git");
    let path = source.split("//modules/").next()?.trim_end_matches(".git");
    let is = |name: &str| {
        path.ends_with(&["/terraform-aws-", name].concat()) || path.contains(&["/", name, "/aws"].concat())
    };
    if is("rds-aurora") {
        Some(Form::ClusterModule)
    } else if is("rds") {
        Some(Form::InstanceModule)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn databases_of_all_forms_are_found() {
        const MODULE: &str = r#"{"resource": {
            "aws_db_instance": {
                "module.a.shop": {"attributes": {"engine": "postgres"}, "blocks": []},
                "off": {"attributes": {"count": 0}, "blocks": []},
                "replica": {"attributes": {"replicate_source_db": {"$unknown": "x.y"}}, "blocks": []}},
            "aws_rds_cluster": {"old": {"attributes": {}, "blocks": [{"type": "restore_to_point_in_time"}]}},
            "aws_rds_cluster_instance": {"one": {"attributes": {}, "blocks": []}}},
            "module": {
                "db": {"attributes": {"source": "terraform-aws-modules/rds/aws//modules/db_instance"}},
                "au": {"attributes": {"source": "git::https://x/terraform-aws-rds-aurora.git?ref=1"}},
                "other": {"attributes": {"source": "./rds"}}}}"#;
        look("", MODULE, &[], &[], |input| {
            let told: Vec<_> = databases(input)
                .iter()
                .map(|it| format!("{:?} {} {:?} {}", it.form, it.name, it.is_aurora(), it.origin().is_some()))
                .collect();
            let expected = [
                "Instance aws_db_instance.module.a.shop Some(false) false",
                "Instance aws_db_instance.replica None true",
                "Cluster aws_rds_cluster.old Some(true) true",
                "ClusterInstance aws_rds_cluster_instance.one Some(true) false",
                "InstanceModule module.db None false",
                "ClusterModule module.au None false",
            ];
            assert_eq!(told, expected);
        });
    }
}
