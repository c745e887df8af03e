resource "aws_ecr_repository" "api" { # expect[no-kms info certain]: images of `aws_ecr_repository.api` are encrypted with a key of AWS: `encryption_type` is not set, expected `KMS`; the type cannot be changed without deleting the repository and its images
  name = "api"
}

resource "aws_ecr_repository" "web" {
  name = "web"

  encryption_configuration {
    encryption_type = "AES256" # expect[no-kms]: `encryption_type` is AES256
  }
}

resource "aws_ecr_repository" "worker" {
  name = "worker"

  encryption_configuration { # expect[no-own-key info certain]: images of `aws_ecr_repository.worker` are encrypted with the key that AWS manages
    encryption_type = "KMS"
  }
}

module "frontend" { # expect[no-kms]: images of `module.frontend`
  source          = "terraform-aws-modules/ecr/aws"
  repository_name = "frontend"
}

module "posse" { # expect[no-kms]: images of `module.posse`
  source = "cloudposse/ecr/aws"
  name   = "app"
}
