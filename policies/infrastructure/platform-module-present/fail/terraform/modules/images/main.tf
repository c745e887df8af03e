module "ecr" {
  source  = "terraform-aws-modules/ecr/aws"
  version = "~> 3.0"
}
