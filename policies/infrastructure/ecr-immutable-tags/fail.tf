# As it comes from the tutorials.
resource "aws_ecr_repository" "api" { # expect[mutable medium certain]: tags of `aws_ecr_repository.api` can be overwritten: `image_tag_mutability` is not set, expected `IMMUTABLE`
  name = "api"

  image_scanning_configuration {
    scan_on_push = true
  }
}

variable "mutability" {
  default = "MUTABLE"
}

resource "aws_ecr_repository" "services" {
  for_each             = toset(["cart", "orders"])
  name                 = "shop/${each.key}"
  image_tag_mutability = var.mutability # expect[mutable]: is `MUTABLE`
  force_delete         = true
}

resource "aws_ecr_repository" "all_excluded" {
  name                 = "web"
  image_tag_mutability = "IMMUTABLE_WITH_EXCLUSION"

  image_tag_mutability_exclusion_filter {
    filter      = "latest"
    filter_type = "WILDCARD"
  }
  image_tag_mutability_exclusion_filter {
    filter      = "*" # expect[excludes-releases medium certain]: the filter `*` of `aws_ecr_repository.all_excluded` lets every release be overwritten
    filter_type = "WILDCARD"
  }
}

resource "aws_ecr_repository" "versions_excluded" {
  name                 = "worker"
  image_tag_mutability = "IMMUTABLE_WITH_EXCLUSION"

  image_tag_mutability_exclusion_filter {
    filter      = "v*" # expect[excludes-releases]: the filter `v*`
    filter_type = "WILDCARD"
  }
}

# The other way round: what stays is a tag for developers.
resource "aws_ecr_repository" "mostly_mutable" {
  name                 = "jobs"
  image_tag_mutability = "MUTABLE_WITH_EXCLUSION" # expect[mutable]: is `MUTABLE_WITH_EXCLUSION`

  image_tag_mutability_exclusion_filter {
    filter      = "stable"
    filter_type = "WILDCARD"
  }
}

resource "aws_ecr_repository_creation_template" "mirror" {
  prefix               = "docker-hub"
  applied_for          = ["PULL_THROUGH_CACHE"]
  image_tag_mutability = "MUTABLE" # expect[mutable]: tags of `aws_ecr_repository_creation_template.mirror` can be overwritten
}

module "frontend" {
  source                          = "terraform-aws-modules/ecr/aws"
  version                         = "~> 3.0"
  repository_name                 = "frontend"
  repository_image_tag_mutability = "MUTABLE" # expect[mutable]: tags of `module.frontend` can be overwritten
}

module "backend" {
  source                          = "terraform-aws-modules/ecr/aws"
  repository_name                 = "backend"
  repository_image_tag_mutability = "IMMUTABLE_WITH_EXCLUSION"
  repository_image_tag_mutability_exclusion_filter = [
    { filter = "cache-*", filter_type = "WILDCARD" },
    { filter = "*.*.*", filter_type = "WILDCARD" }, # expect[excludes-releases]: the filter `*.*.*` of `module.backend`
  ]
}

module "posse" {
  source               = "cloudposse/ecr/aws"
  name                 = "app"
  image_tag_mutability = "MUTABLE" # expect[mutable]: tags of `module.posse`
}
