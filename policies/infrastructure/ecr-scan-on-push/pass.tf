resource "aws_ecr_repository" "api" {
  name = "api"

  image_scanning_configuration {
    scan_on_push = true
  }
}

module "frontend" {
  source          = "terraform-aws-modules/ecr/aws"
  repository_name = "frontend"
}

module "posse" {
  source = "cloudposse/ecr/aws"
  name   = "app"
}
