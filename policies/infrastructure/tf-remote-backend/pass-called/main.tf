# Terraform keeps the state of all modules where the root module says.
terraform {
  backend "s3" {}
}

provider "aws" {}

module "network" {
  source = "./network"
}
