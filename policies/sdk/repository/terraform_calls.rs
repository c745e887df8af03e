//! Calls of Terraform modules that are well known, and what they make: a cluster, a bucket, a repository of images.

use super::terraform::{Argument, Block, resources};
use super::terraform_links::name_of;
use crate::json::View;

/// A call of a module.
#[derive(Clone)]
pub struct Call<'d> {
    /// Its name, behind those of the modules that it is in.
    pub address: &'d str,
    /// Its arguments.
    pub block: Block<'d>,
}

/// The calls of a module, without those that are made no time. The rule reads `module.*.attributes`.
pub fn calls<'d>(module: &View<'d>) -> impl Iterator<Item = Call<'d>> + use<'d> {
    let calls = module.get("module").entries().map(|(address, view)| Call { address, block: Block::of(view) });
    calls.filter(|call| !call.block.is_left_out())
}

impl<'d> Call<'d> {
    /// Whether it is of a module of the public registry, `terraform-aws-modules/eks/aws`, or of one inside it,
    /// `terraform-aws-modules/eks/aws//modules/karpenter`; also from its repository.
    pub fn is_of(&self, module: &str) -> bool {
        let (wanted, wanted_inner) = module.split_once("//").unwrap_or((module, ""));
        let source = self.source();
        let source = source.split_once('?').map_or(source, |(source, _)| source);
        let path = source.split_once("://").map_or(source, |(_, path)| path);
        let (path, inner) = path.split_once("//").unwrap_or((path, ""));
        let mut parts = wanted.split('/');
        let (Some(owner), Some(name), Some(provider)) = (parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        let of_registry = ["", "registry.terraform.io/", "registry.opentofu.org/"]
            .iter()
            .any(|host| path.strip_prefix(host).is_some_and(|path| path == wanted));
        let path = path.strip_suffix(".git").unwrap_or(path);
        let repository = path.rsplit('/').next().unwrap_or_default();
        let of_repository = repository.strip_prefix("terraform-").and_then(|rest| rest.strip_prefix(provider))
            == Some(&["-", name].concat())
            && path[..path.len() - repository.len()].trim_end_matches('/').ends_with(owner)
            && path.contains("github.com");
        (of_registry || of_repository) && inner.trim_end_matches('/') == wanted_inner
    }

    /// Where the module comes from, as it is written; empty where that is not known.
    pub fn source(&self) -> &'d str {
        self.block.argument("source").known().map(View::text).unwrap_or_default()
    }

    /// Whether every version that it may have is older than this major one.
    pub fn is_before(&self, major: u64) -> bool {
        let of_source = self.source().split_once("ref=").map(|(_, reference)| reference);
        let version = self.block.argument("version");
        let written = of_source.or_else(|| version.known().map(View::text)).unwrap_or_default();
        written.split(',').filter_map(last_major).any(|last| last < major)
    }

    /// The argument that is written under one of some names, which versions of the module have had; else the first.
    pub fn argument(&self, names: &[&str]) -> Argument<'d> {
        let all = || names.iter().map(|name| self.block.argument(name));
        let written = all().find(|argument| !matches!(argument, Argument::Absent(_)));
        written.or_else(|| all().next()).unwrap_or_else(|| Argument::Absent(self.block.place().clone()))
    }
}

/// The last major version that one demand of a constraint admits: 20 of `~> 20.8` and `< 21.0`; `None` where it has no end.
fn last_major(demand: &str) -> Option<u64> {
    let demand = demand.trim();
    let version = demand.trim_start_matches(|sign: char| !sign.is_ascii_digit());
    let operator = demand[..demand.len() - version.len()].trim().trim_end_matches('v').trim_end();
    let mut numbers = version.split(['.', '-', '+', '&']).map(|part| part.parse::<u64>().ok());
    let major = numbers.next()??;
    let rest: Vec<u64> = numbers.map_while(|number| number).collect();
    match operator {
        "" | "=" | "<=" => Some(major),
        "~>" if !rest.is_empty() => Some(major),
        "<" if rest.iter().all(|number| *number == 0) => major.checked_sub(1),
        "<" => Some(major),
        _ => None,
    }
}

/// Something that a resource is, or that a well-known module makes.
#[derive(Clone)]
pub struct Made<'d> {
    /// What messages call it: `aws_eks_cluster.shop`, `module.eks`.
    pub called: String,
    /// The resource, or the call.
    pub block: Block<'d>,
    /// The resource's address, where it is one.
    pub resource: Option<&'d str>,
    /// The call, where it is one.
    pub call: Option<Call<'d>>,
}

/// The resources of some types, and the calls of modules that make one. The rule reads `resource.TYPE` of each and
/// `module.*.attributes`.
pub fn made<'d>(module: &View<'d>, types: &[&str], modules: &[&str]) -> Vec<Made<'d>> {
    let of_type = |kind: &&str| {
        let kind = (*kind).to_owned();
        resources(module, &kind.clone()).map(move |(address, block)| Made {
            called: name_of(&kind, address),
            block,
            resource: Some(address),
            call: None,
        })
    };
    let of_call = calls(module).filter(|call| modules.iter().any(|module| call.is_of(module)));
    let of_call = of_call.map(|call| Made {
        called: name_of("module", call.address),
        block: call.block.clone(),
        resource: None,
        call: Some(call),
    });
    types.iter().flat_map(of_type).chain(of_call).collect()
}

impl<'d> Made<'d> {
    /// Its argument: of the resource by its path, `vpc_config.endpoint_public_access`, of the call by one of the names.
    pub fn argument(&self, of_resource: &str, of_call: &[&str]) -> Argument<'d> {
        match &self.call {
            Some(call) => call.argument(of_call),
            None => self.block.argument_at(of_resource),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[test]
    fn calls_of_modules_are_known_by_their_sources() {
        let call = |source: &str, version: &str, looked: fn(&Call<'_>) -> bool| {
            let text =
                format!(r#"{{"module": {{"m": {{"attributes": {{"source": "{source}", "version": "{version}"}}}}}}}}"#);
            let json = Json::parse(&text).unwrap();
            calls(&json.root()).any(|call| looked(&call))
        };
        let is_eks: fn(&Call<'_>) -> bool = |call| call.is_of("terraform-aws-modules/eks/aws");
        for source in [
            "terraform-aws-modules/eks/aws",
            "registry.terraform.io/terraform-aws-modules/eks/aws",
            "github.com/terraform-aws-modules/terraform-aws-eks?ref=v20.8.4",
            "git::https://github.com/terraform-aws-modules/terraform-aws-eks.git?ref=v20.8.4",
            "git@github.com:terraform-aws-modules/terraform-aws-eks.git",
        ] {
            assert!(call(source, "", is_eks), "{source}");
        }
        for source in [
            "terraform-aws-modules/eks/aws//modules/karpenter",
            "acme/eks/aws",
            "./eks",
            "git::https://git.example.com/terraform-aws-modules/eks.git",
        ] {
            assert!(!call(source, "", is_eks), "{source}");
        }
        let inner: fn(&Call<'_>) -> bool = |call| call.is_of("terraform-aws-modules/eks/aws//modules/karpenter");
        assert!(call("terraform-aws-modules/eks/aws//modules/karpenter", "", inner));
        assert!(call(
            "git::https://github.com/terraform-aws-modules/terraform-aws-eks.git//modules/karpenter?ref=v1",
            "",
            inner
        ));
        let is_old: fn(&Call<'_>) -> bool = |call| call.is_before(18);
        for (version, is_before) in [
            ("17.24.0", true),
            ("~> 17.24", true),
            (">= 17.0, < 18.0", true),
            ("<= 17.2", true),
            ("~> 17", false),
            ("< 18.1", false),
            (">= 17.0", false),
            ("20.1.0", false),
            ("", false),
        ] {
            assert_eq!(call("terraform-aws-modules/eks/aws", version, is_old), is_before, "{version}");
        }
        assert!(call("github.com/terraform-aws-modules/terraform-aws-eks?ref=v17.1.0", "", is_old));
        assert!(!call("github.com/terraform-aws-modules/terraform-aws-eks?ref=main", "", is_old));
    }

    #[test]
    fn what_is_made_is_a_resource_or_a_call() {
        let json = Json::parse(
            r#"{"resource": {"aws_eks_cluster": {"module.m.c": {"attributes": {}, "blocks": [
                    {"type": "vpc_config", "attributes": {"open": true}, "blocks": []}]}}},
                "module": {"eks": {"attributes": {"source": "terraform-aws-modules/eks/aws", "cluster_open": false}},
                    "none": {"attributes": {"source": "terraform-aws-modules/eks/aws", "count": 0}},
                    "vpc": {"attributes": {"source": "terraform-aws-modules/vpc/aws"}}}}"#,
        )
        .unwrap();
        let made = made(&json.root(), &["aws_eks_cluster"], &["terraform-aws-modules/eks/aws"]);
        let told = made.iter().map(|made| {
            let open = made.argument("vpc_config.open", &["open", "cluster_open"]);
            format!("{} {:?}", made.called, open.known().and_then(View::as_bool))
        });
        assert_eq!(told.collect::<Vec<_>>(), ["aws_eks_cluster.module.m.c Some(true)", "module.eks Some(false)"]);
    }
}
