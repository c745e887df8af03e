# No backend: Terraform falls back to a local file.
terraform { # expect[missing]: the root module declares no `backend`: unless a wrapper writes one, its state is a local file
  required_version = "~> 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
}
