# HCP Terraform keeps the state.
terraform {
  cloud {
    organization = "acme"

    workspaces {
      name = "shop-prod"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
}
