resource "aws_ecr_repository" "api" {
  name                 = "api"
  image_tag_mutability = "IMMUTABLE"
}

# Reported to reviewers of ECR as flagged for nothing: only a tag for developers moves.
resource "aws_ecr_repository" "dev" {
  name                 = "dev-scratch"
  image_tag_mutability = "IMMUTABLE_WITH_EXCLUSION"

  image_tag_mutability_exclusion_filter {
    filter_type = "WILDCARD"
    filter      = "latest-dev"
  }
  image_tag_mutability_exclusion_filter {
    filter_type = "WILDCARD"
    filter      = "cache-*"
  }
}

# Releases stay, all else moves.
resource "aws_ecr_repository" "releases" {
  name                 = "releases"
  image_tag_mutability = "MUTABLE_WITH_EXCLUSION"

  image_tag_mutability_exclusion_filter {
    filter_type = "WILDCARD"
    filter      = "v*"
  }
}

# Not made at all.
resource "aws_ecr_repository" "gone" {
  count = 0
  name  = "gone"
}

# Their default.
module "frontend" {
  source          = "terraform-aws-modules/ecr/aws"
  version         = "3.2.0"
  repository_name = "frontend"
}

module "posse" {
  source = "cloudposse/ecr/aws"
  name   = "app"
}

# Public images are meant to be there for others.
module "public" {
  source                          = "terraform-aws-modules/ecr/aws"
  repository_type                 = "public"
  repository_image_tag_mutability = "MUTABLE"
}

resource "aws_ecrpublic_repository" "tool" {
  repository_name = "tool"
}

# Filters count with exclusions only.
resource "aws_ecr_repository" "worker" {
  name                 = "worker"
  image_tag_mutability = "IMMUTABLE"

  dynamic "image_tag_mutability_exclusion_filter" {
    for_each = var.filters
    content {
      filter      = image_tag_mutability_exclusion_filter.value
      filter_type = "WILDCARD"
    }
  }
}
