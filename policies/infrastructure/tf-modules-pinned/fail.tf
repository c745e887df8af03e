# The newest of everything.
module "vpc" {
  source = "terraform-aws-modules/vpc/aws" # expect[no-version medium certain]: the module `vpc` of a registry has no `version`
}

module "private" {
  source  = "registry.example.com/platform/network/aws//modules/private"
  version = ">= 1.0" # expect[open-range]: the version `>= 1.0` of the module `private` has no upper bound
}

# Only the last number that is given may grow, so this allows 6.0 as well.
module "one_number" {
  source  = "terraform-aws-modules/s3-bucket/aws"
  version = "~> 5" # expect[open-range]: the version `~> 5`
}

module "excluded" {
  source  = "terraform-aws-modules/s3-bucket/aws"
  version = ">= 4.0, != 4.2.1" # expect[open-range]: has no upper bound
}

# What Terraform writes into its own documentation.
module "minor" {
  source  = "hashicorp/consul/aws"
  version = "~> 0.1" # expect[minor-range info]: allows new minor versions
}

module "between" {
  source  = "hashicorp/consul/aws"
  version = ">= 0.1, < 2.0" # expect[minor-range]: the version `>= 0.1, < 2.0`
}

module "eks" {
  source = "git::https://git.example.com/platform/eks.git" # expect[no-ref]: the module `eks` is whatever the default branch holds, expected `?ref=` with a tag
}

module "github" {
  source = "github.com/terraform-aws-modules/terraform-aws-vpc" # expect[no-ref]: the module `github`
}

module "ssh" {
  source = "git@github.com:acme/network.git?depth=1" # expect[no-ref]: the module `ssh`
}

module "empty" {
  source = "git::ssh://git@git.example.com/platform/dns.git?ref=" # expect[no-ref]: the module `empty`
}

module "branch" {
  # expect[branch]: the module `branch` follows the branch `main`, expected a tag or commit
  source = "git::https://git.example.com/platform/eks.git//modules/nodes?depth=1&ref=main" # excerpt: main
}

module "heads" {
  source = "git::https://git.example.com/platform/eks.git?ref=refs/heads/release" # expect[branch]: `refs/heads/release`
}

module "mercurial" {
  source = "hg::https://hg.example.com/network.hg" # expect[no-ref]: the module `mercurial`
}

module "archive" {
  source = "https://artifacts.example.com/modules/vpc.zip//aws" # expect[archive]: the archive of the module `archive` may change: the address has no `checksum`
}

module "by_parameter" {
  source = "https://artifacts.example.com/modules/vpc?archive=zip" # expect[archive]: has no `checksum`
}

module "bucket" {
  source = "s3::https://s3-eu-central-1.amazonaws.com/acme-modules/vpc.zip" # expect[archive]: has no `version`
}

module "cloud_storage" {
  source = "gcs::https://www.googleapis.com/storage/v1/modules/vpc.zip" # expect[archive]: has no `generation`
}
