resource "aws_ecr_repository" "api" {
  name = "api"

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.ecr.arn
  }
}

module "frontend" {
  source                     = "terraform-aws-modules/ecr/aws"
  repository_name            = "frontend"
  repository_encryption_type = "KMS"
  repository_kms_key         = aws_kms_key.ecr.arn
}

module "posse" {
  source = "cloudposse/ecr/aws"
  name   = "app"
  encryption_configuration = {
    encryption_type = "KMS_DSSE"
    kms_key         = aws_kms_key.ecr.arn
  }
}
