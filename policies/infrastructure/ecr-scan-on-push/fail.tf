resource "aws_ecr_repository" "api" { # expect[off low likely]: images that are pushed to `aws_ecr_repository.api` are not scanned: `scan_on_push` is not set, and no registry's rule matches it
  name                 = "api"
  image_tag_mutability = "IMMUTABLE"

  encryption_configuration {
    encryption_type = "KMS"
  }
}

resource "aws_ecr_repository" "web" {
  name = "web"

  image_scanning_configuration {
    scan_on_push = false # expect[off]: `scan_on_push` is `false`
  }
}

# Somebody has to start the scans by hand; the filter matches other repositories.
resource "aws_ecr_registry_scanning_configuration" "this" {
  scan_type = "BASIC"

  rule {
    scan_frequency = "MANUAL"
    repository_filter {
      filter      = "*"
      filter_type = "WILDCARD"
    }
  }
  rule {
    scan_frequency = "SCAN_ON_PUSH"
    repository_filter {
      filter      = "prod-*"
      filter_type = "WILDCARD"
    }
  }
}

resource "aws_ecr_repository_creation_template" "mirror" { # expect[off]: images that are pushed to `aws_ecr_repository_creation_template.mirror`
  prefix      = "docker-hub"
  applied_for = ["PULL_THROUGH_CACHE"]
}

module "frontend" {
  source                        = "terraform-aws-modules/ecr/aws"
  repository_name               = "frontend"
  repository_image_scan_on_push = false # expect[off]: images that are pushed to `module.frontend`
}
